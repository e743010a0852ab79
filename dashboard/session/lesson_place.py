"""Where a session is in the lessons, and the link that leads there: a lesson, a step, and what its card shows."""

from dataclasses import dataclass, replace

import streamlit as st

from dashboard.language import tr
from dashboard.services import limits, teaching
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.lessons.model import DEFENCES, MOST_SPARSITY, Lesson, StepState
from dashboard.services.results.common import AttackOption
from dashboard.services.words import Norm, parse_eps
from dashboard.session import deep_link
from dashboard.session.deep_link import written

NAMES = ("lesson", "step", "sample", "model", "attack", "eps", "defence", "sparsity")
"""Parameters of a link; `model` holds names with commas between them, `step` counts from 1."""

PLACE, WRITTEN = "teach_place", "teach_written"

USED: dict[str, tuple[str, ...]] = {
    "scan": ("sample",),
    "reading": ("sample", "model"),
    "maps": ("sample", "model"),
    "attack": ("sample", "model", "attack", "eps"),
    "controls": ("sample", "model", "eps"),
    "sweep": ("sample", "model", "attack"),
    "training": ("sample", "model"),
    "broken": ("sample", "model", "eps", "defence"),
    "pruning": ("sample", "model", "eps", "sparsity"),
    "records": ("model",),
    "reported": (),
    "foreign": ("model",),
}
"""What a reader can change on each live card, and what its link therefore names."""


@dataclass(frozen=True)
class LessonPlace:
    """A step of a lesson (from 0) with what a link or a reader changed on its card, as text.

    `moved`: the step that a link asked for is not there, and this is the nearest.
    """

    lesson: str
    step: int
    changes: tuple[tuple[str, str], ...] = ()
    moved: bool = False

    def changed(self, name: str, value: str) -> "LessonPlace":
        """The same step with one setting of its card changed."""
        return replace(self, changes=tuple({**dict(self.changes), name: value}.items()))


def current() -> LessonPlace | None:
    """Where this session is; a link that it was just opened with comes first. None is the list of lessons."""
    asked = deep_link.asked(NAMES)
    if "lesson" in asked and asked != st.session_state.get(WRITTEN):
        number = asked.get("step", "1")
        step = int(number) - 1 if number.isdecimal() and len(number) < 4 else -1
        changes = tuple((name, asked[name]) for name in NAMES[2:] if name in asked)
        st.session_state[PLACE] = LessonPlace(asked["lesson"], max(0, step), changes, moved=step < 0)
    return st.session_state.get(PLACE)


def go(place: LessonPlace | None) -> None:
    """Open a step as its lesson says, or the list of lessons."""
    st.session_state[PLACE] = place


def change(name: str, key: str) -> None:
    """Take over what the reader chose in the widget of that key."""
    place, value = st.session_state.get(PLACE), st.session_state.get(key)
    if place is not None and value is not None and value != []:
        text = f"{value:g}" if name == "sparsity" else written(value)
        st.session_state[PLACE] = place.changed(name, text)


def state_at(place: LessonPlace, own: StepState) -> tuple[StepState, bool]:
    """What the card shows: the step's own state with the place's changes, and whether every change could be made."""
    state, whole = own, True
    for name, value in place.changes:
        try:
            state = _changed(state, own, name, value)
        except (MedDefError, ValueError):
            whole = False
    return state, whole


def _changed(state: StepState, own: StepState, name: str, value: str) -> StepState:
    """One change; raises MedDefError or ValueError on what the card does not offer. A link is checked like a form."""
    if name not in USED[own.view]:
        return state
    if name == "sample" and value in {sample.key for sample in services.samples(own.task)}:
        return replace(state, sample=value)
    if name == "model":
        names = tuple(dict.fromkeys(value.split(",")))[: limits.MOST_MODELS]
        teaching.named(own.task, names)
        return replace(state, models=names)
    if name == "attack" and value in {option.key for option in attacks_for(own)}:
        return replace(state, attack=value)
    if name == "eps":
        return replace(state, eps=parse_eps(value, norm=norm_of(own)))
    if name == "defence" and value in DEFENCES:
        return replace(state, defence=value)
    if name == "sparsity" and 0 <= float(value) <= MOST_SPARSITY:
        return replace(state, sparsity=float(value))
    raise ValueError(name)


def norm_of(own: StepState) -> Norm:
    """Norm of the budget that the card's settings are in."""
    return services.option(own.attack).norm if own.attack else "linf"


def attacks_for(own: StepState) -> list[AttackOption]:
    """Attacks that can take the place of the step's: of its norm, on one model alone."""
    norm = norm_of(own)
    return [option for option in services.attack_options() if option.norm == norm and not option.needs_source]


def parameters(place: LessonPlace, state: StepState | None) -> dict[str, str]:
    """Everything that a link to this step names; a sample by its key, so never an upload."""
    found = {"lesson": place.lesson, "step": str(place.step + 1)}
    if state is None:
        return found
    values = {
        "sample": state.sample,
        "model": state.models,
        "attack": state.attack,
        "eps": state.eps,
        "defence": state.defence,
        "sparsity": None if state.sparsity is None else f"{state.sparsity:g}",
    }
    return found | {name: written(values[name]) for name in USED[state.view] if values[name] is not None}


def write(wanted: dict[str, str]) -> None:
    """Put the step's parameters into the browser's address, and take those of another step out."""
    deep_link.write(NAMES, wanted)
    st.session_state[WRITTEN] = wanted


def link(wanted: dict[str, str]) -> str:
    """The whole address."""
    return deep_link.address(wanted, page="teach")


def link_box(wanted: dict[str, str]) -> None:
    """The link, ready to copy."""
    with st.popover(tr("teach.link-step", "Link to this step"), icon=":material/link:", key="teach_link"):
        st.code(link(wanted), language=None, wrap_lines=True)
        st.caption(
            tr(
                "teach.opens-step",
                "Opens this step with this sample, model, attack and ε. A link never leads to an upload.",
            )
        )


def bounded(place: LessonPlace, lesson: Lesson) -> LessonPlace:
    """The place, at a step that the lesson has."""
    last = len(lesson.steps) - 1
    return place if place.step <= last else replace(place, step=last, changes=(), moved=True)
