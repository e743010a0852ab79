"""How far a model's robustness numbers can be trusted, beside every statement about its robustness."""

import streamlit as st

from dashboard.components.words import counted
from dashboard.language import tr
from dashboard.services.results.common import ModelChoice
from dashboard.services.trust import trust
from dashboard.services.words import Text, short_eps

BADGES = {
    "green": (Text("lab.measurement-check", "Measurement check: no flaw found"), ":material/fact_check:", "grey"),
    "amber": (Text("lab.measurement-check-flaws", "Measurement check: flaws found"), ":material/report:", "orange"),
    "red": (
        Text("lab.measurement-check-severe", "Measurement check: severe flaw found"),
        ":material/dangerous:",
        "red",
    ),
    "none": (Text("lab.not-audited", "Not audited"), ":material/help:", "grey"),
}
"""What was checked is the measurement: none of these says that a model is robust, and none is green or a tick."""


def trust_line(model: ModelChoice) -> None:
    """The model's robust accuracy with its attack strength, and what the checks found in that measurement."""
    found = trust(model)
    words, icon, colour = BADGES[found.verdict]
    reasons = " ".join([tr(found.meaning), *(tr(reason) for reason in found.reasons)])
    if found.verdict == "none":
        st.badge(tr(words), icon=icon, color=colour)  # type: ignore[arg-type]
        st.caption(reasons)
        return
    st.caption(
        tr(
            "lab.robust-accuracy",
            "**Robust accuracy ≤ {share}** at ε = {eps} ({robust} of {n} scans).",
            share=counted(found.robust / found.n),
            eps=short_eps(found.eps),
            robust=found.robust,
            n=found.n,
        )
    )
    st.caption(f"{icon} " + tr("lab.check-n", "{check} on {n} scans.", check=tr(words), n=found.n), help=reasons)


def trust_link() -> None:
    """Where the audits are told in full."""
    st.page_link(
        "dashboard/views/robustness/page.py",
        label=tr("lab.what-audits", "What the audits check, and every robustness number"),
        icon=":material/shield:",
    )
