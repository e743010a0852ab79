"""YAML inside a lesson file: every key with its line, so that a refusal says where."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from meddef_core.errors import MedDefError
from meddef_core.text import Text

FENCE = re.compile(r"^(`{3,})\s*(\w*)\s*$")
"""A line that opens or closes a block: its backticks, and its kind where it opens one."""


class LessonError(MedDefError):
    """A lesson file is malformed; the message names the file and the line."""


@dataclass(frozen=True)
class FieldPlace:
    """Where something stands, for the sentence that refuses it."""

    name: str
    line: int

    def refuse(self, sentence: str) -> LessonError:
        return LessonError(
            Text(
                "lessons.name-line",
                "{name}, line {line}: {sentence}",
                name=self.name,
                line=self.line,
                sentence=sentence,
            )
        )

    def at(self, line: int) -> "FieldPlace":
        return FieldPlace(self.name, line)


@dataclass(frozen=True)
class Fields:
    """A YAML mapping with the line of each key."""

    values: dict[str, Any]
    lines: dict[str, int]
    place: FieldPlace

    def where(self, key: str) -> FieldPlace:
        return self.place.at(self.lines.get(key, self.place.line))

    def words(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.where(key).refuse(Text("lessons.key-must", "{key} must be a line of text.", key=repr(key)))
        return value.strip()

    def whole(self, key: str, *, least: int, most: int) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.where(key).refuse(
                Text(
                    "lessons.key-must-whole",
                    "{key} must be a whole number from {least} to {most}.",
                    key=repr(key),
                    least=least,
                    most=most,
                )
            )
        return value

    def share(self, key: str, *, most: float) -> float:
        value = self.values.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
            raise self.where(key).refuse(
                Text("lessons.key-must-share", "{key} must be a share from 0 to {most}.", key=repr(key), most=most)
            )
        return float(value)

    def names(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key)
        listed = value if isinstance(value, list) else [value]
        words = tuple(each.strip() for each in listed if isinstance(each, str) and each.strip())
        if not listed or len(words) < len(listed):
            raise self.where(key).refuse(Text("lessons.key-must-list", "{key} must be a list of words.", key=repr(key)))
        if len(set(words)) < len(words):
            raise self.where(key).refuse(Text("lessons.key-names", "{key} names something twice.", key=repr(key)))
        return words

    def among(self, key: str, known: tuple[str, ...]) -> str:
        value = self.words(key)
        if value not in known:
            raise self.where(key).refuse(
                Text(
                    "lessons.there-no",
                    "There is no {key} {value}; choose one of {known}.",
                    key=key,
                    value=repr(value),
                    known=", ".join(known),
                )
            )
        return value


def read_fields(
    lines: list[str], place: FieldPlace, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Fields:
    """The mapping that the lines hold, `place` being that of the first; LessonError on any other YAML or key."""
    text = "\n".join(lines)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = place.line + min(mark.line if mark else 0, max(0, len(lines) - 1))
        said = getattr(error, "problem", None) or "it cannot be read"
        raise place.at(line).refuse(
            Text("lessons.no-yaml", "This is no YAML ({said}); put words with a colon between quotes.", said=said)
        ) from error
    except (ValueError, RecursionError) as error:  # a date that is none, brackets without end
        raise place.refuse(Text("lessons.value-here", "A value here cannot be read; put it between quotes.")) from error
    if not isinstance(node, yaml.MappingNode):
        raise place.refuse(Text("lessons.lines-key", "Lines of 'key: value' are expected here."))
    found: dict[str, int] = {}
    for key, _ in node.value:
        word, line = str(key.value), place.line + key.start_mark.line
        if word in found:
            raise place.at(line).refuse(Text("lessons.word-stands", "{word} stands here twice.", word=repr(word)))
        if word not in (*required, *optional):
            raise place.at(line).refuse(
                Text(
                    "lessons.there-no-word",
                    "There is no {word} here; known are {known}.",
                    word=repr(word),
                    known=", ".join((*required, *optional)),
                )
            )
        found[word] = line
    missing = [key for key in required if key not in found]
    if missing:
        raise place.refuse(Text("lessons.missing-missing", "{missing} is missing.", missing=repr(missing[0])))
    return Fields(values, found, place)


def read_blocks(
    body: list[str], place: FieldPlace, *, kinds: tuple[str, ...]
) -> tuple[str, dict[str, tuple[list[str], FieldPlace]]]:
    """The text without the fenced blocks of those kinds, and the lines of each with the place of its first.

    `place` is the line before `body`. Other fenced blocks stay in the text.
    """
    text: list[str] = []
    blocks: dict[str, tuple[list[str], FieldPlace]] = {}
    fence, kind, opened = "", "", 0
    for number, line in enumerate(body, start=place.line + 1):
        mark = FENCE.match(line)
        if not fence and mark:
            fence, kind, opened = mark[1], mark[2], number
            if kind in blocks:
                raise place.at(number).refuse(
                    Text("lessons.step-one", "A step has one {kind} block at most.", kind=repr(kind))
                )
            if kind in kinds:
                blocks[kind] = ([], place.at(number + 1))
                continue
        elif mark and kind in kinds and mark[2] in kinds:
            break
        elif mark and not mark[2] and len(mark[1]) >= len(fence):
            fence = ""
            if kind in kinds:
                continue
        (blocks[kind][0] if fence and kind in kinds else text).append(line)
    if fence:
        raise place.at(opened).refuse(
            Text("lessons.block-not", "This block is not closed; add a line of three backticks.")
        )
    return "\n".join(text).strip(), blocks
