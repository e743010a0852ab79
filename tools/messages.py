"""Sentences and their translations: `make messages` brings the catalogues up to date, `make lint` checks them.

What is said is found in the syntax of the code, f-strings included: `tr("page.id", "English")` in the dashboard and
`Text("package.id", "English")` in both packages. Sentences of model cards and records have ids that begin with `data.`.
"""

import argparse
import ast
import json
import re
import string
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dashboard.catalogue import LOCALES, Translation, entries, path_of  # noqa: E402

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")

DATA = "data."
"""Begins the ids of sentences that stand in model cards and records, and not in the code."""

HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: MedDef\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
"""Without dates and versions, which would change with every run."""


@dataclass
class Said:
    """What the code says: id to English, and what is wrong with it."""

    english: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, call: ast.Call, where: str) -> None:
        """Take one call of `tr` or `Text`; a call of `tr` with one value translates what it is given."""
        words = [each.value if isinstance(each, ast.Constant) else None for each in call.args]
        match words:
            case [str(id), str(english)] if ID.fullmatch(id):
                if self.english.setdefault(id, english) != english:
                    self.problems.append(f"{where}: {id} says something else in another place")
            case [None] if not isinstance(call.args[0], ast.JoinedStr) and _name(call) == "tr":
                pass
            case _:
                self.problems.append(f'{where}: write {_name(call)}("page.id", "English sentence")')


def said_in_code(files: Iterable[Path]) -> Said:
    """Every sentence with an id."""
    said = Said()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node) in ("tr", "Text"):
                said.add(node, f"{path.relative_to(ROOT)}:{node.lineno}")
    return said


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def sources() -> list[Path]:
    """The code of both packages, without what only passes sentences on."""
    packages = {path for name in ("dashboard", "meddef_core") for path in (ROOT / name).rglob("*.py")}
    return sorted({*packages, ROOT / "streamlit_app.py"} - {ROOT / "dashboard" / "catalogue.py"})


def said_in_data() -> set[str]:
    """Every string in a model card or a record."""
    assets = ROOT / "assets"
    files = [*assets.glob("models/*/*/card.json"), *assets.glob("results/**/*.json")]
    return {text for path in files for text in _strings(json.loads(path.read_text(encoding="utf-8")))}


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


def problems(english: dict[str, str], known: list[Translation], *, data: set[str]) -> Iterator[str]:
    """What is wrong with one language's catalogue, a line each."""
    ids = {entry.id for entry in known}
    yield from (f"{id} is missing: {english[id]}" for id in sorted(english.keys() - ids))
    for entry in known:
        told = english.get(entry.id, entry.english if entry.id.startswith(DATA) else None)
        if told is None or (entry.id.startswith(DATA) and told not in data):
            yield f"{entry.id} is said nowhere: {entry.english}"
        elif told != entry.english or entry.fuzzy:
            yield f"{entry.id} has other English words now: look at its translation and remove `fuzzy`"
        elif not entry.translation.strip():
            yield f"{entry.id} is not translated: {entry.english}"
        elif places(entry.translation) != places(entry.english):
            yield f"{entry.id} has other places to fill in its translation: {entry.translation}"


def places(sentence: str) -> set[str]:
    """The names of what is filled in."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def updated(english: dict[str, str], known: list[Translation], *, data: set[str]) -> list[Translation]:
    """The catalogue with all that is said and nothing else, by id; translations of other words become fuzzy."""
    before = {entry.id: entry for entry in known}
    kept = {id: entry.english for id, entry in before.items() if id.startswith(DATA) and entry.english in data}
    found = []
    for id, words in sorted((english | kept).items()):
        old = before.get(id, Translation(id, words, ""))
        found.append(Translation(id, words, old.translation, fuzzy=old.fuzzy or old.english != words))
    return found


def write(language: str, found: Iterable[Translation]) -> None:
    """A language's file, in the order given."""
    catalog = Catalog(locale=language, fuzzy=False)
    for entry in found:
        flags = ["fuzzy"] if entry.fuzzy else []
        message = catalog.add(entry.english, entry.translation, context=entry.id, flags=flags)
        message.flags.discard("python-format")  # "95% interval" is no place to fill
    path_of(language).parent.mkdir(parents=True, exist_ok=True)
    with path_of(language).open("wb") as file:
        file.write(HEADER.format(language=language).encode())
        write_po(file, catalog, width=110, omit_header=True)


def main() -> int:
    """Bring the catalogues up to date, or only check them; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, and say what is wrong")
    arguments = parser.parse_args()
    said, data = said_in_code(sources()), said_in_data()
    wrong = list(said.problems)
    for language in sorted(path.name for path in LOCALES.iterdir() if path.is_dir()):
        known = list(entries(language))
        if not arguments.check:
            known = updated(said.english, known, data=data)
            write(language, known)
        wrong += [f"{language}: {line}" for line in problems(said.english, known, data=data)]
    print("\n".join(wrong) if wrong else f"All {len(said.english)} sentences are translated.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
