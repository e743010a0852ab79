"""The live card of a lesson's step: computed when the step is opened, on the models of this server."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.components import colours
from dashboard.components.charts import CONFIG, before_after
from dashboard.components.heatmap_panel import MapStyle, map_tile
from dashboard.components.not_counted import not_counted
from dashboard.components.probability_bars import probability_bars, truth_line
from dashboard.components.progress import working
from dashboard.components.scan_level import abstention_words, population_line, scan_notes
from dashboard.components.words import class_words, eps_words, output_words, percent
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import teaching
from dashboard.services.errors import MedDefError
from dashboard.services.lessons.model import StepState
from dashboard.services.results.common import AttackOutcome, MapView, ModelChoice, Picture, Reading
from dashboard.views.teach import findings as teach_findings
from dashboard.views.teach import networks as teach_networks
from dashboard.views.teach.reported import reported

TILE = 224
SMALL = 176
"""Width of a picture where two models stand beside each other."""
STYLE = MapStyle(0.5, "Cividis", False)
SYNTHETIC = "synthetic"


def live_card(state: StepState) -> None:
    """The card that the state asks for; what cannot be computed here is said in one sentence."""
    cards: dict[str, Callable[[StepState], None]] = {
        "scan": _scan,
        "reading": _reading,
        "maps": _maps,
        "attack": _attack,
        "foreign": _foreign,
        "controls": teach_findings.controls,
        "sweep": teach_findings.sweep,
        "training": teach_findings.training,
        "records": teach_findings.records,
        "reported": reported,
        "broken": teach_networks.broken,
        "pruning": teach_networks.pruning,
    }
    try:
        sample_line(state)
        cards[state.view](state)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")


def sample_line(state: StepState) -> None:
    """Which scan this is; a drawn one says so."""
    if state.view in ("records", "reported"):
        return
    sample = teaching.find_sample(state.sample)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{tr(sample.title)}**", width="content")
        st.badge(services.sample_id(sample.task, sample.key), icon=":material/tag:", color="grey")
        if sample.origin == SYNTHETIC:
            st.badge(
                tr("diagnose.synthetic-drawn", "Synthetic: drawn, not a patient"),
                icon=":material/draw:",
                color="orange",
            )
        else:
            st.badge(
                tr("diagnose.origin-origin", "Origin: {origin}", origin=sample.origin),
                icon=":material/image:",
                color="grey",
            )


def _readings(state: StepState) -> list[Reading]:
    models = teaching.named(state.task, state.models)
    with working(tr("teach.models-reading", "The models are reading the scan…"), quick=True):
        return [teaching.reading(model, state.sample) for model in models]


def _scan(state: StepState) -> None:
    (reading, *_) = _readings(state)
    magnified = reading.picture[96:128, 96:128]
    with st.container(horizontal=True, gap="small"):
        with st.container(width=TILE, gap="xsmall"):
            st.image(
                reading.picture,
                clamp=True,
                width="stretch",
                alt=tr("teach.scan-model", "The scan as the model sees it"),
            )
            st.caption(
                tr("teach.all-model", "All that the model gets: {n} numbers between 0 and 1.", n=reading.picture.size)
            )
        with st.container(width=TILE, gap="xsmall"):
            st.image(
                colours.blocks(magnified),
                clamp=True,
                width="stretch",
                alt=tr(
                    "teach.small-square", "A small square from the middle of the scan, every pixel enlarged to a block"
                ),
            )
            st.caption(
                tr("teach.small-square-from", "A small square from its middle, enlarged: every block is one number.")
            )


def _reading(state: StepState) -> None:
    task, truth = services.tasks()[state.task], teaching.find_sample(state.sample).truth
    readings = _readings(state)
    for column, reading in zip(st.columns(len(readings), gap="medium"), readings, strict=True):
        with column.container(border=True):
            st.markdown(f"**{tr(reading.model.title)}**")
            if reading.abstained is not None:
                st.caption(tr("teach.model-output", "Model output: {label}", label=output_words(task, reading)))
                st.error(abstention_words(reading, task=task), icon=":material/block:")
            else:
                st.caption(tr("teach.model-output", "Model output: {label}", label=class_words(task, reading.label)))
                truth_line(reading.label, task=task, truth=truth)
                probability_bars(reading, task=task)
    scan_notes(readings, task=task)


def _maps(state: StepState) -> None:
    (reading, *_) = _readings(state)
    with working(tr("diagnose.drawing-maps", "Drawing the maps…"), quick=True):
        (views,) = services.maps(reading.model, f"lesson {state.sample}", reading.label, (reading.picture,))
    _gallery(views, reading.picture, model=reading.model)
    scan_notes([reading], task=services.tasks()[state.task])


def _gallery(views: Sequence[MapView], picture: Picture, *, model: ModelChoice) -> None:
    with st.container(horizontal=True, gap="small"):
        with st.container(width=TILE, gap="xsmall"):
            st.markdown(f"**{tr('attention.scan-alone', 'The scan alone')}**")
            st.image(picture, clamp=True, width="stretch", alt=tr("teach.scan-model", "The scan as the model sees it"))
        for view in views:
            with st.container(width=TILE, gap="xsmall"):
                map_tile(view, picture, style=STYLE, heading=tr(view.title))
                st.caption(tr(view.meaning))
    st.caption(f":material/info: {model.title}. {tr(services.CAVEAT)}")


def _attack(state: StepState) -> None:
    models = teaching.named(state.task, state.models)
    outcomes: list[AttackOutcome] = []
    for model in models:
        with working(tr("teach.model-being", "{model} is being attacked…", model=tr(model.title))):
            outcomes.append(
                teaching.outcome(
                    model, state.sample, name=state.attack or "pgd", eps=state.eps or 0.0, steps=state.steps
                )
            )
    for column, outcome in zip(st.columns(len(outcomes), gap="medium"), outcomes, strict=True):
        with column.container(border=True):
            _outcome(outcome, state, width=SMALL if len(outcomes) > 1 else TILE)
    st.caption(
        tr(
            "teach.differences-signed",
            "Differences are signed and amplified: mid grey is no change, blue is darker, orange is brighter. "
            "Each model is attacked with its own gradients.",
        )
    )
    scan_notes([outcome.clean for outcome in outcomes], task=services.tasks()[state.task])


def _outcome(outcome: AttackOutcome, state: StepState, *, width: int) -> None:
    task, title = services.tasks()[state.task], tr(outcome.clean.model.title)
    st.markdown(f"**{title}**")
    if not outcome.counts:
        _pictures(outcome, width=width)
        not_counted(outcome, task=task)
        return
    was, now = (class_words(task, r.label) for r in (outcome.clean, outcome.attacked.reading))
    if outcome.changed:
        st.error(
            tr("teach.model-output-changed", "The model output changed from {was} to {now}.", was=was, now=now),
            icon=":material/gpp_bad:",
        )
    else:
        st.success(
            tr("teach.model-output-stays", "The model output stays {was}.", was=was), icon=":material/verified_user:"
        )
    _pictures(outcome, width=width)
    st.plotly_chart(
        before_after(outcome, task=task),
        key=f"teach_bars_{outcome.clean.model.id}",
        config=CONFIG,
        alt=tr(
            "teach.model-probability",
            "{model}, probability of its output: clean {clean}, attacked {attacked}",
            model=title,
            clean=f"{was} {percent(outcome.clean.probability)}",
            attacked=f"{now} {percent(outcome.attacked.reading.probability)}",
        ),
    )
    st.caption(
        tr(
            "teach.budget-eps",
            "ε = {eps}; largest change of a pixel, measured: {linf}. Random noise of the same size: {noise}.",
            eps=eps_words(outcome.attacked.eps) if outcome.attacked.norm == "linf" else f"{outcome.attacked.eps:g}",
            linf=eps_words(outcome.attacked.linf),
            noise=output_words(task, outcome.noise.reading),
        )
    )


def _pictures(outcome: AttackOutcome, *, width: int) -> None:
    title, clean, attacked = tr(outcome.clean.model.title), outcome.clean.picture, outcome.attacked.reading.picture
    factor = colours.amplification(outcome.attacked.linf)
    shown: tuple[tuple[Picture | colours.Rgb, str, str], ...] = (
        (clean, tr("lab.clean", "Clean"), tr("lab.model-clean", "{model}: clean scan", model=title)),
        (
            attacked,
            tr("lab.attacked", "Attacked"),
            tr("lab.model-attacked-scan", "{model}: attacked scan", model=title),
        ),
        (
            colours.difference(clean, attacked, factor=factor),
            tr("teach.added-times", "Added, × {factor}", factor=factor),
            tr("lab.model-attacked", "{model}: attacked minus clean, times {factor}", model=title, factor=factor),
        ),
    )
    with st.container(horizontal=True, gap="small"):
        for picture, caption, alt in shown:
            with st.container(width=width):
                st.image(picture, caption=caption, clamp=True, width="stretch", alt=alt)


def _foreign(state: StepState) -> None:
    """A scan of another kind: these models answer all the same."""
    models = teaching.named(state.task, state.models)
    task = services.tasks()[state.task]
    with working(tr("teach.models-reading", "The models are reading the scan…"), quick=True):
        readings = [teaching.reading(model, state.sample) for model in models]
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=TILE):
            st.image(
                readings[0].picture,
                clamp=True,
                width="stretch",
                caption=tr("teach.model-sees", "As the model sees it"),
                alt=tr("teach.scan-another", "A scan of another kind than the model was trained for"),
            )
        for reading in readings:
            with st.container(width=320, border=True):
                st.markdown(f"**{tr(reading.model.title)}**, {tr(task.title)}")
                probability_bars(reading, task=task)
    st.warning(
        tr(
            "teach.picture-not",
            "This picture is not what the model was trained for. The bars above mean nothing, however long they are.",
        ),
        icon=":material/warning:",
    )
    population_line(task)
