"""The models side by side: attacked image, what was added, verdict, probabilities, and how far to trust the model."""

from collections.abc import Sequence

import streamlit as st

from dashboard.components import colours
from dashboard.components.model_styles import style_of
from dashboard.components.not_counted import not_counted
from dashboard.components.trust import trust_line
from dashboard.components.words import class_code, class_words, output_words, percent
from dashboard.language import tr
from dashboard.services.results.common import AttackOutcome, LabResult, ModelChoice, Reading
from dashboard.services.tasks import Task

WIDE = 2
"""Models beside each other whose cards have room for a picture of what was added, next to the attacked one."""

PICTURE = 96
"""Width of a picture in pixels: two fit in a card where two models stand beside the scan."""

LINE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="12"><line x1="0" y1="6" x2="24" y2="6" '
    'stroke="{colour}" stroke-width="4" stroke-dasharray="{dash}"/></svg>'
)
DASH_LENGTHS = {"solid": "none", "dash": "9 6", "dot": "2 5", "dashdot": "9 4 2 4"}
"""The dashes of figures as SVG knows them."""


def model_cards(readings: Sequence[Reading], result: LabResult | None, *, task: Task, truth: str | None) -> None:
    """One card a model, clean before an attack and attacked after it."""
    outcomes = () if result is None else result.outcomes
    shown: Sequence[Reading] = [outcome.clean for outcome in outcomes] or readings
    if not shown:
        return
    span = 0.0 if result is None else span_of(result)
    for place, column in enumerate(st.columns(len(shown), gap="small")):
        with column.container(border=True, height="stretch", gap="xsmall"):
            model_title(shown[place].model)
            if outcomes:
                _attacked(outcomes[place], span=span, models=len(shown), task=task)
            else:
                _clean(shown[place], task=task)
            if truth is not None and shown[place].label != truth:
                known = class_words(task, truth)
                st.caption(
                    ":material/error: "
                    + tr("lab.clean-output", "The clean output was wrong already; known: {label}.", label=known)
                )
            trust_line(shown[place].model)


def model_title(model: ModelChoice) -> None:
    """A model's name with the line that it has in every figure."""
    style = style_of(model.id)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        st.image(LINE.format(colour=style.colour, dash=DASH_LENGTHS[style.dash]), width=24, alt="")
        st.markdown(f"**{short_title(model)}**", width="stretch")


def short_title(model: ModelChoice) -> str:
    """A model's name where there is little room."""
    return tr("lab.undefended", "Undefended") if model.id.endswith("/undefended") else tr(model.title)


def span_of(result: LabResult) -> float:
    """The change of a pixel that gets the strongest colour: epsilon, or the largest there is in other norms."""
    if result.option.norm == "linf":
        return result.spec.eps
    return max(change.linf for outcome in result.outcomes for change in (outcome.attacked, outcome.noise))


def _clean(reading: Reading, *, task: Task) -> None:
    alt = tr("lab.model-clean", "{model}: clean scan", model=tr(reading.model.title))
    st.image(reading.picture, clamp=True, width=PICTURE, caption=tr("lab.clean", "Clean"), alt=alt)
    if reading.abstained is not None:
        st.markdown(output_words(task, reading))
        return
    st.markdown(tr("lab.not-attacked", "Not attacked yet. Output: **{output}**", output=output_words(task, reading)))
    with st.container(gap="xxsmall"):
        for label, share in zip(reading.classes, reading.shares, strict=True):
            st.progress(share, text=f"{class_code(task, label)} {percent(share)}")


def _attacked(outcome: AttackOutcome, *, span: float, models: int, task: Task) -> None:
    _pictures(outcome, span=span, models=models)
    if outcome.counts:
        _verdict(outcome, models=models, task=task)
        _bars(outcome, task=task)
    else:
        not_counted(outcome, task=task)


def _pictures(outcome: AttackOutcome, *, span: float, models: int) -> None:
    title, clean, attacked = tr(outcome.clean.model.title), outcome.clean.picture, outcome.attacked.reading.picture
    factor = colours.amplification(span)
    with st.container(horizontal=True, wrap=False, gap="xsmall"):
        st.image(
            attacked,
            caption=tr("lab.attacked", "Attacked"),
            clamp=True,
            width=PICTURE,
            alt=tr("lab.model-attacked-scan", "{model}: attacked scan", model=title),
        )
        if models <= WIDE:
            st.image(
                colours.difference(clean, attacked, factor=factor),
                width=PICTURE,
                caption=tr("teach.added-times", "Added, × {factor}", factor=factor),
                alt=tr(
                    "lab.model-attacked", "{model}: attacked minus clean, times {factor}", model=title, factor=factor
                ),
            )


def _verdict(outcome: AttackOutcome, *, models: int, task: Task) -> None:
    """What the attack did, in a sentence; an unchanged output is no success, and does not look like one."""
    was, now = class_code(task, outcome.clean.label), class_code(task, outcome.attacked.reading.label)
    words = (
        tr("lab.output-changed", "**Output changed** from {was} to {now}.", was=was, now=now)
        if outcome.changed
        else tr("lab.output-not", "**Output not changed**: {was}.", was=was)
    )
    if models > WIDE:  # a box would break the words of a narrow card
        st.markdown(f":red[:material/gpp_bad: {words}]" if outcome.changed else f":material/horizontal_rule: {words}")
    elif outcome.changed:
        st.error(words, icon=":material/gpp_bad:")
    else:
        st.info(words, icon=":material/horizontal_rule:")
    noise = outcome.noise.reading.label
    if noise == outcome.clean.label:
        st.caption(tr("lab.random-noise-not", "Random noise: not changed."))
    else:
        st.caption(tr("lab.random-noise-changed", "Random noise: changed to {now}.", now=class_code(task, noise)))


def _bars(outcome: AttackOutcome, *, task: Task) -> None:
    """Every class: its probability before and after the attack in words, and after it as a bar."""
    before, after = outcome.clean, outcome.attacked.reading
    with st.container(gap="xxsmall"):
        for label, was, now in zip(before.classes, before.shares, after.shares, strict=True):
            words = f"{class_code(task, label)} {percent(was)} → **{percent(now)}**"
            st.progress(now, text=words)
