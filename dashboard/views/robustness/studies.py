"""Three studies around the models: defences from the literature, pruning, and the ablation of modules."""

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
from dashboard.services import ablation, commands
from dashboard.services.record_types import (
    AblationNumbers,
    AblationRecord,
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

ABLATED = {"oct": "oct-meddef-narrow.yaml", "chest": "chest-meddef-plain.yaml"}
"""The recipe of each task's ablation."""


def baselines_section(found: TaskRecords) -> None:
    """Defences under a non-adaptive and under an adaptive attack."""
    st.markdown(
        tr(
            "Each defence is put around the undefended model and attacked twice. The non-adaptive attack ignores it; "
            "the adaptive attack knows it. A defence that only resists the first hides its gradient and is not robust."
        )
    )
    record = found.baselines
    if record is None or not record.numbers.rows:
        not_measured(tr("No comparison with other defences."), commands.baselines_command(found.task, found.shipped))
        return
    numbers = record.numbers
    st.caption(
        tr(
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
            tr("The weights that ship as {model} were not compared yet.", model=tr(own.title)),
            icon=":material/report:",
        )


def _fallen(numbers: BaselineNumbers, titles: Sequence[str]) -> str:
    said = [
        tr(
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
            "One-shot pruning of the smallest weights, as in the paper, level by level. An attack that never succeeds "
            "is no proof of robustness: a model that predicts the same class for every scan cannot be fooled."
        )
    )
    if not found.pruning:
        name = found.models[0].card.name if found.models else "meddef"
        not_measured(tr("No pruning curve."), commands.sweep_command(found.task, name))
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
                "At {sparsity:.0f}% pruned it predicts {label} for every scan: its robust accuracy there means "
                "nothing.",
                sparsity=100 * row.sparsity,
                label=_only_answer(row),
            ),
            icon=":material/report:",
        )
    st.caption(
        tr(
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


def ablation_section(found: TaskRecords) -> None:
    """The same recipe without parts of the network, over seeds, with paired tests."""
    st.markdown(
        tr(
            "The same recipe and attack strength, trained without parts of the network. McNemar's paired test on the "
            "same scans decides whether a part helps, not the larger number."
        )
    )
    if found.ablation is None:
        not_measured(
            tr("No ablation."),
            f"meddef train assets/recipes/{ABLATED[found.task]} --set model.variant=without_daam --set seed=1",
        )
        return
    numbers = found.ablation.numbers
    st.caption(tr("Attacked at ε = {eps}, n = {n}, 95% intervals.", eps=format_eps(numbers.eps), n=numbers.n))
    st.caption(_which_ship(found, found.ablation))
    figure(
        figures.ablation(numbers.rows),
        name=f"{found.task}-ablation",
        alt=_spread(numbers),
        data=pd.DataFrame(
            [
                {"variant": row.variant, "seed": each.seed, "n": numbers.n, "epsilon": numbers.eps}
                | share_columns(each.clean, prefix="clean_")
                | share_columns(each.attacked, prefix="attacked_")
                for row in numbers.rows
                for each in row.seeds
            ]
        ),
    )
    _pairs(numbers)
    if said := _verdict(numbers):
        st.markdown(f"**{tr('Verdict')}**: {said}")


def _which_ship(found: TaskRecords, record: AblationRecord) -> str:
    """Which of the networks are models here: the others stand for their variants alone."""
    titles = {each.card.key: tr(each.card.title) for each in found.models}
    ships = [
        tr("{variant}, seed {seed} ({model})", variant=tr(row.title), seed=each.seed, model=titles[key])
        for row, each, key in record.shipped_as(found.shipped)
    ]
    if not ships:
        return tr("These models were trained for this comparison; none of them ships.")
    return tr("These models were trained for this comparison. Of them ship: {models}.", models="; ".join(ships))


def _spread(numbers: AblationNumbers) -> str:
    said = []
    for row in numbers.rows:
        attacked = [100 * each.attacked.balanced_accuracy for each in row.seeds]
        said.append(
            tr(
                "{variant}: {low:.0f} to {high:.0f}% attacked over {n} seeds.",
                variant=tr(row.title),
                low=min(attacked),
                high=max(attacked),
                n=len(attacked),
            )
        )
    return " ".join(said)


def _pairs(numbers: AblationNumbers) -> None:
    titles = {row.variant: tr(row.title) for row in numbers.rows}
    lines = []
    for pair in numbers.pairs:
        p = ablation.p_of(pair)
        lines.append(
            tr(
                "- “{first}” and “{second}”: scans robust with the first only {only_first}, with the second only "
                "{only_second}: {verdict}",
                first=titles.get(pair.first, pair.first),
                second=titles.get(pair.second, pair.second),
                only_first=pair.only_first,
                only_second=pair.only_second,
                verdict=_significance(p),
            )
        )
    if lines:
        st.markdown("\n".join(lines))


def _significance(p: float) -> str:
    if ablation.significant(p):
        return tr("significant difference (McNemar p = {p:.2g}).", p=p)
    return tr("no significant difference (McNemar p = {p:.2g}).", p=p)


def _verdict(numbers: AblationNumbers) -> str:
    """What the record's verdict says, in the reader's language; nothing where nothing is compared."""
    return ablation.verdict_of(numbers, titles={row.variant: tr(row.title) for row in numbers.rows}, say=tr)
