"""One attack on several models, side by side: words, probabilities, pictures, measurements, course."""

import math
from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard.results import LabResult, Outcome
from dashboard.ui import colours
from dashboard.ui.charts import CONFIG, against_steps, before_after
from dashboard.ui.words import class_words, eps_words, percent
from meddef_core.data.tasks import Task


def settings_words(result: LabResult, *, task: Task) -> str:
    """The settings of this run in one line, so that a screenshot says what it shows."""
    choice, option = result.choice, result.option
    words = [option.title, f"budget ε = {eps_words(choice.eps)}"]
    if "steps" in option.settings:
        words.append(f"{choice.steps} steps")
    if "restarts" in option.settings:
        words.append(f"{choice.restarts} random start{'s' if choice.restarts > 1 else ''}")
    if "loss" in option.settings:
        words.append({"ce": "cross-entropy", "margin": "margin"}[choice.loss])
    words.append("untargeted" if choice.target is None else f"towards {class_words(task, choice.target)}")
    words.append(f"seed {choice.seed}")
    return " · ".join(words) + ". Each attack moves away from that model's own clean output."


def verdicts(result: LabResult, *, task: Task, truth: str | None) -> None:
    """For each model, in a sentence, what the attack did; then every probability before and after."""
    for column, outcome in zip(st.columns(len(result.outcomes), gap="medium"), result.outcomes, strict=True):
        with column.container(border=True, height="stretch"):
            st.subheader(outcome.clean.model.title, anchor=False)
            _verdict(outcome, task=task)
            if truth is not None and outcome.clean.label != truth:
                st.caption(f":material/error: The clean output was wrong already; known: {class_words(task, truth)}.")
            st.plotly_chart(
                before_after(outcome, task=task),
                key=f"bars_{outcome.clean.model.id}",
                config=CONFIG,
                alt=_bars_alt(outcome, task=task),
            )


def _verdict(outcome: Outcome, *, task: Task) -> None:
    before, after = outcome.clean, outcome.attacked.reading
    was, now = class_words(task, before.label), class_words(task, after.label)
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
        said = f"changed it to {class_words(task, noise.label)}"
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


def pictures(result: LabResult) -> None:
    """Clean, attacked, and what was added, for each model; the noise beside it. All amplified by one factor."""
    factor = colours.amplification(result.choice.eps)
    for column, outcome in zip(st.columns(len(result.outcomes), gap="medium"), result.outcomes, strict=True):
        with column.container(border=True):
            title = outcome.clean.model.title
            st.markdown(f"**{title}**")
            clean = outcome.clean.picture
            attacked, noise = outcome.attacked.reading.picture, outcome.noise.reading.picture
            top = st.columns(2, wrap=False)
            top[0].image(clean, caption="Clean", clamp=True, width="stretch", alt=f"{title}: clean scan")
            top[1].image(attacked, caption="Attacked", clamp=True, width="stretch", alt=f"{title}: attacked scan")
            bottom = st.columns(2, wrap=False)
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
        f"brighter; the strongest colours are ± {eps_words(result.choice.eps)}."
    )


def measurements(result: LabResult) -> None:
    """What was measured on the attacked pictures, one column a model."""
    rows: dict[str, Callable[[Outcome], str]] = {
        "Largest change of a pixel (L∞)": lambda o: _linf(o.attacked.linf),
        "Inside its budget": lambda o: "yes" if o.attacked.inside_budget else "**no**",
        "Pixels changed": lambda o: percent(o.attacked.pixels_changed),
        "Length of the change (L2)": lambda o: f"{o.attacked.l2:.3f}",
        "PSNR": lambda o: "no change" if math.isinf(o.attacked.psnr) else f"{o.attacked.psnr:.1f} dB",
        "SSIM": lambda o: f"{o.attacked.ssim:.4f}",
        "Noise control: L∞": lambda o: _linf(o.noise.linf),
        "Time for the attack": lambda o: f"{o.attacked.seconds:.2f} s",
    }
    table = pd.DataFrame(
        {o.clean.model.title: [value(o) for value in rows.values()] for o in result.outcomes}, index=list(rows)
    )
    st.table(table, border="horizontal", alt="Measured size of the change, one column a model")


def _linf(value: float) -> str:
    return f"{value * 255:.2f}/255 ({value:.4f})"


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
