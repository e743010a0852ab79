"""How far a model's robustness numbers can be trusted, beside every statement about its robustness."""

import streamlit as st

from dashboard.components.words import eps_words
from dashboard.language import tr
from dashboard.services.results.common import ModelChoice
from dashboard.services.trust import trust

BADGES = {
    "green": ("Audit: green", ":material/verified:", "green"),
    "amber": ("Audit: amber", ":material/report:", "orange"),
    "red": ("Audit: red", ":material/dangerous:", "red"),
    "none": ("Not audited", ":material/help:", "grey"),
}
"""The word and the icon say it without the colour."""


def trust_line(model: ModelChoice) -> None:
    """Badge, meaning and reasons of one model's audit."""
    found = trust(model)
    words, icon, colour = BADGES[found.verdict]
    st.badge(tr(words), icon=icon, color=colour)  # type: ignore[arg-type]
    said = [tr(found.meaning), *(tr(reason) for reason in found.reasons)]
    if found.verdict != "none":
        said.append(
            tr(
                "Audited at ε = {eps}: robust accuracy is at most {share:.1f}% ({robust} of {n} scans).",
                eps=eps_words(found.eps),
                share=100 * found.robust / found.n,
                robust=found.robust,
                n=found.n,
            )
        )
    st.caption(" ".join(said))


def trust_link() -> None:
    """Where the audits are told in full."""
    st.page_link(
        "dashboard/views/robustness/page.py",
        label=tr("What the audits check, and every robustness number"),
        icon=":material/shield:",
    )
