"""`meddef …`: what the dashboard can do, for scripts. Scripts rely on these commands, options and exit codes.

0: done. 2: bad input, one sentence on standard error. 130: interrupted. Libraries that take seconds to import are
imported inside the commands, so that `meddef --help` answers at once.
"""

import sys
from collections.abc import Sequence

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.output import sentence, tell
from meddef_core.errors import MedDefError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.registry import collected
from meddef_core.settings import settings

COMMANDS: dict[str, Command] = collected(
    "meddef_core.cli", "COMMANDS", key=lambda command: str(command.name), but=("entry",)
)
"""One file a command, or one folder; help lists them by their `ORDER`."""

INTERRUPTED = 130
BAD_INPUT = 2

app = typer.Typer(
    name="meddef",
    help=f"Diagnostic networks that are hard to fool. {INTENDED_USE}",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in COMMANDS.values():
    command.join(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; every foreseen failure is one sentence, anything else a traceback."""
    try:
        settings()  # a value that cannot work stops every command before it begins
        code = app(args=arguments, prog_name="meddef", standalone_mode=False)
    except (MedDefError, typer.TyperException) as error:
        code = BAD_INPUT
        # Without a command, the help was printed and there is nothing to add.
        if message := error.format_message() if isinstance(error, typer.TyperException) else str(error):
            tell("\n".join([sentence(message), *(f"    {line}" for line in getattr(error, "code", ()))]))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        tell("Interrupted.")
    sys.exit(code)
