"""One attack on several models, side by side: words, probabilities, pictures, measurements."""

import math
from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.components import colours
from dashboard.components.budgets import NORMS, budget_words
from dashboard.components.charts import CONFIG, before_after
from dashboard.components.trust import trust_line, trust_link
from dashboard.components.words import class_code, class_words, counted, eps_words, percent
from dashboard.language import tr
from dashboard.services.results.common import AttackedPicture, AttackOutcome, LabResult, Reading
from dashboard.services.tasks import Task
from dashboard.services.words import grey_steps
from dashboard.views.attack_lab.attack_form import LOSSES

WIDE = 2
"""Models whose columns are wide enough for two pictures beside each other and for long words."""


def settings_words(result: LabResult, *, task: Task) -> str:
    """The settings of this run in one line, so that a screenshot says what it shows."""
    spec, option = result.spec, result.option
    words = [tr(option.title)]
    if result.source is not None:
        words.append(tr("made on {model}", model=tr(result.source.title)))
    words.append(tr("budget ε = {eps}", eps=budget_words(spec.eps, option.norm)))
    said = {
        "steps": tr("steps: {n}", n=spec.steps),
        "restarts": tr("random starts: {n}", n=spec.restarts),
        "samples": tr("samples a step: {n}", n=spec.samples),
        "search_steps": tr("search rounds: {n}", n=spec.search_steps),
        "theta": tr("values by {theta}", theta=f"{spec.theta:g}"),
        "loss": tr(LOSSES[spec.loss]),
    }
    words += [text for setting, text in said.items() if setting in option.settings]
    target = None if spec.target is None else class_words(task, task.classes[spec.target])
    words.append(tr("untargeted") if target is None else tr("towards {label}", label=target))
    words.append(tr("seed {n}", n=spec.seed))
    return " · ".join(words) + ". " + tr("Each attack moves away from that model's own clean output.")


def verdicts(result: LabResult, *, task: Task, truth: str | None) -> None:
    """For each model, in a sentence, what the attack did; then every probability before and after."""
    for column, outcome in zip(st.columns(len(result.outcomes), gap="medium"), result.outcomes, strict=True):
        with column.container(border=True, height="stretch"):
            st.subheader(tr(outcome.clean.model.title), anchor=False)
            _verdict(outcome, task=task, named=class_words if len(result.outcomes) <= WIDE else class_code)
            if not outcome.counts:
                st.warning(tr("Not counted: this model abstains from the scan."), icon=":material/block:")
            if truth is not None and outcome.clean.label != truth:
                known = class_words(task, truth)
                st.caption(":material/error: " + tr("The clean output was wrong already; known: {label}.", label=known))
            st.plotly_chart(
                before_after(outcome, task=task),
                key=f"bars_{outcome.clean.model.id}",
                config=CONFIG,
                alt=_bars_alt(outcome, task=task),
            )
            trust_line(outcome.clean.model)
    st.caption(
        tr(
            "One scan and one attack: an unchanged output does not prove robustness. The badge says how far the "
            "robustness numbers of that model, measured on many scans, can be trusted."
        )
    )
    trust_link()


def _verdict(outcome: AttackOutcome, *, task: Task, named: Callable[[Task, str], str]) -> None:
    before, after = outcome.clean, outcome.attacked.reading
    was, now = named(task, before.label), named(task, after.label)
    if outcome.changed:
        st.error(
            tr("**The attack changed the model output** from {was} to {now}.", was=was, now=now),
            icon=":material/gpp_bad:",
        )
    else:
        st.success(
            tr(
                "**The attack did not change the model output.** It stays {was}: {before} before, {after} after.",
                was=was,
                before=percent(before.probability),
                after=percent(after.probability),
            ),
            icon=":material/verified_user:",
        )
    st.caption(_noise_words(outcome, named=lambda label: named(task, label)))


def _noise_words(outcome: AttackOutcome, *, named: Callable[[str], str]) -> str:
    noise: Reading = outcome.noise.reading
    share = percent(noise.probability)
    if noise.label != outcome.clean.label:
        return tr("Control: random noise of the same size changed it to {now} ({p}).", now=named(noise.label), p=share)
    if outcome.changed:
        return tr("Control: random noise of the same size did not change it ({p}).", p=share)
    return tr("Control: random noise of the same size did not change it either ({p}).", p=share)


def _bars_alt(outcome: AttackOutcome, *, task: Task) -> str:
    parts = [
        f"{name}: {class_words(task, reading.label)} {percent(reading.probability)}"
        for name, reading in (
            (tr("clean"), outcome.clean),
            (tr("attacked"), outcome.attacked.reading),
            (tr("random noise"), outcome.noise.reading),
        )
    ]
    return tr("{model}, probabilities.", model=tr(outcome.clean.model.title)) + " " + "; ".join(parts)


