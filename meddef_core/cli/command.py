"""What a command is: a registry entry of the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperCommand


@dataclass(frozen=True)
class Command:
    """`meddef <name>`: the function that runs it, or the group of its subcommands.

    Scripts rely on names. A module of commands imports heavy libraries inside its functions, so that `meddef --help`
    answers at once.
    """

    name: str
    run: Callable[..., Any] | typer.Typer
    kind: type[TyperCommand] | None = None

    def join(self, app: typer.Typer) -> None:
        """Add the command to the command line."""
        if isinstance(self.run, typer.Typer):
            app.add_typer(self.run, name=self.name)
        else:
            app.command(name=self.name, cls=self.kind)(self.run)
