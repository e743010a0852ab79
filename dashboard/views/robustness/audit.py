"""The audits in full: the verdict, the robust accuracy it is about, and every finding."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components.record_parts import again, not_measured
from dashboard.components.words import eps_words
from dashboard.language import language, tr
from dashboard.services import commands, robust_curves
from dashboard.services.record_types import AuditRecord, RecordedFinding
from dashboard.services.records import TaskRecords
from dashboard.services.results.robustness import RobustnessCurve
from dashboard.services.trust import GROUPS
from dashboard.services.words import Text
from dashboard.views.robustness.accuracy_table import badge_words

MARKS = {
    "passed": (":material/check_circle:", Text("robustness.passed", "passed")),
    "not applicable": (":material/remove:", Text("robustness.does-not", "does not apply")),
    "amber": (":material/report:", Text("robustness.flaw-amber", "flaw, amber")),
    "red": (":material/dangerous:", Text("robustness.flaw-red", "flaw, red")),
}
"""Icon and word for a finding: neither needs the colour."""


def audit_section(found: TaskRecords, curves: Sequence[RobustnessCurve]) -> None:
    """One block a model: its card's models first, then audits of others."""
    st.markdown(
        tr(
            "robustness.audit-checks",
            "The audit checks the model's contract, its gradients and the attack itself (Carlini et al. 2019, Athalye "
            "et al. 2018, Tramèr et al. 2020, Pintor et al. 2022). Green: no flaw found. Amber: robust accuracy is an "
            "upper bound. Red: do not rely on it.",
        )
    )
    titles = {each.card.name: each.card.title for each in found.models} | {curve.key: curve.title for curve in curves}
    for name in dict.fromkeys([*titles, *found.audits]):
        with st.container(border=True):
            _block(found, name, tr(titles.get(name, robust_curves.title_of(name))))


def _block(found: TaskRecords, name: str, title: str) -> None:
    verdict = robust_curves.verdict(found, name)
    st.markdown(f"**{title}** {badge_words(verdict.word)}")
    st.markdown(tr(verdict.meaning))
    if verdict.record is None:
        not_measured(tr("robustness.no-audit", "No audit of these weights."), commands.audit_command(found.task, name))
        return
    _findings(found.task, name, verdict.record)
    again(commands.audit_command(found.task, name))


def _findings(task: str, name: str, record: AuditRecord) -> None:
    numbers = record.numbers
    low, high = numbers.robust_interval
    st.caption(
        tr(
            "robustness.eps-eps",
            "At ε = {eps} robust accuracy is at most {share:.1f}% ({robust} of {n} scans, 95% interval {low:.0f}% to "
            "{high:.0f}%); clean accuracy is {clean:.1f}%.",
            share=100 * numbers.robust / numbers.n,
            robust=numbers.robust,
            n=numbers.n,
            eps=eps_words(numbers.eps),
            low=100 * low,
            high=100 * high,
            clean=100 * numbers.clean / numbers.n,
        )
    )
    for found in numbers.findings:
        if found.severity is not None:
            st.markdown(_line(found))
    status = [found.status for found in numbers.findings]
    details = st.expander(
        tr(
            "robustness.all-n",
            "All {n} findings ({flaws} of {applied} checks found a flaw)",
            n=len(status),
            flaws=status.count("failed"),
            applied=len(status) - status.count("not applicable"),
        ),
        key=f"robustness_findings_{task}_{name}",
        on_change="rerun",
    )
    if details.open:
        with details:
            if language() != "en":
                st.caption(
                    tr("robustness.sentences-figures", "The sentences with figures are the audit's own, in English.")
                )
            _groups(numbers.findings)


def _groups(findings: Sequence[RecordedFinding]) -> None:
    for group, title in GROUPS.items():
        own = [found for found in findings if found.group == group]
        if own:
            st.markdown(f"**{tr(title)}**")
            st.markdown("\n".join(f"- {_line(found)}" for found in own))


def _line(found: RecordedFinding) -> str:
    icon, word = MARKS[found.severity or found.status] if found.status != "failed" else MARKS[found.severity or "red"]
    return f"{icon} **{tr(found.title)}** ({tr(word)}): {tr(found.sentence)}"
