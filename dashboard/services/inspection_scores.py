"""What maps are worth: stability, propagation, randomised weights, the pointing game. Call inside `turn`."""

import streamlit as st

from dashboard.services.inspection import GRADIENT, group, network_of, own_maps, trace_of
from dashboard.services.models import cards, loaded, models
from dashboard.services.results.attention import (
    Alike,
    Channel,
    MapStability,
    Pictures,
    Pointing,
    PointingScores,
    Randomised,
    Stage,
)
from dashboard.services.results.common import ModelChoice
from meddef_core.explanation import ExplanationMap, channel_ranking, explain, sanity_check, stability, top_channels
from meddef_core.explanation import propagation as measure
from meddef_core.io.arrays import as_images
from meddef_core.records import Match, PointingRecord, PointingRow, match, shipped
from meddef_core.records.documents import read_study

CHANNELS = 8
"""Channels shown: those that weigh most for the clean scan."""

CHEAP = GRADIENT[:1]
"""Maps of a class that take no seconds."""


def scored(model: ModelChoice) -> tuple[str, ...]:
    """Keys of the maps that can be scored without seconds for each."""
    return (*CHEAP, *own_maps(model))


@st.cache_data(scope="session", max_entries=8, show_spinner=False)
def channels(model: ModelChoice, key: str, _pictures: Pictures) -> tuple[Channel, ...]:
    """The channels that weigh most for the clean picture, largest first, with the same channels of every picture."""
    traces = [trace_of(model, picture) for picture in _pictures]
    found = [
        {each.channel: each for each in top_channels(trace, count=len(channel_ranking(trace)))} for trace in traces
    ]
    shown = list(found[0])[:CHANNELS]
    return tuple(
        Channel(number, tuple(each[number].weight for each in found), group([each[number].map for each in found]))
        for number in shown
    )


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def stabilities(
    model: ModelChoice, key: str, _clean_attacked_noise: Pictures, *, label: str
) -> tuple[MapStability, ...]:
    """Every quick map of the clean picture against the attacked one and against noise; `label` is explained in each."""
    network, target = network_of(model), loaded(model.id).task.index(label)
    only = scored(model)
    clean, attacked, noise = (
        explain(network, as_images(picture), target=target, only=only) for picture in _clean_attacked_noise
    )
    return tuple(
        MapStability(clean[name].info.title, _alike(clean[name], attacked[name]), _alike(clean[name], noise[name]))
        for name in clean
    )


def _alike(first: ExplanationMap, second: ExplanationMap) -> Alike:
    found = stability(first, second)
    return Alike(found.correlation, found.overlap)


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def stages(model: ModelChoice, key: str, _clean_attacked_noise: Pictures) -> tuple[Stage, ...]:
    """How far attack and noise have moved the features behind every stage, relative to the clean ones."""
    clean, attacked, noise = (as_images(picture) for picture in _clean_attacked_noise)
    network = network_of(model)
    pairs = zip(measure(network, clean, attacked), measure(network, clean, noise), strict=True)
    return tuple(Stage(one.key, one.title, one.change, other.change) for one, other in pairs)


@st.cache_data(scope="session", max_entries=16, show_spinner=False)
def randomised(model: ModelChoice, key: str, _pictures: Pictures, *, name: str, label: str) -> tuple[Randomised, ...]:
    """The sanity check of one map of the clean picture, from the head down to the stem."""
    target = loaded(model.id).task.index(label)
    rows = sanity_check(network_of(model), as_images(_pictures[0]), target=target, key=name)
    return tuple(Randomised(row.layer, row.similarity) for row in rows)


# ---- the pointing game -------------------------------------------------------------------------------------------


def pointing(task: str) -> tuple[PointingScores, ...]:
    """The recorded scores of this task's models on synthetic phantoms; none where nothing was measured.

    Raises DataError for a record that is damaged.
    """
    record = read_study(PointingRecord, "pointing", task)
    if record is None:
        return ()
    readings = {each.model: each for each in record.numbers.readings}
    here = shipped(cards())
    return tuple(
        PointingScores(
            model,
            current=match(readings[model.id].claim(task), here) is Match.MATCHED,
            read_right=tuple((label, of.right, of.n) for label, of in readings[model.id].read_right.items()),
            rows=tuple(_row(row) for row in record.numbers.rows if row.model == model.id),
        )
        for model in models(task)
        if model.id in readings
    )


def _row(row: PointingRow) -> Pointing:
    return Pointing(map=row.map, score=row.score, interval=row.interval, chance=row.chance, centre=row.centre, n=row.n)


def forget() -> None:
    """Forget what this session's inspections computed."""
    for computed in (channels, stabilities, stages, randomised):
        computed.clear()
