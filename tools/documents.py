"""Write what documents repeat from elsewhere: indexes, the diagram of imports, the models' README files.

`make documents` writes; `python tools/documents.py --check` writes nothing and fails where a file is not current.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from import_graph import mermaid
from log_index import decisions, lab_log
from long_tests import tables

from meddef_core.report.model_card import model_readme, other_hospital_table
from meddef_core.report.tables import COMPARED
from meddef_core.zoo import MODELS, list_models

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(<!-- documents ([\w-]+): begin -->\n).*?(<!-- documents \2: end -->)", re.DOTALL)


def filled(text: str, blocks: Mapping[str, str]) -> str:
    """A document with every marked block renewed; KeyError for a block that nobody makes."""
    return BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]].rstrip()}\n{found[3]}", text)


def expected(root: Path = ROOT) -> dict[Path, str]:
    """What each generated file, or file with a generated block, must hold."""
    cards = list_models(MODELS)
    blocks = {
        "imports": mermaid(root),
        "lab-log": lab_log(root / "docs" / "lab-log"),
        "long-tests": tables(root / "docs" / "long-tests.json"),
        "decisions": decisions(root / "docs" / "decisions"),
        "other-hospitals": other_hospital_table([card for card in cards if card.name == COMPARED], MODELS),
    }
    marked = [
        root / "README.md",
        root / "docs" / "architecture.md",
        root / "docs" / "long-tests.md",
        *sorted((root / "docs").glob("*/README.md")),
    ]
    found = {path: filled(path.read_text(encoding="utf-8"), blocks) for path in marked}
    for card in cards:
        folder = MODELS / card.task / card.name
        found[folder / "README.md"] = model_readme(card, folder)
    return found


def stale(root: Path = ROOT) -> dict[Path, str]:
    """Files that do not hold what they must, with what they must hold."""
    wanted = expected(root)
    return {path: text for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text}


def main() -> int:
    """Write or check every document."""
    parser = argparse.ArgumentParser(description="Renew the generated parts of the documents.")
    parser.add_argument("--check", action="store_true", help="only list the files that are not current, and fail")
    only_check = parser.parse_args().check
    found = stale()
    for path, text in found.items():
        print(path.relative_to(ROOT))
        if not only_check:
            path.write_text(text, encoding="utf-8")
    return int(only_check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
