"""Live cards on networks that the lesson makes: a broken defence, and a model with weights removed."""

import streamlit as st

from dashboard.components.not_counted import not_counted_line
from dashboard.components.progress import working
from dashboard.components.words import counted, eps_words, output_words
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import teaching, teaching_broken
from dashboard.services.lessons.model import StepState
from dashboard.services.results.common import Reading
from dashboard.services.results.teaching import DefenceDemonstration, Tried

REVEAL = "teach_adaptive"


def broken(state: StepState) -> None:
    """The number that the maker of a broken defence would report; on request, what it is worth."""
    (model, *_) = teaching.named(state.task, state.models)
    defence, eps = state.defence or "quantiser", state.eps or 0.0
    with working(
        tr(
            "teach.model-being-attacked-through",
            "{model} is being attacked through the defence…",
            model=tr(model.title),
        )
    ):
        found = teaching_broken.broken(model, state.sample, defence=defence, eps=eps)
    st.markdown(f"**{model.title} + {tr(found.title)}.** {tr(found.one_line)}")
    st.caption(
        tr("teach.clean-output", "Clean output of the defended model: {output}", output=_words(found.clean, state))
    )
    maker, knower = st.columns(2, gap="medium")
    with maker.container(border=True, height="stretch"):
        st.markdown(f"**{tr('teach.maker-tested', 'As its maker tested it')}**")
        _tried(found.naive, state, counts=found.clean.abstained is None)
    with knower.container(border=True, height="stretch"):
        st.markdown(f"**{tr('teach.adaptive-attack', 'Adaptive attack')}**")
        if st.toggle(tr("teach.attack-properly", "Attack it properly"), key=f"{REVEAL}_{defence}"):
            _tried(found.adaptive, state, counts=found.clean.abstained is None)
        else:
            st.caption(
                tr("teach.think-first", "Think first: why might the test on the left have failed? Then switch this on.")
            )
    if st.session_state.get(f"{REVEAL}_{defence}"):
        _flaw(found)


def _flaw(found: DefenceDemonstration) -> None:
    st.markdown(f":material/troubleshoot: **{tr('teach.flaw', 'The flaw.')}** {tr(found.flaw)}")
    checks = ", ".join(tr(title) for title in found.caught_by)
    st.caption(
        tr(
            "teach.trust-checks",
            "Trust checks that look for it: {checks}. Source: {source}",
            checks=checks,
            source=found.citation,
        )
    )


def _tried(tried: Tried, state: StepState, *, counts: bool) -> None:
    output = _words(tried.reading, state)
    if not counts:
        not_counted_line()
        st.caption(tr("teach.output-output", "Output: {output}", output=output))
    elif tried.fooled:
        st.error(tr("teach.changed-output", "Changed. {output}", output=output), icon=":material/gpp_bad:")
    else:
        st.success(tr("teach.not-changed", "Not changed. {output}", output=output), icon=":material/verified_user:")
    st.caption(
        tr(
            "teach.budget-eps-largest",
            "ε = {eps}; largest change of a pixel, measured: {linf}.",
            eps=eps_words(state.eps or 0.0),
            linf=eps_words(tried.linf),
        )
    )


def pruning(state: StepState) -> None:
    """Each model with that share of its weights removed just now, reading the scan and attacked."""
    sparsity, eps = state.sparsity or 0.0, state.eps or 0.0
    models = teaching.named(state.task, state.models)
    for column, model in zip(st.columns(len(models), gap="medium"), models, strict=True):
        with column.container(border=True):
            with working(tr("teach.removing-weights", "Removing weights from {model}…", model=tr(model.title))):
                found = teaching_broken.thinned(model, state.sample, sparsity=sparsity, eps=eps)
            st.markdown(f"**{tr(model.title)}**")
            st.progress(found.kept / found.prunable, text=_kept_words(found.kept, found.prunable))
            st.caption(tr("teach.shipped-output", "As shipped: {output}", output=_words(found.before, state)))
            st.markdown(tr("teach.after-pruning", "After pruning: {output}", output=_words(found.clean, state)))
            if found.before.abstained is None and found.clean.label != found.before.label:
                st.warning(tr("teach.pruning-alone", "Pruning alone changed the output."), icon=":material/warning:")
            st.caption(tr("teach.pruned-model", "The pruned model, attacked with its own gradients:"))
            _tried(found.attacked, state, counts=found.clean.abstained is None)
    st.caption(
        tr(
            "teach.weights-smallest",
            "The weights of smallest magnitude go first, over all layers together, without any training after: the "
            "simplest way to prune. Pruning in several rounds with training between keeps far more.",
        )
    )


def _kept_words(kept: int, prunable: int) -> str:
    return tr(
        "teach.kept-total",
        "{kept} of {total} weights kept ({share})",
        kept=kept,
        total=prunable,
        share=counted(kept / prunable),
    )


def _words(reading: Reading, state: StepState) -> str:
    return output_words(services.tasks()[state.task], reading)
