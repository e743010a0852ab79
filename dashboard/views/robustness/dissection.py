"""Module ablation: each module of a trained model removed without retraining, and where its gates stand."""

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import again, attack_words, balanced_columns, not_measured, save_data
from dashboard.language import tr
from dashboard.services import commands
from dashboard.services.record_types import Balanced, DissectionRecord, Gates, Match
from dashboard.services.records import TaskRecords
from dashboard.services.robust_curves import title_of
from dashboard.services.words import format_eps


def dissection_section(found: TaskRecords) -> None:
    """A table a model, with its gates in words above it."""
    st.subheader(tr("robustness.module-ablation", "Module ablation without retraining"), anchor=False)
    st.markdown(
        tr(
            "robustness.one-module",
            "One module of a trained model is removed without retraining: its output becomes its mean over the scans. "
            "Each model is attacked again. A row like the first means that the module contributes nothing to the "
            "prediction; its maps on the page *Attention* then explain nothing.",
        )
    )
    cards = {each.card.name: each.card for each in found.models}
    others = [name for name, record in found.dissections.items() if found.match(name, record) is Match.OTHER_WEIGHTS]
    titles = {name: tr(cards[name].title if name in cards else title_of(name)) for name in found.dissections}
    if others:
        st.warning(
            tr(
                "robustness.measured-other",
                "Measured with other weights, so left out: {models}.",
                models=", ".join(titles[name] for name in others),
            ),
            icon=":material/report:",
        )
    if not found.dissections.keys() - set(others):
        not_measured(tr("robustness.no-module", "No module ablation."), commands.dissect_command(found.task, "meddef"))
    for name, record in found.dissections.items():
        if name not in others:
            _network(found.task, name, titles[name], record)


def _network(task: str, name: str, title: str, record: DissectionRecord) -> None:
    numbers = record.numbers
    st.markdown(f"**{title}**. {gate_words(numbers.gates)}")
    st.dataframe(
        pd.DataFrame(
            {
                tr("robustness.removed-module", "removed module"): [tr(row.title) for row in numbers.lesions],
                tr("robustness.clean", "clean, %"): [_shown(row.clean) for row in numbers.lesions],
                tr("robustness.attacked", "attacked, %"): [_shown(row.attacked) for row in numbers.lesions],
                tr("robustness.changed-clean", "changed clean predictions"): [
                    row.read_otherwise for row in numbers.lesions
                ],
                "p": [f"{row.p:.2g}" for row in numbers.lesions],
            }
        ),
        hide_index=True,
        key=f"robustness_dissection_{task}_{name}",
        alt=tr("robustness.model-accuracy", "{model}: accuracy with each module removed", model=title),
    )
    st.caption(
        tr(
            "robustness.balanced-accuracy-95",
            "Balanced accuracy with 95% intervals, n = {n}; {attack} at ε = {eps}, an upper bound. p: McNemar's test "
            "against the model as trained.",
            attack=attack_words(record.spec),
            n=numbers.n,
            eps=format_eps(numbers.eps),
        )
    )
    save_data(lesion_table(name, record), name=f"{task}-dissection-{name}")
    again(commands.dissect_command(task, name, record))


def gate_words(gates: Gates) -> str:
    """Where the gates stand and what an attack does to them."""
    said = tr(
        "robustness.daam-adds",
        "DAAM adds {added:.0f}% to the norm of its features. The attack changes them by {before:.0f}% before DAAM and "
        "by {after:.0f}% after it.",
        added=100 * gates.added,
        before=100 * gates.moved_before,
        after=100 * gates.moved_after,
    )
    gate = gates.noise_gate
    if gate is None:
        return said
    told = tr(
        "robustness.afds-gate",
        "AFD's gate is {mean:.2f} on average; {decided:.1f}% of its values are below 0.1 or above 0.9. The attack "
        "changes it by {moved:.3f}. Its mean detects attacked scans with a ROC area of {area:.2f} (chance: 0.50).",
        mean=gate.mean,
        decided=100 * (gate.shut + gate.open),
        moved=gate.moved,
        area=gate.detects,
    )
    return f"{said} {told}"


def lesion_table(name: str, record: DissectionRecord) -> pd.DataFrame:
    """A row a lesion, as CSV."""
    about = {"model": name, "n": record.numbers.n, "epsilon": record.numbers.eps}
    return pd.DataFrame(
        [
            about
            | {"lesion": row.lesion, "read_otherwise": row.read_otherwise, "p": row.p}
            | balanced_columns(row.clean, prefix="clean_")
            | balanced_columns(row.attacked, prefix="attacked_")
            for row in record.numbers.lesions
        ]
    )


def _shown(share: Balanced) -> str:
    low, high = share.balanced_interval
    return f"{100 * share.balanced_accuracy:.1f} ({100 * low:.0f}–{100 * high:.0f})"
