"""Two studies around the models: defences from the literature, and pruning."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import (
    again,
    attack_words,
    figure,
    not_measured,
    share_columns,
    shown_title,
)
from dashboard.language import tr
from dashboard.services import commands
from dashboard.services.record_types import (
    BaselineNumbers,
    BaselineRecord,
    Match,
    PruneRecord,
    PruneRow,
)
from dashboard.services.records import TaskRecords
from dashboard.services.robust_curves import title_of
from dashboard.services.words import format_eps
from dashboard.views.robustness import figures


def baselines_section(found: TaskRecords) -> None:
    """Defences under a non-adaptive and under an adaptive attack."""
    st.markdown(
        tr(
            "robustness.each-defence",
            "Each defence is put around the undefended model and attacked twice. The non-adaptive attack ignores it; "
            "the adaptive attack knows it. A defence that only resists the first hides its gradient and is not robust.",
        )
    )
    record = found.baselines
    if record is None or not record.numbers.rows:
        not_measured(
            tr("robustness.no-comparison", "No comparison with other defences."),
            commands.baselines_command(found.task, found.shipped),
        )
        return
    numbers = record.numbers
    st.caption(
        tr(
            "robustness.attack-eps-eps",
            "{attack} at ε = {eps}, n = {n}, balanced accuracy with 95% intervals: an upper bound for both attacks.",
            attack=attack_words(numbers.attack),
            eps=format_eps(numbers.eps),
            n=numbers.n,
        )
    )
    matches = [found.match_claim(row.claim(found.task)) for row in numbers.rows]
    titles = [shown_title(row.title, each) for row, each in zip(numbers.rows, matches, strict=True)]
    figure(
        figures.baselines(numbers.rows, titles),
        name=f"{found.task}-baselines",
        alt=_fallen(numbers, titles),
        data=baseline_table(numbers, matches),
    )
    _not_compared(found, record, matches)
    again(commands.baselines_command(found.task, found.shipped, record))


def baseline_table(numbers: BaselineNumbers, matches: Sequence[Match]) -> pd.DataFrame:
    """A row for each defence and attacker; `weights` says whether they are those that ship under the row's name."""
    about = {"n": numbers.n, "epsilon": numbers.eps}
    return pd.DataFrame(
        [
            {"defence": row.id, "weights": each.value, **about, "attacker": kind, **share_columns(share)}
            for row, each in zip(numbers.rows, matches, strict=True)
            for kind, share in (("clean", row.clean), ("ignoring", row.ignoring), ("adaptive", row.adaptive))
        ]
    )


def _not_compared(found: TaskRecords, record: BaselineRecord, matches: Sequence[Match]) -> None:
    """Say so where MedDef as it ships is not among the rows."""
    rows = zip(record.numbers.rows, matches, strict=True)
    measured = {row.id for row, each in rows if each is Match.MATCHED}
    own = next((each.card for each in found.models if each.card.name == commands.COMPARED), None)
    if own is not None and own.key not in measured:
        st.warning(
            tr(
                "robustness.weights-ship",
                "The weights that ship as {model} were not compared yet.",
                model=tr(own.title),
            ),
            icon=":material/report:",
        )


def _fallen(numbers: BaselineNumbers, titles: Sequence[str]) -> str:
    said = [
        tr(
            "robustness.defence-ignoring",
            "{defence}: {ignoring:.0f}% under the non-adaptive attack, {adaptive:.0f}% under the adaptive one.",
            defence=title,
            ignoring=100 * row.ignoring.balanced_accuracy,
            adaptive=100 * row.adaptive.balanced_accuracy,
        )
        for row, title in zip(numbers.rows, titles, strict=True)
    ]
    return " ".join(said)


# ---- pruning -----------------------------------------------------------------------------------------------------


def pruning_section(found: TaskRecords) -> None:
    """Accuracy at each level of pruning, one figure a sweep."""
    st.markdown(
        tr(
            "robustness.one-shot",
            "One-shot pruning of the smallest weights, as in the paper, level by level. An attack that never succeeds "
            "is no proof of robustness: a model that predicts the same class for every scan cannot be fooled.",
        )
    )
    if not found.pruning:
        name = found.models[0].card.name if found.models else "meddef"
        not_measured(tr("robustness.no-pruning", "No pruning curve."), commands.sweep_command(found.task, name))
    titles = {each.card.name: each.card.title for each in found.models}
    for name, record in found.pruning.items():
        st.subheader(shown_title(titles.get(name, title_of(name)), found.match(name, record)), anchor=False)
        _sweep(found.task, name, record)


def _sweep(task: str, name: str, record: PruneRecord) -> None:
    rows = sorted(record.numbers.rows, key=lambda row: row.sparsity)
    constant = [row for row in rows if _only_answer(row) is not None]
    for row in constant:
        st.warning(
            tr(
                "robustness.sparsity-pruned",
                "At {sparsity:.0f}% pruned it predicts {label} for every scan: its robust accuracy there means "
                "nothing.",
                sparsity=100 * row.sparsity,
                label=_only_answer(row),
            ),
            icon=":material/report:",
        )
    st.caption(
        tr(
            "robustness.n-n-left",
            "n = {n}. {left} of {all} prunable weights are left at the highest level.",
            n=rows[0].n,
            left=f"{rows[-1].nonzero:,}",
            all=f"{record.numbers.prunable:,}",
        )
    )
    figure(
        figures.against_sparsity(rows),
        name=f"{task}-pruning-{name}",
        alt=_pruned_words(rows),
        data=pd.DataFrame([line for row in rows for line in _prune_lines(row)]),
    )
    again(commands.sweep_command(task, name, record))


def _only_answer(row: PruneRow) -> str | None:
    return next((label for label, share in row.answers.items() if share == 1), None)


def _pruned_words(rows: list[PruneRow]) -> str:
    return tr(
        "robustness.clean-balanced",
        "Clean balanced accuracy is {first:.0f}% unpruned and {last:.0f}% at {sparsity:.0f}% pruned.",
        first=100 * rows[0].clean.balanced_accuracy,
        last=100 * rows[-1].clean.balanced_accuracy,
        sparsity=100 * rows[-1].sparsity,
    )


def _prune_lines(row: PruneRow) -> list[dict[str, object]]:
    about: dict[str, object] = {"sparsity": row.sparsity, "nonzero": row.nonzero, "n": row.n}
    lines = [{**about, "attack": "clean", "epsilon": 0.0, **share_columns(row.clean)}]
    for each in row.attacked:
        rate = each.attack_success_rate
        named = {"attack": each.spec.name, "epsilon": each.eps, "attack_success_rate": rate}
        lines.append({**about, **named, **share_columns(each)})
    return lines


# ---- ablation ----------------------------------------------------------------------------------------------------
