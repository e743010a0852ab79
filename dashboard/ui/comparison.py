"""One attack on several models, side by side: words, probabilities, pictures, measurements, course."""

import math
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.results import Attacked, LabResult, Outcome
from dashboard.ui import colours
from dashboard.ui.attack_form import LOSSES
from dashboard.ui.budgets import NORMS, budget_words
from dashboard.ui.charts import CONFIG, against_steps, before_after
from dashboard.ui.words import class_code, class_words, counted, eps_words, percent
from meddef_core.data.tasks import Task

WIDE = 2
"""Models whose columns are wide enough for two pictures beside each other and for long words."""


def settings_words(result: LabResult, *, task: Task) -> str:
    """The settings of this run in one line, so that a screenshot says what it shows."""
    spec, option = result.spec, result.option
    words = [option.title]
    if result.source is not None:
        words.append(f"made on {result.source.title}")
    words.append(f"budget ε = {budget_words(spec.eps, option.norm)}")
    said = {
        "steps": counted(spec.steps, "step"),
        "restarts": counted(spec.restarts, "random start"),
        "samples": f"{counted(spec.samples, 'sample')} a step",
        "search_steps": counted(spec.search_steps, "search round"),
        "theta": f"values by {spec.theta:g}",
        "loss": LOSSES[spec.loss].lower(),
    }
    words += [text for setting, text in said.items() if setting in option.settings]
    words.append("untargeted" if spec.target is None else f"towards {class_words(task, task.classes[spec.target])}")
    words.append(f"seed {spec.seed}")
    return " · ".join(words) + ". Each attack moves away from that model's own clean output."


def verdicts(result: LabResult, *, task: Task, truth: str | None) -> None:
    """For each model, in a sentence, what the attack did; then every probability before and after."""
    for column, outcome in zip(st.columns(len(result.outcomes), gap="medium"), result.outcomes, strict=True):
        with column.container(border=True, height="stretch"):
            st.subheader(outcome.clean.model.title, anchor=False)
            _verdict(outcome, task=task, named=class_words if len(result.outcomes) <= WIDE else class_code)
            if truth is not None and outcome.clean.label != truth:
                st.caption(f":material/error: The clean output was wrong already; known: {class_words(task, truth)}.")
            st.plotly_chart(
                before_after(outcome, task=task),
                key=f"bars_{outcome.clean.model.id}",
                config=CONFIG,
                alt=_bars_alt(outcome, task=task),
            )


def _verdict(outcome: Outcome, *, task: Task, named: Callable[[Task, str], str]) -> None:
    before, after = outcome.clean, outcome.attacked.reading
    was, now = named(task, before.label), named(task, after.label)
    if outcome.changed:
        st.error(f"**The attack changed the model output** from {was} to {now}.", icon=":material/gpp_bad:")
    else:
        st.success(
            f"**The attack did not change the model output.** It stays {was}: "
            f"{percent(before.probability)} before, {percent(after.probability)} after.",
            icon=":material/verified_user:",
        )
    noise = outcome.noise.reading
    if noise.label != before.label:
        said = f"changed it to {named(task, noise.label)}"
    else:
        said = "did not change it" if outcome.changed else "did not change it either"
    st.caption(f"Control: random noise of the same size {said} ({percent(noise.probability)}).")


def _bars_alt(outcome: Outcome, *, task: Task) -> str:
    parts = [
        f"{name}: {class_words(task, reading.label)} {percent(reading.probability)}"
        for name, reading in (
            ("clean", outcome.clean),
            ("attacked", outcome.attacked.reading),
            ("random noise", outcome.noise.reading),
        )
    ]
    return f"{outcome.clean.model.title}, probabilities. " + "; ".join(parts)


def two_places(models: int) -> Sequence[DeltaGenerator]:
    """Where two pictures of one model go: beside each other, or below each other where its column is narrow."""
    return st.columns(2, wrap=False) if models <= WIDE else [st.container(), st.container()]


