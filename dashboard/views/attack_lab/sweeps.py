"""How robust each model is on this scan: growing attack strengths, and the smallest one that suffices."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import pandas as pd
import streamlit as st

from dashboard.components.charts import CONFIG
from dashboard.components.progress import OnShare
from dashboard.components.slow_section import computed, kept, settings_key
from dashboard.components.trust import trust_line, trust_link
from dashboard.components.words import eps_words, output_words
from dashboard.language import tr
from dashboard.services import sweeps
from dashboard.services.results.common import LabResult, Reading
from dashboard.services.results.sweeps import BudgetCurve, Smallest
from dashboard.services.shared import OnProgress
from dashboard.services.tasks import Task
from dashboard.views.attack_lab.cards import model_title
from dashboard.views.attack_lab.charts import against_budget

T = TypeVar("T")


def sweeps_card(result: LabResult, *, task: Task) -> None:
    """The settings, a button for each question, and what was found; not of a model that abstains from the scan."""
    clean = [outcome.clean for outcome in result.counted]
    if not clean:
        st.caption(tr("lab.nothing-counted", "Nothing is counted here: a model abstains from this scan."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        steps = st.number_input(
            tr("lab.steps-pgd", "Steps of PGD at each strength"),
            1,
            sweeps.MOST_STEPS,
            min(result.spec.steps, sweeps.MOST_STEPS) if result.option.iterative else sweeps.USUAL_STEPS,
            key=f"lab_sweep_steps_{result.option.key}",
            width=240,
            help=tr(
                "lab.pgd-margin",
                "PGD on the margin loss, untargeted, whichever attack is chosen above, so that strengths compare.",
            ),
        )
        sweep = st.button(tr("lab.sweep-strength", "Sweep the strength"), key="lab_sweep", icon=":material/show_chart:")
        smallest = st.button(
            tr("lab.find-smallest", "Find the smallest strength"), key="lab_smallest", icon=":material/compress:"
        )
    key = settings_key(result, steps)
    seed = result.spec.seed
    if sweep:
        computed("sweep", key, partial(_each, clean, partial(sweeps.sweep, steps=steps, seed=seed)))
    if smallest:
        computed("smallest", key, partial(_each, clean, partial(sweeps.smallest, steps=steps, seed=seed)))
    curves, found = kept("sweep", key), kept("smallest", key)
    if curves is None and found is None:
        st.caption(
            tr(
                "lab.each-button",
                "Each button attacks every model again, at many strengths: some seconds a model. Nothing runs before.",
            )
        )
        return
    if isinstance(curves, tuple):
        _curves(curves, task=task, steps=steps)
    if isinstance(found, tuple):
        _smallest(found, task=task)
    for column, reading in zip(st.columns(len(clean), gap="medium"), clean, strict=True):
        with column:
            model_title(reading.model)
            trust_line(reading.model)
    trust_link()


def _each(clean: Sequence[Reading], ask: Callable[[Reading, OnProgress], T], on_share: OnShare) -> tuple[T, ...]:
    """The answer for each model, its share of the progress heard."""
    answers: list[T] = []
    for reading in clean:

        def on_progress(what: str, step: int, total: int) -> None:
            on_share(tr(what), (len(answers) + step / total) / len(clean))

        answers.append(ask(reading, on_progress))
    return tuple(answers)


def _curves(curves: Sequence[BudgetCurve], *, task: Task, steps: int) -> None:
    left, right = st.columns(2, gap="medium")
    words = [_curve_words(curve, steps=steps) for curve in curves]
    for column, quantity, title in (
        (
            left,
            "probability",
            tr("lab.probability-clean-output", "Probability of the clean output as the attack grows stronger"),
        ),
        (right, "margin", tr("lab.margin-clean", "Margin of the clean output as the attack grows stronger")),
    ):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                against_budget(curves, quantity=quantity, task=task),
                key=f"lab_sweep_{quantity}",
                config=CONFIG,
                alt=f"{title}. " + " ".join(words),
            )
    for sentence in words:
        st.markdown(f"- {sentence}")
    st.caption(
        tr(
            "lab.pgd-n",
            "PGD, {n} steps, each model by its own gradients. A picture found at a small strength counts at every "
            "larger one. The margin is the logarithm of how much likelier the clean output is than the next "
            "class; below 0 the output has changed, and a cross marks where.",
            n=steps,
        )
    )


def _curve_words(curve: BudgetCurve, *, steps: int) -> str:
    model = tr(curve.clean.model.title)
    most = eps_words(curve.points[-1].eps)
    if curve.flips_at is None:
        said = tr(
            "lab.model-pgd",
            "{model}: PGD with {n} steps found no change up to ε = {most}.",
            model=model,
            n=steps,
            most=most,
        )
        if steps < sweeps.USUAL_STEPS:
            said += " " + tr("lab.so-few", "With so few steps a stronger attack may well find one.")
    else:
        said = tr(
            "lab.model-output",
            "{model}: the output changes within ε = {eps}.",
            model=model,
            eps=eps_words(curve.flips_at),
        )
    if curve.noise_flips_at is None:
        return said + " " + tr("lab.random-noise-these", "Random noise of these sizes changed nothing.")
    return (
        said
        + " "
        + tr(
            "lab.random-noise-changed-eps", "Random noise changed it at ε = {eps}.", eps=eps_words(curve.noise_flips_at)
        )
    )


def _smallest(found: Sequence[Smallest], *, task: Task) -> None:
    st.markdown("**" + tr("lab.smallest-strength", "The smallest strength that changed each output") + "**")
    rows = {
        tr(each.clean.model.title): [
            tr("lab.none-up", "none up to {eps}", eps=eps_words(each.high))
            if each.eps is None
            else eps_words(each.eps),
            eps_words(each.withstood),
            "–" if each.attacked is None else output_words(task, each.attacked),
            output_words(task, each.noise),
            str(each.attacks),
        ]
        for each in found
    }
    names = [
        tr("lab.changed-eps", "Changed at ε"),
        tr("lab.failed-eps", "Failed at ε"),
        tr("lab.output-there", "Output there"),
        tr("lab.noise-control-2", "Noise control"),
        tr("lab.attacks-run", "Attacks run"),
    ]
    st.table(
        pd.DataFrame(rows, index=names),
        border="horizontal",
        alt=tr(
            "lab.smallest-strength-changed", "Smallest strength that changed each model's output, one column a model"
        ),
    )
    st.caption(
        ":material/info: "
        + tr(
            "lab.upper-bound",
            "An upper bound, found by this attack: the picture at this strength does change the output, but a better "
            "attack may need less. A failed attack below it does not prove that the model is robust there.",
        )
    )
