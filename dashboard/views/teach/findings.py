"""Live cards that compare: kinds of attacker, budgets, ways of training, and what was measured on the test list."""

import pandas as pd
import streamlit as st

from dashboard.components import colours
from dashboard.components.charts import CONFIG
from dashboard.components.not_counted import not_counted_line
from dashboard.components.progress import working
from dashboard.components.scan_level import scan_notes
from dashboard.components.words import counted, eps_words, output_words
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import teaching
from dashboard.services.lessons.model import StepState
from dashboard.services.results.common import ModelChoice
from dashboard.services.results.teaching import Rival
from dashboard.services.trust import trust
from dashboard.services.words import Text
from dashboard.views.teach.charts import against_budget, against_budget_alt, measured_bars

KNOWS = {
    "white box": Text("teach.knows-model", "knows the model and its gradients"),
    "black box": Text("teach.sees-outputs", "sees outputs, or another model's gradients, only"),
    "control": Text("teach.knows-nothing", "knows nothing: random signs"),
}
VERDICTS = {
    "green": Text("teach.green-every", "green: every check passed"),
    "amber": Text("teach.amber-read", "amber: read the number as an upper bound"),
    "red": Text("teach.red-check", "red: a check found a severe flaw"),
    "none": Text("teach.no-audit", "no audit of these weights"),
}


def controls(state: StepState) -> None:
    """The same budget in the hands of four attackers, on one model."""
    (model, *_) = teaching.named(state.task, state.models)
    with working(tr("teach.four-attackers", "Four attackers are at work on {model}…", model=tr(model.title))):
        found = teaching.rivals(model, state.sample, eps=state.eps or 0.0)
    task = services.tasks()[state.task]
    clean = found[0].outcome.clean
    st.markdown(
        tr(
            "teach.model-reads",
            "**{model}** reads the clean scan as {output}.",
            model=tr(model.title),
            output=output_words(task, clean),
        )
    )
    for start in range(0, len(found), 2):
        for column, rival in zip(st.columns(2, gap="medium"), found[start : start + 2], strict=False):
            with column.container(border=True, height="stretch"):
                _rival(rival, state)


def _rival(rival: Rival, state: StepState) -> None:
    task, outcome = services.tasks()[state.task], rival.outcome
    after = outcome.attacked.reading
    st.markdown(f"**{tr(rival.title)}** · {tr(KNOWS[rival.knows])}")
    said = tr("teach.output-output", "Output: {output}", output=output_words(task, after))
    if not outcome.counts:
        not_counted_line()
        st.caption(said)
    elif outcome.changed:
        st.error(tr("teach.changed-output", "Changed. {output}", output=said), icon=":material/gpp_bad:")
    else:
        st.success(tr("teach.not-changed", "Not changed. {output}", output=said), icon=":material/verified_user:")
    factor = colours.amplification(outcome.attacked.linf)
    st.image(
        colours.difference(outcome.clean.picture, after.picture, factor=factor),
        width=224,
        caption=tr("teach.added-times", "Added, × {factor}", factor=factor),
        alt=tr(
            "teach.what-attack",
            "What {attack} added to the scan, times {factor}",
            attack=tr(rival.title),
            factor=factor,
        ),
    )
    st.caption(
        f"{tr(rival.one_line)} {tr('teach.measured-linf', 'Measured: {linf}.', linf=eps_words(outcome.attacked.linf))}"
    )


def sweep(state: StepState) -> None:
    """The output's probability against the budget, every model attacked for itself at every point."""
    curves, abstaining = [], []
    for model in teaching.named(state.task, state.models):
        with working(tr("teach.model-being-attacked", "{model} is being attacked at every ε…", model=tr(model.title))):
            clean = teaching.reading(model, state.sample)
            if clean.abstained is not None:
                abstaining.append(clean)
                continue
            curves.append(teaching.curve(model, state.sample, name=state.attack or "fgsm", steps=state.steps))
    if curves:
        said = against_budget_alt(curves)
        st.plotly_chart(against_budget(curves), key="teach_curve", config=CONFIG, alt=said)
        st.markdown(said + ".")
    if abstaining:
        scan_notes(abstaining, task=services.tasks()[state.task])
    st.caption(
        tr(
            "teach.attack-one",
            "{attack} on this one scan, at each ε marked. A cross marks an output that has changed. One scan says "
            "nothing about the next: a share over many scans does.",
            attack=tr(services.option(state.attack or "fgsm").title),
        )
    )


