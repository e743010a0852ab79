"""Building a lesson in a form: text, a live card on a shipped or own scan, a question, notes; no Markdown to edit."""

from dataclasses import replace

import streamlit as st

from dashboard.components.budgets import GREY_LEVELS
from dashboard.components.words import eps_words
from dashboard.language import tr
from dashboard.services import lesson_scans
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.lessons.build import key_of, save
from dashboard.services.lessons.fields import LessonError
from dashboard.services.lessons.model import (
    DEFENCES,
    VIEWS,
    Lesson,
    LessonQuestion,
    LessonStep,
    StepState,
    lessons_root,
)
from dashboard.services.settings import settings
from dashboard.services.words import Text

STEPS = "teach_build_steps"
MOST_STEPS = 12
ORDER = 1000
"""Own lessons come after the shipped ones."""

CARDS = {
    "none": Text("classroom.text-alone", "Text alone"),
    "scan": Text("classroom.scan-pixels", "The scan and its pixels"),
    "reading": Text("classroom.predictions", "Predictions"),
    "maps": Text("lab.maps", "Maps"),
    "attack": Text("classroom.attack-each", "An attack on each model"),
    "controls": Text("classroom.attack-black", "Attack, black box and noise"),
    "sweep": Text("classroom.prediction-against", "Prediction against epsilon"),
    "training": Text("classroom.how-models", "How the models were trained"),
    "broken": Text("classroom.broken-defence", "A broken defence"),
    "pruning": Text("classroom.model-after", "The model after pruning"),
    "records": Text("classroom.what-measured", "What was measured"),
    "reported": Text("classroom.papers-own", "The paper's own table"),
    "foreign": Text("classroom.scan-another", "A scan of another kind"),
}
"""Views of `VIEWS` in words."""

ATTACKS = ("fgsm", "pgd", "bim", "square")
SPARSITIES = (0.2, 0.5, 0.8, 0.9)


def builder_page() -> None:
    """The whole form; without a folder of one's own lessons, how to get one."""
    if settings().lessons_dir is None:
        st.info(
            tr("classroom.own-lessons", "Own lessons need a folder: whoever runs this server sets MEDDEF_LESSONS_DIR."),
            icon=":material/folder:",
        )
        return
    _own_scan()
    title = st.text_input(tr("classroom.title-lesson", "Title of the lesson"), key="teach_build_title", max_chars=100)
    summary = st.text_input(
        tr("classroom.what-about", "What it is about, in one sentence"), key="teach_build_summary", max_chars=300
    )
    minutes = st.number_input(tr("classroom.minutes", "Minutes"), 1, 240, 20, key="teach_build_minutes", width=160)
    count = int(st.session_state.get(STEPS, 1))
    steps = [_step(number) for number in range(count)]
    with st.container(horizontal=True):
        st.button(
            tr("classroom.add-step", "Add a step"),
            key="teach_build_add",
            on_click=_grow,
            args=(1,),
            disabled=count >= MOST_STEPS,
        )
        st.button(
            tr("classroom.remove-last", "Remove the last step"),
            key="teach_build_drop",
            on_click=_grow,
            args=(-1,),
            disabled=count < 2,
        )
        pressed = st.button(
            tr("classroom.save-lesson", "Save the lesson"),
            key="teach_build_save",
            type="primary",
            icon=":material/save:",
        )
    if pressed:
        _save(title.strip(), summary.strip(), int(minutes), steps)


def _grow(by: int) -> None:
    st.session_state[STEPS] = min(MOST_STEPS, max(1, int(st.session_state.get(STEPS, 1)) + by))


def _save(title: str, summary: str, minutes: int, steps: list[LessonStep]) -> None:
    try:
        if not title or not summary or not all(step.title and step.text for step in steps):
            raise LessonError(
                Text("classroom.lesson-needs", "A lesson needs a title and a summary, and each step a title and text.")
            )
        lesson = Lesson(
            key=key_of(title), title=title, summary=summary, minutes=minutes, order=ORDER, steps=tuple(steps)
        )
        path = save(lesson, lessons_root())
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return
    st.success(
        tr("classroom.saved-name", "Saved as {name}; it is in the list of lessons now.", name=path.name),
        icon=":material/check_circle:",
    )


def _own_scan() -> None:
    """Take in a scan of the teacher's own; the file's name is not kept."""
    with st.expander(tr("classroom.add-scan", "Add a scan of your own"), icon=":material/add_photo_alternate:"):
        st.caption(
            tr(
                "classroom.pixels-kept",
                "Its pixels are kept beside the lessons, without name and header. Remove text that is burnt in first.",
            )
        )
        task = str(
            st.selectbox(
                tr("batch.kind-scan", "Kind of scan"), list(services.tasks()), format_func=_task, key="teach_build_task"
            )
        )
        classes = ["", *services.tasks()[task].classes]
        truth = st.selectbox(
            tr("batch.known-class", "Known class"), classes, format_func=_known, key=f"teach_build_truth_{task}"
        )
        file = st.file_uploader(tr("lab.scan", "Scan"), key="teach_build_file")
        if (
            st.button(tr("classroom.keep-scan", "Keep this scan"), key="teach_build_keep", disabled=file is None)
            and file is not None
        ):
            try:
                sample = lesson_scans.keep(file.getvalue(), task=task, truth=truth or None)
            except MedDefError as error:
                st.error(tr(str(error)), icon=":material/error:")
            else:
                st.success(
                    tr("classroom.kept-name", "Kept as {name}.", name=sample.title), icon=":material/check_circle:"
                )


