"""The ablation of modules: the same recipe without parts of the network, over seeds, with paired tests."""

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import figure, not_measured, share_columns
from dashboard.language import tr
from dashboard.services import ablation
from dashboard.services.record_types import AblationNumbers, AblationRecord
from dashboard.services.records import TaskRecords
from dashboard.services.words import format_eps
from dashboard.views.robustness import figures

ABLATED = {"oct": "oct-meddef-narrow.yaml", "chest": "chest-meddef-plain.yaml"}
"""The recipe of each task's ablation."""


def ablation_section(found: TaskRecords) -> None:
    """The same recipe without parts of the network, over seeds, with paired tests."""
    st.markdown(
        tr(
            "robustness.same-recipe",
            "The same recipe and attack strength, trained without parts of the network. McNemar's paired test on the "
            "same scans decides whether a part helps, not the larger number.",
        )
    )
    if found.ablation is None:
        not_measured(
            tr("robustness.no-ablation", "No ablation."),
            f"meddef train assets/recipes/{ABLATED[found.task]} --set model.variant=without_daam --set seed=1",
        )
        return
    numbers = found.ablation.numbers
    st.caption(
        tr(
            "robustness.attacked-eps",
            "Attacked at ε = {eps}, n = {n}, 95% intervals.",
            eps=format_eps(numbers.eps),
            n=numbers.n,
        )
    )
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
        st.markdown(f"**{tr('robustness.verdict', 'Verdict')}**: {said}")


def _which_ship(found: TaskRecords, record: AblationRecord) -> str:
    """Which of the networks are models here: the others stand for their variants alone."""
    titles = {each.card.key: tr(each.card.title) for each in found.models}
    ships = [
        tr(
            "robustness.variant-seed",
            "{variant}, seed {seed} ({model})",
            variant=tr(row.title),
            seed=each.seed,
            model=titles[key],
        )
        for row, each, key in record.shipped_as(found.shipped)
    ]
    if not ships:
        return tr("robustness.these-models", "These models were trained for this comparison; none of them has a card.")
    return tr(
        "robustness.these-models-trained",
        "These models were trained for this comparison. Of them have a card: {models}.",
        models="; ".join(ships),
    )


def _spread(numbers: AblationNumbers) -> str:
    said = []
    for row in numbers.rows:
        attacked = [100 * each.attacked.balanced_accuracy for each in row.seeds]
        said.append(
            tr(
                "robustness.variant-low",
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
                "robustness.first-second",
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
        return tr("robustness.significant-difference", "significant difference (McNemar p = {p:.2g}).", p=p)
    return tr("robustness.no-significant", "no significant difference (McNemar p = {p:.2g}).", p=p)


def _verdict(numbers: AblationNumbers) -> str:
    """What the record's verdict says, in the reader's language; nothing where nothing is compared."""
    return ablation.verdict_of(numbers, titles={row.variant: tr(row.title) for row in numbers.rows}, say=tr)
