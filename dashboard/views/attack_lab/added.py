"""The settings of a run in words, what the attack and the noise added to the scan, and how large it is."""

import math
from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard.components import colours
from dashboard.components.budgets import NORMS, budget_words
from dashboard.components.words import class_words, counted, eps_words
from dashboard.language import tr
from dashboard.services.results.common import AttackedPicture, AttackOutcome, LabResult
from dashboard.services.tasks import Task
from dashboard.services.words import grey_steps
from dashboard.views.attack_lab.attack_form import LOSSES
from dashboard.views.attack_lab.cards import model_title, span_of

PICTURE = 96
"""Width of a picture in pixels: the page stays short, and the viewer above is there for details."""


def settings_words(result: LabResult, *, task: Task) -> str:
    """The settings of this run in one line, so that a screenshot says what it shows."""
    spec, option = result.spec, result.option
    words = [tr(option.title)]
    if result.source is not None:
        words.append(tr("lab.made-model", "made on {model}", model=tr(result.source.title)))
    words.append(tr("lab.eps-eps", "ε = {eps}", eps=budget_words(spec.eps, option.norm)))
    said = {
        "steps": tr("lab.steps-n", "steps: {n}", n=spec.steps),
        "restarts": tr("lab.random-starts-n", "random starts: {n}", n=spec.restarts),
        "samples": tr("lab.samples-step-n", "samples a step: {n}", n=spec.samples),
        "search_steps": tr("lab.search-rounds-n", "search rounds: {n}", n=spec.search_steps),
        "theta": tr("lab.values-theta", "values by {theta}", theta=f"{spec.theta:g}"),
        "loss": tr(LOSSES[spec.loss]),
    }
    words += [text for setting, text in said.items() if setting in option.settings]
    target = None if spec.target is None else class_words(task, task.classes[spec.target])
    words.append(
        tr("lab.untargeted", "untargeted")
        if target is None
        else tr("lab.towards-label", "towards {label}", label=target)
    )
    words.append(tr("lab.seed-n", "seed {n}", n=spec.seed))
    return (
        " · ".join(words)
        + ". "
        + tr("lab.one-scan", "One scan and one attack: an unchanged output does not prove robustness.")
    )


def added(result: LabResult) -> None:
    """What the attack added for each model, and the noise beside it, all amplified by one factor."""
    span = span_of(result)
    factor = colours.amplification(span)
    for column, outcome in zip(st.columns(len(result.outcomes), gap="medium"), result.outcomes, strict=True):
        with column:
            title, clean = tr(outcome.clean.model.title), outcome.clean.picture
            model_title(outcome.clean.model)
            with st.container(horizontal=True, gap="small"):
                for picture, caption, alt in (
                    (
                        outcome.attacked.reading.picture,
                        tr("lab.attack-times", "Attack, × {factor}", factor=factor),
                        tr(
                            "lab.model-attacked",
                            "{model}: attacked minus clean, times {factor}",
                            model=title,
                            factor=factor,
                        ),
                    ),
                    (
                        outcome.noise.reading.picture,
                        tr("lab.noise-times", "Noise, × {factor}", factor=factor),
                        tr("lab.model-noise", "{model}: noise minus clean, times {factor}", model=title, factor=factor),
                    ),
                ):
                    drawn = colours.difference(clean, picture, factor=factor)
                    with st.container(width=PICTURE):
                        st.image(drawn, width="stretch", caption=caption, alt=alt)
    st.caption(
        tr(
            "lab.mid-grey",
            "Mid grey is no change, blue is darker, orange is brighter; the strongest colours are ± {eps}.",
            eps=eps_words(span),
        )
    )


def measurements(result: LabResult) -> None:
    """What was measured on the attacked pictures, one column a model; the norm that the budget bounds is named so."""
    norm = result.option.norm

    def named(text: str, own: str) -> str:
        sign = NORMS[own].sign
        return f"{text} ({tr('lab.norm-bounded', '{norm}, bounded', norm=sign) if own == norm else sign})"

    rows: dict[str, Callable[[AttackOutcome], str]] = {
        named(tr("lab.largest-change-pixel", "Largest change of a pixel"), "linf"): lambda o: grey_steps(
            o.attacked.linf
        ),
        named(tr("lab.length-change", "Length of the change"), "l2"): lambda o: f"{o.attacked.l2:.3f}",
        named(tr("lab.pixels-changed", "Pixels changed"), "l0"): lambda o: counted(o.attacked.pixels_changed),
        tr("lab.inside-budget", "Within ε"): lambda o: _inside(o.attacked),
        tr("lab.first-fooled", "First fooled the model"): lambda o: _first_fooled(o.attacked),
        "PSNR": lambda o: (
            tr("lab.no-change", "no change") if math.isinf(o.attacked.psnr) else f"{o.attacked.psnr:.1f} dB"
        ),
        "SSIM": lambda o: f"{o.attacked.ssim:.4f}",
        tr("lab.noise-control", "Noise control: {norm}", norm=NORMS[norm].sign): lambda o: _size(o.noise),
        tr("lab.time-attack", "Time for the attack"): lambda o: f"{o.attacked.seconds:.2f} s",
    }
    table = pd.DataFrame(
        {tr(o.clean.model.title): [value(o) for value in rows.values()] for o in result.outcomes}, index=list(rows)
    )
    st.table(table, border="horizontal", alt=tr("lab.measured-size", "Measured size of the change, one column a model"))


def _size(change: AttackedPicture) -> str:
    """How far a picture moved, in the norm that its budget bounds."""
    if change.norm == "linf":
        return grey_steps(change.distance)
    return f"{change.distance:.3f}" if change.norm == "l2" else counted(change.distance)


def _inside(change: AttackedPicture) -> str:
    """Measured by the core's own tolerance for rounding, not by eye."""
    allowed = budget_words(change.eps, change.norm)
    return (
        tr("lab.yes-budget", "yes: {limit}", limit=allowed)
        if change.inside_budget
        else tr("lab.no-budget", "**no**: {limit}", limit=allowed)
    )


def _first_fooled(change: AttackedPicture) -> str:
    if change.first_fooled is None:
        return tr("lab.never", "never")
    return (
        tr("lab.step-n", "at step {n}", n=change.first_fooled)
        if change.first_fooled
        else tr("lab.before-attack", "before the attack")
    )