def _task(key: str) -> str:
    return tr(services.tasks()[key].title)


def _known(label: str) -> str:
    return label or tr("classroom.not-known", "not known")


# ---- one step --------------------------------------------------------------------------------------------------------


def _step(number: int) -> LessonStep:
    """The fields of one step, as far as they are filled in."""
    with st.container(border=True):
        title = st.text_input(
            tr("classroom.title-step", "Title of step {n}", n=number + 1),
            key=f"teach_build_title_{number}",
            max_chars=100,
        )
        text = st.text_area(
            tr("classroom.text-step", "Text of step {n}", n=number + 1),
            key=f"teach_build_text_{number}",
            max_chars=4000,
        )
        view = str(
            st.selectbox(
                tr("classroom.live-card", "Live card of step {n}", n=number + 1),
                list(CARDS),
                format_func=lambda key: tr(CARDS[key]),
                key=f"teach_build_view_{number}",
            )
        )
        state = None if view == "none" else _state(view, number)
        question = _question(number)
        notes = st.text_area(
            tr("classroom.notes-step", "Notes of step {n}", n=number + 1),
            key=f"teach_build_notes_{number}",
            max_chars=2000,
        )
    return LessonStep(
        title=" ".join(title.split()), text=text.strip(), state=state, question=question, notes=notes.strip() or None
    )


def _state(view: str, number: int) -> StepState:
    """Scan and models, and what else the view needs."""
    tasks = services.tasks()
    with st.container(horizontal=True):
        task = str(
            st.selectbox(
                tr("batch.kind-scan", "Kind of scan"), list(tasks), format_func=_task, key=f"teach_build_task_{number}"
            )
        )
        samples = {sample.key: sample for sample in services.samples(task)}
        sample = st.selectbox(
            tr("lab.scan", "Scan"),
            list(samples),
            format_func=lambda key: tr(samples[key].title),
            key=f"teach_build_scan_{number}_{task}",
        )
        models = {choice.id.rpartition("/")[2]: choice for choice in services.models(task)}
        chosen = st.multiselect(
            tr("about.models", "Models"),
            list(models),
            default=[name for name in ("undefended", "meddef") if name in models],
            format_func=lambda name: tr(models[name].title),
            key=f"teach_build_models_{number}_{task}",
        )
    state = StepState(task=task, sample=str(sample), models=tuple(chosen) or tuple(models)[:1], view=view)
    return _needed(state, number)


def _needed(state: StepState, number: int) -> StepState:
    needs = VIEWS[state.view]
    with st.container(horizontal=True):
        if "attack" in needs:
            attack = st.selectbox(
                tr("lab.attack", "Attack"), ATTACKS, format_func=_attack, key=f"teach_build_attack_{number}"
            )
            state = replace(state, attack=str(attack))
        if "eps" in needs:
            offered = GREY_LEVELS[1:]
            eps = st.selectbox(
                tr("lab.attack-strength", "Attack strength ε"),
                offered,
                format_func=eps_words,
                key=f"teach_build_eps_{number}",
            )
            state = replace(state, eps=float(eps or 0.0))
        if "defence" in needs:
            defence = st.selectbox(
                tr("teach.broken-defence", "Broken defence"), DEFENCES, key=f"teach_build_defence_{number}"
            )
            state = replace(state, defence=str(defence))
        if "sparsity" in needs:
            share = st.selectbox(
                tr("teach.share-weights", "Share of weights removed"), SPARSITIES, key=f"teach_build_sparsity_{number}"
            )
            state = replace(state, sparsity=float(share or 0.0))
    return state


def _attack(key: str) -> str:
    return tr(services.option(key).title)


def _question(number: int) -> LessonQuestion | None:
    """The step's question; None where the field is empty."""
    prompt = st.text_input(
        tr("classroom.question-step", "Question of step {n}", n=number + 1),
        key=f"teach_build_ask_{number}",
        max_chars=300,
    )
    if not prompt.strip():
        return None
    lines = st.text_area(
        tr("classroom.options-one", "Options, one a line"), key=f"teach_build_options_{number}"
    ).splitlines()
    options = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(options) < 2:
        st.caption(
            tr("classroom.question-needs-two", "A question needs two options at least; until then it is not saved.")
        )
        return None
    right = str(
        st.selectbox(tr("classroom.right-option-2", "Right option"), options, key=f"teach_build_answer_{number}")
    )
    explanation = st.text_input(
        tr("classroom.explanation", "Explanation"), key=f"teach_build_explanation_{number}", max_chars=1000
    )
    return LessonQuestion(
        prompt=prompt.strip(), options=options, answer=options.index(right), explanation=explanation.strip() or right
    )