def two_places(models: int) -> Sequence[DeltaGenerator]:
    """Where two pictures of one model go: beside each other, or below each other where its column is narrow."""
    return st.columns(2, wrap=False) if models <= WIDE else [st.container(), st.container()]


def pictures(result: LabResult, *, short_id: str) -> None:
    """Clean, attacked, and what was added, for each model; the noise beside it. All amplified by one factor.

    `short_id` is that of the scan.
    """
    span = span_of(result)
    factor = colours.amplification(span)
    for column, outcome in zip(st.columns(len(result.outcomes), gap="medium"), result.outcomes, strict=True):
        with column.container(border=True):
            title = tr(outcome.clean.model.title)
            st.markdown(f"**{title}**")
            clean = outcome.clean.picture
            attacked, noise = outcome.attacked.reading.picture, outcome.noise.reading.picture
            top = two_places(len(result.outcomes))
            top[0].image(
                clean,
                caption=f"{tr('Clean')} · {short_id}",
                clamp=True,
                width="stretch",
                alt=tr("{model}: clean scan", model=title),
            )
            top[1].image(
                attacked,
                caption=f"{tr('Attacked')} · {short_id}",
                clamp=True,
                width="stretch",
                alt=tr("{model}: attacked scan", model=title),
            )
            bottom = two_places(len(result.outcomes))
            bottom[0].image(
                colours.difference(clean, attacked, factor=factor),
                width="stretch",
                caption=tr("What the attack added, × {factor}", factor=factor),
                alt=tr("{model}: attacked minus clean, times {factor}", model=title, factor=factor),
            )
            bottom[1].image(
                colours.difference(clean, noise, factor=factor),
                width="stretch",
                caption=tr("The noise control, × {factor}", factor=factor),
                alt=tr("{model}: noise minus clean, times {factor}", model=title, factor=factor),
            )
    st.caption(
        tr(
            "Differences are signed and multiplied by {factor}: mid grey is no change, blue is darker, orange is "
            "brighter; the strongest colours are ± {eps}.",
            factor=factor,
            eps=eps_words(span),
        )
    )


def span_of(result: LabResult) -> float:
    """The change of a pixel that gets the strongest colour: the budget, or the largest there is in other norms."""
    if result.option.norm == "linf":
        return result.spec.eps
    return max(change.linf for outcome in result.outcomes for change in (outcome.attacked, outcome.noise))


def measurements(result: LabResult) -> None:
    """What was measured on the attacked pictures, one column a model; the norm that the budget bounds is named so."""
    norm = result.option.norm

    def named(text: str, own: str) -> str:
        sign = NORMS[own].sign
        return f"{text} ({tr('{norm}, bounded', norm=sign) if own == norm else sign})"

    rows: dict[str, Callable[[AttackOutcome], str]] = {
        named(tr("Largest change of a pixel"), "linf"): lambda o: grey_steps(o.attacked.linf),
        named(tr("Length of the change"), "l2"): lambda o: f"{o.attacked.l2:.3f}",
        named(tr("Pixels changed"), "l0"): lambda o: counted(o.attacked.pixels_changed),
        tr("Inside its budget"): lambda o: _inside(o.attacked),
        tr("First fooled the model"): lambda o: _first_fooled(o.attacked),
        "PSNR": lambda o: tr("no change") if math.isinf(o.attacked.psnr) else f"{o.attacked.psnr:.1f} dB",
        "SSIM": lambda o: f"{o.attacked.ssim:.4f}",
        tr("Noise control: {norm}", norm=NORMS[norm].sign): lambda o: _size(o.noise),
        tr("Time for the attack"): lambda o: f"{o.attacked.seconds:.2f} s",
    }
    table = pd.DataFrame(
        {tr(o.clean.model.title): [value(o) for value in rows.values()] for o in result.outcomes}, index=list(rows)
    )
    st.table(table, border="horizontal", alt=tr("Measured size of the change, one column a model"))


def _size(change: AttackedPicture) -> str:
    """How far a picture moved, in the norm that its budget bounds."""
    if change.norm == "linf":
        return grey_steps(change.distance)
    return f"{change.distance:.3f}" if change.norm == "l2" else counted(change.distance)


def _inside(change: AttackedPicture) -> str:
    """Measured by the core's own tolerance for rounding, not by eye."""
    allowed = budget_words(change.eps, change.norm)
    return tr("yes: {budget}", budget=allowed) if change.inside_budget else tr("**no**: {budget}", budget=allowed)


def _first_fooled(change: AttackedPicture) -> str:
    if change.first_fooled is None:
        return tr("never")
    return tr("at step {n}", n=change.first_fooled) if change.first_fooled else tr("before the attack")
