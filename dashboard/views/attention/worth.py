"""What a module is worth to the output, from the record of its ablation, above the maps that it draws."""

from collections.abc import Sequence

import streamlit as st

from dashboard.language import tr
from dashboard.services import ablation, records
from dashboard.services.record_types import DissectionRecord, Match
from dashboard.services.results.attention import Inspected
from dashboard.services.results.common import ModelChoice
from dashboard.services.words import Text, short_eps

MODULES = {
    "daam": Text("attention.daam-2", "its DAAM"),
    "gate": Text("attention.afd-gate", "its AFD gate"),
    "mfe": Text("attention.mfe", "its MFE"),
    "msf": Text("attention.msf", "its MSF"),
    "omega": Text("attention.channel-attention-2", "its channel attention"),
    "attention": Text("attention.self-attention-3", "its self-attention"),
}
"""What a record removes, in words, by its name there."""

OF_SECTION = {"modules": "daam", "channels": "omega", "self-attention": "attention"}
"""The module that a section of the page draws."""

OF_MAP = {
    "afd_gate": "gate",
    "mfe_edges": "mfe",
    "mfe_texture": "mfe",
    "msf_2": "msf",
    "msf_4": "msf",
    "msf_8": "msf",
    "channel_attention": "omega",
    "self_attention": "attention",
}
"""The module that a map is read from; Grad-CAM is of none."""

FEW = 0.02
"""A module whose removal changes at most this share of the predictions has little effect, unless it changes what is
robust under attack."""


def worth(section: str, inspected: Sequence[Inspected], *, task: str) -> None:
    """One sentence or two a model whose modules were measured; nothing for the others."""
    if section not in OF_SECTION:
        return
    for each in inspected:
        said = _measured(each.model, OF_SECTION[section], task=task)
        if said:
            st.info(said, icon=":material/experiment:")


def worth_of_map(key: str, model: ModelChoice, *, task: str) -> str:
    """What one map of one model is worth, in a sentence or two."""
    if key not in OF_MAP:
        return tr(
            "attention.grad-cam-computed",
            "Grad-CAM is computed from the output itself: brighter regions raised the score of the class.",
        )
    said = _measured(model, OF_MAP[key], task=task)
    return said or tr(
        "attention.how-much",
        "How much this module matters to the output of {model} was not measured.",
        model=tr(model.title),
    )


def _measured(model: ModelChoice, module: str, *, task: str) -> str:
    """What removing a module changed; empty where no record of these weights says it."""
    record = _record(model, task=task)
    rows = {} if record is None else {row.lesion: row for row in record.numbers.lesions}
    if record is None or module not in rows or "none" not in rows:
        return ""
    found, intact, n = rows[module], rows["none"], record.numbers.n
    said = tr(
        "attention.removing-module",
        "Removing {module} changed {changed} of {n} predictions of {model}; robust accuracy at ε = {eps} is "
        "{after:.0f}% without it and {before:.0f}% with it.",
        model=tr(model.title),
        module=tr(MODULES[module]),
        changed=found.read_otherwise,
        n=n,
        after=100 * found.attacked.balanced_accuracy,
        before=100 * intact.attacked.balanced_accuracy,
        eps=short_eps(record.numbers.eps),
    )
    if found.read_otherwise <= FEW * n and not ablation.significant(found.p):
        little = tr(
            "attention.module-little",
            "**This module has little effect on the output**: its maps say little about the prediction.",
        )
        said = f"{little} {said}"
    return said


def _record(model: ModelChoice, *, task: str) -> DissectionRecord | None:
    """The module ablation of these very weights."""
    name, known = model.id.partition("/")[2], records.of_task(task)
    record = known.dissections.get(name)
    return record if record is not None and known.match(name, record) is Match.MATCHED else None
