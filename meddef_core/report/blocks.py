"""Documents that hold tables: `meddef tables --write FILE` renews each marked block.

A document holds blocks, `<!-- meddef tables NAME: begin -->` to `<!-- meddef tables NAME: end -->`; `write_blocks`
fills each with the table of that name.
"""

import re
from pathlib import Path

from meddef_core.errors import MedDefError
from meddef_core.io.files import replacing
from meddef_core.report.tables import tables
from meddef_core.text import Text

BLOCK = re.compile(r"(<!-- meddef tables ([\w-]+): begin -->\n).*?(<!-- meddef tables \2: end -->)", re.DOTALL)


def write_blocks(path: Path, *, root: Path | None = None) -> None:
    """Fill every block of a Markdown file.

    Raises MedDefError, and leaves the file as it was, if it holds no block, an unknown one or one without an end.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MedDefError(
            Text(
                "report.document-unreadable",
                "{path} cannot be read ({reason}); check the path.",
                path=path,
                reason=error.strerror,
            )
        ) from error
    known = tables(root)
    names = [found[2] for found in BLOCK.finditer(text)]
    if not names or text.count("<!-- meddef tables ") != 2 * len(names):
        raise MedDefError(
            Text(
                "report.markers-in-pairs",
                "{path} needs 'meddef tables' markers in pairs, begin and end; see README.md.",
                path=path,
            )
        )
    if unknown := sorted(set(names) - known.keys()):
        raise MedDefError(
            Text(
                "report.table-unknown",
                "{path} asks for the table {name}; there are: {known}.",
                path=path,
                name=repr(unknown[0]),
                known=", ".join(known),
            )
        )
    new = BLOCK.sub(lambda found: f"{found[1]}{known[found[2]]()}\n{found[3]}", text)
    with replacing(path) as beside:
        beside.write_text(new, encoding="utf-8")
