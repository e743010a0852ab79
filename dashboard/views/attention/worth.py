"""What a module is worth to the answer, from the record of its dissection, above the maps that it draws."""

from collections.abc import Sequence

import streamlit as st

from dashboard.language import tr
from dashboard.services import ablation, records
from dashboard.services.record_types import Match
from dashboard.services.results.attention import Inspected
from dashboard.services.words import short_eps

LESIONS = {
    "modules": ("daam", "its DAAM"),
    "channels": ("omega", "its channel attention"),
    "self-attention": ("attention", "its self-attention"),
}
"""The lesion that puts out of action what a section of the page draws, and what that is, in words."""

FEW = 0.02
"""A module whose loss changes the reading of at most this share of the scans hardly enters the answer, unless it
changes what holds under attack."""


def worth(section: str, inspected: Sequence[Inspected], *, task: str) -> None:
    """One sentence or two a model whose modules were measured; nothing for the others."""
    if section not in LESIONS:
        return
    lesion, module = LESIONS[section]
    known = records.of_task(task)
    for each in inspected:
        name = each.model.id.partition("/")[2]
        record = known.dissections.get(name)
        if record is None or known.match(name, record) is not Match.MATCHED:
            continue
        rows = {row.lesion: row for row in record.numbers.lesions}
        if lesion not in rows or "none" not in rows:
            continue
        found, intact = rows[lesion], rows["none"]
        said = tr(
            "Measured, {model}: with {module} put out of action it reads {changed} of {n} scans otherwise, and "
            "{after:.0f}% hold at ε = {eps} instead of {before:.0f}%.",
            model=tr(each.model.title),
            module=tr(module),
            changed=found.read_otherwise,
            n=record.numbers.n,
            after=100 * found.attacked.balanced_accuracy,
            before=100 * intact.attacked.balanced_accuracy,
            eps=short_eps(record.numbers.eps),
        )
        if found.read_otherwise <= FEW * record.numbers.n and not ablation.significant(found.p):
            said += " " + tr("So what these maps show hardly enters its answer; Grad-CAM follows the answer itself.")
        st.info(said, icon=":material/experiment:")
