"""Indexes of the lab log and of the decisions, from the titles of their entries."""

import re
from pathlib import Path

VERDICTS = ("kept", "rejected", "open")
ENTRY = re.compile(
    r"^## (?P<title>.+) \((?P<verdict>[^()]+)\)\n\n- \*\*Date:\*\* (?P<date>\d{4}-\d\d-\d\d)", re.MULTILINE
)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading: small letters, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def entries(folder: Path) -> dict[str, list[str]]:
    """Lines of the index, oldest first, by verdict; ValueError for an entry without verdict or date."""
    found: dict[str, list[tuple[str, str]]] = {verdict: [] for verdict in VERDICTS}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        text = path.read_text(encoding="utf-8")
        matches = list(ENTRY.finditer(text))
        if len(matches) != len(re.findall(r"^## ", text, re.MULTILINE)):
            raise ValueError(f"{path.name}: every entry needs a title with its verdict in brackets, and a date.")
        for each in matches:
            title, verdict, date = each["title"], each["verdict"], each["date"]
            first = re.match(r"\w+", verdict)
            if first is None or first[0] not in VERDICTS:
                raise ValueError(f"{path.name}: the verdict of {title!r} must begin with {', '.join(VERDICTS)}.")
            link = f"[{title}]({path.name}#{anchor(f'{title} ({verdict})')})"
            note = verdict.removeprefix(first[0]).lstrip(",: ")
            found[first[0]].append((date, f"- {date}, {path.stem}: {link}" + (f" ({note})" if note else "")))
    return {verdict: [line for _, line in sorted(lines)] for verdict, lines in found.items()}


def lab_log(folder: Path) -> str:
    """All entries by verdict, as Markdown."""
    parts = [
        f"## {verdict.capitalize()} ({len(lines)})\n\n" + "\n".join(lines) for verdict, lines in entries(folder).items()
    ]
    return "\n" + "\n\n".join(parts) + "\n"


def decisions(folder: Path) -> str:
    """All decisions by number, as Markdown."""
    lines = []
    for path in sorted(folder.glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines)
