"""Words that readers stop at, and sentences that are too long, in what users read.

`python tools/phrases.py` prints each place and exits with 1; `make lint` runs it. The catalogue's English (pages,
messages, the command line), the lessons and the README are read; code blocks and quotations are not.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "assets" / "locale" / "zh" / "LC_MESSAGES" / "meddef.po"
LESSONS = ROOT / "assets" / "lessons"
README = ROOT / "README.md"

LONGEST = 25
"""Words of a sentence."""

MOST_LONG = 0.05
"""Share of longer sentences."""

PHRASES = {
    r"\b(the|a|its|this) reading of\b|\bwhat the model reads\b": "prediction, output",
    r"\btwin\b": "undefended counterpart",
    r"\bnets?\b(?! )|\bthe nets?\b": "model, network",
    r"\bbudgets?\b": "attack strength, epsilon",
    r"\bclimb(s|ed|ing)?\b": "maximise the loss",
    r"\bwhat the attack raises\b|\bto raise the loss\b": "attack objective",
    r"\btest list\b|\bvalidation list\b|\btraining list\b|\bofficial list\b|\bclean list\b": "test set, split",
    r"\bput to (it|the model|them)\b|\bis asked of the model\b": "evaluated, measured",
    r"\bread(s)? (right(ly)?|wrong(ly)?)\b": "correctly classified",
    r"\b(output|prediction|class|answer)s? (holds?|stands?|held)\b|\bholds? (more|out)\b": "robust, unchanged",
    r"\bwho (ignores?|knows?) (it|the defence)\b": "non-adaptive, adaptive attack",
    r"\bchance (does not |cannot )?explains?\b": "no significant difference (p = ...)",
    r"\bput out of action\b|\blesions? the (model|network)\b": "removed, ablated",
    r"\bwhether it is such a scan\b|\bsuch a scan at all\b": "out-of-distribution check",
    r"\bkeeps? (its|their) word\b": "calibrated probability",
    r"\bgoes on where it stopped\b": "resumes",
    r"\bre-measured\b": "reproduced",
    r"\d %": "94.4%, without a space",
    r"\ball the same\b": "anyway, even so",
    r"\b\d+ x \d+ inside\b": "small (112 px)",
}
"""What is not said, as a pattern without regard to capitals, and what is said instead."""

ALLOWED: dict[str, str] = {}
"""Pieces of text in which a pattern is meant literally, and why."""


@dataclass(frozen=True)
class Passage:
    """Some text and where it stands."""

    place: str
    text: str


def passages() -> Iterator[Passage]:
    """Everything that is checked."""
    with CATALOGUE.open("rb") as file:
        for message in read_po(file):
            if message.id and isinstance(message.id, str):
                yield Passage(message.context or "", message.id)
    for path in sorted(LESSONS.glob("*.md")):
        yield Passage(path.name, prose(path.read_text(encoding="utf-8")))
    yield Passage(README.name, prose(README.read_text(encoding="utf-8")))


def prose(markdown: str) -> str:
    """Markdown without what is no prose: blocks of code, tables, comments, addresses, `code`."""
    markdown = re.sub(r"\A---\n.*?\n---\n", "", markdown, flags=re.DOTALL)
    markdown = re.sub(r"^```(?!question|notes).*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    markdown = re.sub(
        r"^(```.*|\|.*|#+ .*|\s*(prompt|options|answer|explanation):.*)$", "\n", markdown, flags=re.MULTILINE
    )
    return re.sub(r"<!--.*?-->|\]\([^)]*\)|`[^`]*`", " X ", markdown, flags=re.DOTALL)


def found_in(passage: Passage) -> Iterator[str]:
    """Each phrase that is not said, with what stands around it."""
    for pattern, better in PHRASES.items():
        for match in re.finditer(pattern, passage.text, flags=re.IGNORECASE):
            near = passage.text[max(0, match.start() - 30) : match.end() + 30].replace("\n", " ")
            if not any(allowed in near for allowed in ALLOWED):
                yield f"{passage.place}: {match[0]!r} in {near!r}; say {better}"


def sentences(text: str) -> list[str]:
    """Its sentences: a list's items and paragraphs are sentences of their own."""
    blocks = re.split(r"\n\s*\n|\n\s*[-*\d]+[.)]?\s+", text)
    return [each for block in blocks for each in re.split(r"(?<=[.!?])\s+", " ".join(block.split())) if each]


def words(sentence: str) -> int:
    """How many words it has; a number is one."""
    return len(re.findall(r"[^\W_][\w'’./%-]*", sentence))


def main(arguments: Sequence[str]) -> int:
    """Print what was found; 1 where something was."""
    every = list(passages())
    wrong = [line for passage in every for line in found_in(passage)]
    said = [(words(sentence), passage.place, sentence) for passage in every for sentence in sentences(passage.text)]
    long = sorted((each for each in said if each[0] > LONGEST), reverse=True)
    print(*wrong, sep="\n")
    share = len(long) / max(1, len(said))
    if "--long" in arguments or share > MOST_LONG:
        print(*(f"{place}: {n} words: {sentence}" for n, place, sentence in long), sep="\n")
    print(f"{len(wrong)} phrases; {len(long)} of {len(said)} sentences have over {LONGEST} words ({100 * share:.1f}%).")
    return int(bool(wrong) or share > MOST_LONG)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