def training(state: StepState) -> None:
    """How each model was trained, by its card, and one picture of the kind it was trained on, made now."""
    models = teaching.named(state.task, state.models)
    recipes = [teaching.recipe(model) for model in models]
    rows = {
        tr("teach.trained", "Trained on"): [
            tr("about.clean-scans", "clean scans only")
            if each.eps is None
            else tr("teach.attacked-scans", "attacked scans ({kind})", kind=each.objective)
            for each in recipes
        ],
        tr("teach.budget-training", "ε in training"): [
            "0" if each.eps is None else eps_words(each.eps) for each in recipes
        ],
        tr("teach.passes-over", "Passes over the scans"): [
            str(each.epochs or tr("teach.not-recorded", "not recorded")) for each in recipes
        ],
        tr("teach.training-scans", "Training scans"): [
            str(each.scans or tr("teach.not-recorded", "not recorded")) for each in recipes
        ],
    }
    table = pd.DataFrame(list(rows.values()), index=list(rows), columns=[tr(each.model.title) for each in recipes])
    st.table(table, border="horizontal", alt=tr("teach.how-each", "How each model was trained, by its card"))
    for each in recipes:
        if each.eps is not None:
            _exercise(each.model, state, eps=each.eps)


def _exercise(model: ModelChoice, state: StepState, *, eps: float) -> None:
    with working(tr("teach.model-being", "{model} is being attacked…", model=tr(model.title))):
        found = teaching.outcome(model, state.sample, name="fgsm", eps=eps)
    task, factor = services.tasks()[state.task], colours.amplification(eps)
    shown = (
        (found.clean.picture, tr("teach.scan", "The scan"), found.clean),
        (
            found.attacked.reading.picture,
            tr("teach.one-step", "One step against {model}", model=tr(model.title)),
            found.attacked.reading,
        ),
    )
    with st.container(horizontal=True, gap="small"):
        for picture, title, reading in shown:
            with st.container(width=224, gap="xsmall"):
                st.image(picture, clamp=True, width="stretch", caption=title, alt=title)
                st.caption(output_words(task, reading))
        with st.container(width=224, gap="xsmall"):
            st.image(
                colours.difference(found.clean.picture, found.attacked.reading.picture, factor=factor),
                width="stretch",
                caption=tr("teach.added-times", "Added, × {factor}", factor=factor),
                alt=tr(
                    "teach.what-attack", "What {attack} added to the scan, times {factor}", attack="FGSM", factor=factor
                ),
            )
    st.caption(
        tr(
            "teach.training-such",
            "In training such a picture is made anew for every scan in every pass, from the model as it is then, and "
            "the model learns to give it the label of the scan. Training of this model drew a random start first.",
        )
    )


def records(state: StepState) -> None:
    """What the cards record of the test list, with intervals and n, and each model's audit verdict."""
    models = teaching.named(state.task, state.models)
    series = [rows for rows in (teaching.measured(model) for model in models) if rows]
    if not series:
        st.info(
            tr("teach.no-measurement", "No measurement of these models is on their cards yet."), icon=":material/info:"
        )
    else:
        said = "; ".join(
            tr(
                "teach.model-clean",
                "{model}: clean {share} (n = {n})",
                model=tr(rows[0].model.title),
                share=counted(rows[0].balanced_accuracy),
                n=rows[0].n,
            )
            for rows in series
        )
        st.plotly_chart(measured_bars(series), key="teach_records", config=CONFIG, alt=said)
        st.caption(
            tr(
                "teach.balanced-accuracy",
                "Balanced accuracy on the test set with 95% intervals, from the model cards: at each ε the "
                "lowest of the attacks recorded there. {said}.",
                said=said,
            )
        )
    for model in models:
        verdict = trust(model)
        st.markdown(f"**{tr(model.title)}** · {tr('teach.audit', 'Audit')}: {tr(VERDICTS[verdict.verdict])}")
