"""The quiz: two pictures or two maps, one of which belongs to the attacked scan; the class's score and its export."""

import streamlit as st

from dashboard.components import colours
from dashboard.components.heatmap_panel import MapStyle, map_tile
from dashboard.components.progress import working
from dashboard.components.words import counted, eps_words, output_words, percent
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services import teaching
from dashboard.services.lessons import quiz
from dashboard.services.lessons.quiz import Answer, QuizQuestion, RoundSettings
from dashboard.services.results.common import MapView, ModelChoice, Picture
from dashboard.services.results.teaching import QuizPair
from dashboard.services.words import Text

ROUND, ANSWERS, NEXT = "teach_quiz_round", "teach_quiz_answers", "teach_quiz_next"
SIDES = (Text("teach.left", "Left"), Text("teach.right", "Right"))
FAVOURITE = ("channel_attention", "gradcam")
"""Maps of the map quiz: the first of these that the model has."""
ORIGINS = {
    "clean": Text("teach.clean-scan", "the clean scan"),
    "noise": Text("teach.scan-random", "the scan with random noise of the same size"),
    "attacked": "attacked",
}
STYLE = MapStyle(0.5, "Cividis", False)
TILE = 320


def quiz_page() -> None:
    """Set a round up, answer its items, take the class result away."""
    chosen = _setup()
    if chosen is None:
        return
    if st.session_state.get(ROUND) != chosen:
        _start(chosen)
    model = next(each for each in services.models(_task()) if each.id == chosen.model)
    items = quiz.items(chosen, _asked_about(model))
    answers: list[Answer] = st.session_state[ANSWERS]
    _score(chosen, answers)
    number = st.session_state[NEXT]
    if number < len(items):
        _item(chosen, items[number], model)
    else:
        st.success(tr("teach.round-over", "The round is over."), icon=":material/flag:")
    if answers:
        _export(chosen, answers, model)


def _asked_about(model: ModelChoice) -> list[str]:
    """The samples that the model does not abstain from; all of them where there is none."""
    with working(tr("teach.models-reading", "The models are reading the scan…"), quick=True):
        readings = {sample.key: teaching.reading(model, sample.key) for sample in services.samples(_task())}
    return [key for key, reading in readings.items() if reading.abstained is None] or list(readings)


def _start(chosen: RoundSettings) -> None:
    st.session_state.update({ROUND: chosen, ANSWERS: [], NEXT: 0})


def _task() -> str:
    return str(st.session_state.get("teach_quiz_task") or next(iter(services.tasks())))


