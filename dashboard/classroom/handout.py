"""A lesson on paper: text, pictures computed when it is printed, questions, and the answers on the last page."""

from markdown_it import MarkdownIt

from dashboard.classroom.figures import Figures, figures
from dashboard.classroom.paper import Block, document, heading, new_page, paragraph, pictures, table
from dashboard.classroom.words import Translator, translator
from dashboard.services.classroom import pixels_of
from dashboard.services.lessons.model import Lesson, LessonQuestion, LessonStep

ACROSS = 3
MARKDOWN = MarkdownIt("commonmark", {"html": False})


def handout(lesson: Lesson, *, language: str) -> bytes:
    """The lesson as a PDF of A4 pages; raises MedDefError where a picture cannot be computed.

    Captions give nothing away before the answers, which have a page of their own, and say there what was predicted.
    """
    tr = translator(language)
    blocks: list[Block] = [heading(lesson.title, level=1), paragraph(lesson.summary)]
    answers: list[Block] = []
    for number, step in enumerate(lesson.steps, start=1):
        found = figures(step.state, tr) if step.state is not None else Figures(())
        blocks += _step(number, step, found, tr)
        answers += _answers(number, step, found, tr)
    if answers:
        blocks += [
            new_page(),
            heading(tr("classroom.answers-questions", "Answers to the questions"), level=1),
            *answers,
        ]
    return document(blocks, title=lesson.title, language=language)


def _step(number: int, step: LessonStep, found: Figures, tr: Translator) -> list[Block]:
    blocks: list[Block] = [heading(f"{number}. {step.title}", level=2)]
    blocks += [paragraph(line) for line in plain(step.text)]
    shown = [(pixels_of(each.pixels), each.before) for each in found.pictures]
    blocks += [pictures(shown[start : start + ACROSS]) for start in range(0, len(shown), ACROSS)]
    if found.table and not shown:
        blocks.append(table(found.table))
    return blocks if step.question is None else [*blocks, *_question(step.question, tr)]


def _question(asked: LessonQuestion, tr: Translator) -> list[Block]:
    options = [paragraph(f"{letter(place)}  {option}") for place, option in enumerate(asked.options)]
    return [paragraph(f"{tr('teach.question', 'Question')}: {asked.prompt}", bold=True), *options]


def _answers(number: int, step: LessonStep, found: Figures, tr: Translator) -> list[Block]:
    said: list[Block] = []
    if step.question is not None:
        said.append(paragraph(f"{number}. {letter(step.question.answer)}", bold=True))
        said.append(paragraph(step.question.explanation))
    if found.pictures and found.table:
        said += [paragraph(f"{number}. {step.title}", small=True), table(found.table)]
    return said


def letter(place: int) -> str:
    """A, B, C for the options of a question."""
    return chr(ord("A") + place)


def plain(markdown: str) -> list[str]:
    """The paragraphs and list items of a text, without their markup."""
    lines = []
    for token in MARKDOWN.parse(markdown):
        if token.type == "inline":
            pieces = (" " if child.type == "softbreak" else child.content for child in token.children or ())
            lines.append("".join(pieces))
        elif token.type in ("fence", "code_block"):
            lines.append(token.content)
    return lines
