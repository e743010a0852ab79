"""`meddef tables`: the zoo's and the records' numbers as Markdown."""

from pathlib import Path
from typing import Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag
from meddef_core.cli.output import emit
from meddef_core.errors import MedDefError
from meddef_core.text import Text


def tables(
    names: Annotated[
        list[str] | None, typer.Argument(help="Tables to print; else the models' and the paper's.")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Fill every table between its markers in this Markdown file.", dir_okay=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the results as Markdown tables."""
    from meddef_core.report.blocks import write_blocks
    from meddef_core.report.tables import tables as known_tables

    known = known_tables()
    if unknown := [name for name in names or [] if name not in known]:
        raise MedDefError(
            Text(
                "cli.tables-unknown",
                "There is no table {name}; there are: {known}.",
                name=repr(unknown[0]),
                known=", ".join(known),
            )
        )
    if write is not None:
        write_blocks(write)
    usual = [name for name in known if name == "models" or name.startswith("paper-")]
    found = {name: known[name]() for name in names or usual}
    lines = [table if len(found) == 1 else f"{name}\n\n{table}\n" for name, table in found.items()]
    emit(found, lines, as_json=as_json)


ORDER = 230
COMMANDS = (Command("tables", tables),)