def _setup() -> RoundSettings | None:
    """Kind, level, model and seed; the same choice always gives the same round."""
    tasks = services.tasks()
    kind = st.segmented_control(
        tr("teach.kind-question", "Kind of question"),
        list(quiz.KINDS),
        default="scan",
        required=True,
        format_func=lambda key: tr(quiz.KINDS[key]),
        key="teach_quiz_kind",
        persist_state="session",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        task = st.segmented_control(
            tr("batch.kind-scan", "Kind of scan"),
            list(tasks),
            default=next(iter(tasks)),
            required=True,
            format_func=lambda key: tr(tasks[key].title),
            key="teach_quiz_task",
            persist_state="session",
        )
        level = st.segmented_control(
            tr("teach.level", "Level"),
            list(quiz.LEVELS),
            default="medium",
            required=True,
            format_func=_level_words,
            key="teach_quiz_level",
            persist_state="session",
        )
        models = {choice.id: choice for choice in services.models(str(task))}
        if not models:
            st.error(
                tr("teach.there-no-trained", "There is no trained model for this kind of scan; restore assets/models.")
            )
            return None
        model = st.selectbox(
            tr("teach.attacked-model", "Attacked model"),
            list(models),
            index=len(models) - 1,
            format_func=lambda key: tr(models[key].title),
            key=f"teach_quiz_model_{task}",
            width=200,
            persist_state="session",
        )
        length = st.selectbox(
            tr("teach.questions", "Questions"),
            quiz.LENGTHS,
            key="teach_quiz_length",
            width=120,
            persist_state="session",
        )
        seed = st.number_input(
            tr("lab.seed", "Seed"), 0, quiz.MOST_SEED, 1, key="teach_quiz_seed", width=140, persist_state="session"
        )
    st.caption(
        tr(
            "teach.same-seed",
            "The same seed gives the same questions to every class. Another seed begins another round.",
        )
    )
    return RoundSettings(str(kind), str(level), int(seed), int(length), str(model))


def _level_words(level: str) -> str:
    words = {"easy": tr("teach.easy", "Easy"), "medium": tr("teach.medium", "Medium"), "hard": tr("teach.hard", "Hard")}
    return f"{words[level]}, {eps_words(quiz.LEVELS[level])}"


def _score(chosen: RoundSettings, answers: list[Answer]) -> None:
    result = quiz.score(answers)
    with st.container(horizontal=True, gap="small"):
        st.metric(tr("teach.right-answers", "Right answers"), f"{result.right} / {result.n}", width=170, border=True)
        st.metric(tr("teach.streak", "Streak"), result.streak, width=130, border=True)
        st.metric(tr("teach.longest-streak", "Longest streak"), result.best_streak, width=160, border=True)
        if result.interval is not None:
            low, high = result.interval
            st.metric(
                tr("teach.measured-human", "Measured human accuracy"),
                counted(result.share),
                tr("teach.95-low", "95%: {low} to {high}, n = {n}", low=percent(low), high=percent(high), n=result.n),
                delta_color="off",
                delta_arrow="off",
                width=300,
                border=True,
            )
    st.progress(
        result.n / chosen.length,
        text=tr("teach.n-total", "{n} of {total} answered; guessing gives half", n=result.n, total=chosen.length),
    )


def _item(chosen: RoundSettings, item: QuizQuestion, model: ModelChoice) -> None:
    answers: list[Answer] = st.session_state[ANSWERS]
    given = next((answer for answer in answers if answer.item.number == item.number), None)
    with working(tr("teach.model-being", "{model} is being attacked…", model=model.title)):
        pair = teaching.quiz_pair(model, item, eps=chosen.eps)
        maps = _maps(chosen, item, model, pair) if chosen.kind == "map" else None
    st.subheader(f"{item.number + 1}. {tr(quiz.KINDS[chosen.kind])}", anchor=False)
    st.caption(
        tr(
            "teach.one-two",
            "One of the two was attacked with {eps}. The other is clean, or holds random noise of the same size.",
            eps=eps_words(chosen.eps),
        )
    )
    with st.container(horizontal=True, gap="medium"):
        for side, name in enumerate(SIDES):
            with st.container(width=TILE, gap="xsmall"):
                st.markdown(f"**{tr(name)}**")
                if maps is None:
                    st.image(
                        pair.pictures[side],
                        clamp=True,
                        width="stretch",
                        alt=tr("teach.scan-side", "Scan {side}", side=tr(name)),
                    )
                else:
                    map_tile(maps[side], pair.pictures[side], style=STYLE, heading=tr(maps[side].title))
                if given is None:
                    st.button(
                        tr("teach.one", "This one"),
                        key=f"teach_quiz_{item.number}_{side}",
                        width="stretch",
                        on_click=_answer,
                        args=(item, side),
                    )
    if maps is not None:
        st.caption(f":material/info: {tr(services.CAVEAT)}")
    if given is not None:
        _reveal(chosen, given, pair, model)


def _maps(chosen: RoundSettings, item: QuizQuestion, model: ModelChoice, pair: QuizPair) -> tuple[MapView, ...]:
    """One map of each picture, both on one scale."""
    key = f"quiz {item.sample} {item.beside} {item.answer} {chosen.eps}"
    pictures: tuple[Picture, ...] = pair.pictures
    found = services.maps(model, key, pair.clean.label, pictures)
    here = {view.key for view in found[0]}
    wanted = next(name for name in FAVOURITE if name in here)
    return tuple(next(view for view in views if view.key == wanted) for views in found)


def _answer(item: QuizQuestion, side: int) -> None:
    answers: list[Answer] = st.session_state[ANSWERS]
    if all(answer.item.number != item.number for answer in answers):  # a second press counts for nothing
        st.session_state[ANSWERS] = [*answers, Answer(item, side)]


def _advance() -> None:
    st.session_state[NEXT] += 1


def _reveal(chosen: RoundSettings, given: Answer, pair: QuizPair, model: ModelChoice) -> None:
    """Right or wrong, what each picture was, what was added, and what the model made of them."""
    side = tr(SIDES[given.item.answer])
    if given.right:
        st.success(
            tr("teach.right-attacked", "Right: the attacked one is {side}.", side=side), icon=":material/check_circle:"
        )
    else:
        st.error(
            tr("teach.not-quite-attacked", "Not quite: the attacked one is {side}.", side=side),
            icon=":material/cancel:",
        )
    task, factor = services.tasks()[_task()], colours.amplification(chosen.eps)
    with st.container(horizontal=True, gap="medium"):
        for name, picture, origin, reading in zip(SIDES, pair.pictures, pair.origins, pair.readings, strict=True):
            with st.container(width=TILE, gap="xsmall"):
                st.image(
                    colours.difference(pair.clean.picture, picture, factor=factor),
                    width="stretch",
                    alt=tr(
                        "teach.side-minus", "{side} minus the clean scan, times {factor}", side=tr(name), factor=factor
                    ),
                )
                st.caption(
                    tr(
                        "teach.side-origin",
                        "{side}: {origin}. Change × {factor}. {model}: {output}.",
                        side=tr(name),
                        origin=tr(ORIGINS[origin]),
                        factor=factor,
                        model=tr(model.title),
                        output=output_words(task, reading),
                    )
                )
    if given.item.number + 1 < chosen.length:
        st.button(
            tr("teach.next-question", "Next question"), key="teach_quiz_next_button", type="primary", on_click=_advance
        )


def _export(chosen: RoundSettings, answers: list[Answer], model: ModelChoice) -> None:
    """The class result as JSON and CSV; no names are asked for, so none can be in it."""
    result = quiz.document(chosen, answers, weights=teaching.weights_of(model))
    name = f"meddef-quiz-{chosen.kind}-{chosen.level}-seed{chosen.seed}"
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            tr("teach.class-result", "Class result (CSV)"),
            quiz.as_csv(result),
            f"{name}.csv",
            "text/csv",
            key="teach_quiz_csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            tr("teach.class-result-json", "Class result (JSON)"),
            quiz.as_json(result),
            f"{name}.json",
            "application/json",
            key="teach_quiz_json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button(
            tr("teach.start-round", "Start this round again"),
            key="teach_quiz_again",
            icon=":material/replay:",
            on_click=_start,
            args=(chosen,),
        )
    st.caption(tr("teach.file-holds", "The file contains the seed, ε and every answer, and no names."))