def pictures(result: LabResult) -> None:
    """Clean, attacked, and what was added, for each model; the noise beside it. All amplified by one factor."""
    span = _span(result)
    factor = colours.amplification(span)
    for column, outcome in zip(st.columns(len(result.outcomes), gap="medium"), result.outcomes, strict=True):
        with column.container(border=True):
            title = outcome.clean.model.title
            st.markdown(f"**{title}**")
            clean = outcome.clean.picture
            attacked, noise = outcome.attacked.reading.picture, outcome.noise.reading.picture
            top = two_places(len(result.outcomes))
            top[0].image(clean, caption="Clean", clamp=True, width="stretch", alt=f"{title}: clean scan")
            top[1].image(attacked, caption="Attacked", clamp=True, width="stretch", alt=f"{title}: attacked scan")
            bottom = two_places(len(result.outcomes))
            bottom[0].image(
                colours.difference(clean, attacked, factor=factor),
                width="stretch",
                caption=f"What the attack added, × {factor}",
                alt=f"{title}: attacked minus clean, times {factor}",
            )
            bottom[1].image(
                colours.difference(clean, noise, factor=factor),
                width="stretch",
                caption=f"The noise control, × {factor}",
                alt=f"{title}: noise minus clean, times {factor}",
            )
    st.caption(
        f"Differences are signed and multiplied by {factor}: mid grey is no change, blue is darker, orange is "
        f"brighter; the strongest colours are ± {eps_words(span)}."
    )


def _span(result: LabResult) -> float:
    """The change of a pixel that gets the strongest colour: the budget, or the largest there is in other norms."""
    if result.option.norm == "linf":
        return result.spec.eps
    return max(change.linf for outcome in result.outcomes for change in (outcome.attacked, outcome.noise))


def measurements(result: LabResult) -> None:
    """What was measured on the attacked pictures, one column a model; the norm that the budget bounds is named so."""
    norm = result.option.norm

    def named(text: str, own: str) -> str:
        return f"{text} ({NORMS[own].sign}{', bounded' if own == norm else ''})"

    rows: dict[str, Callable[[Outcome], str]] = {
        named("Largest change of a pixel", "linf"): lambda o: _linf(o.attacked.linf),
        named("Length of the change", "l2"): lambda o: f"{o.attacked.l2:.3f}",
        named("Pixels changed", "l0"): lambda o: percent(o.attacked.pixels_changed),
        "Inside its budget": lambda o: _inside(o.attacked),
        "First fooled the model": lambda o: _first_fooled(o.attacked),
        "PSNR": lambda o: "no change" if math.isinf(o.attacked.psnr) else f"{o.attacked.psnr:.1f} dB",
        "SSIM": lambda o: f"{o.attacked.ssim:.4f}",
        f"Noise control: {NORMS[norm].sign}": lambda o: _size(o.noise),
        "Time for the attack": lambda o: f"{o.attacked.seconds:.2f} s",
    }
    table = pd.DataFrame(
        {o.clean.model.title: [value(o) for value in rows.values()] for o in result.outcomes}, index=list(rows)
    )
    st.table(table, border="horizontal", alt="Measured size of the change, one column a model")


def _linf(value: float) -> str:
    return f"{value * 255:.2f}/255 ({value:.4f})"


def _size(change: Attacked) -> str:
    """How far a picture moved, in the norm that its budget bounds."""
    if change.norm == "linf":
        return _linf(change.distance)
    return f"{change.distance:.3f}" if change.norm == "l2" else percent(change.distance)


def _inside(change: Attacked) -> str:
    """Measured by the core's own tolerance for rounding, not by eye."""
    allowed = budget_words(change.eps, change.norm)
    return f"yes: {allowed}" if change.inside_budget else f"**no**: {allowed}"


def _first_fooled(change: Attacked) -> str:
    if change.first_fooled is None:
        return "never"
    return f"at step {change.first_fooled}" if change.first_fooled else "before the attack"


def course(result: LabResult, *, task: Task) -> None:
    """Probability and loss at each step; nothing for an attack of one step."""
    if not result.option.iterative:
        st.caption(f"{result.option.title} takes one step: there is no course to draw.")
        return
    labels = ", ".join(f"{o.clean.model.title}: {class_words(task, o.clean.label)}" for o in result.outcomes)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Probability of the clean output at each step**")
        st.plotly_chart(
            against_steps(result.outcomes, quantity="probability"),
            key="course_probability",
            config=CONFIG,
            alt="Probability of the clean output against attack step, one line a model",
        )
        st.caption(labels)
    with right:
        st.markdown("**Loss that the attack climbs**")
        st.plotly_chart(
            against_steps(result.outcomes, quantity="loss"),
            key="course_loss",
            config=CONFIG,
            alt="Attack loss against attack step, one line a model",
        )
        st.caption("Of the current picture of each step; the result shown above is the best of all steps.")
