"""`meddef …`: what the dashboard can do, for scripts. Scripts rely on these commands, options and exit codes.

0: done. 2: bad input, one sentence on standard error. 130: interrupted. Libraries that take seconds to import are
imported inside the commands, so that `meddef --help` answers at once.
"""

import sys
from collections.abc import Sequence

import typer

from meddef_core.cli.ablation import ablation
from meddef_core.cli.app import run_app
from meddef_core.cli.attack import NamesAttacks, attack
from meddef_core.cli.audit import audit
from meddef_core.cli.average import average
from meddef_core.cli.baselines import baselines
from meddef_core.cli.batch import batch
from meddef_core.cli.calibrate import calibrate
from meddef_core.cli.card import card
from meddef_core.cli.certified import certified
from meddef_core.cli.certify import certify
from meddef_core.cli.data import data_app
from meddef_core.cli.dissect import dissect
from meddef_core.cli.doctor import doctor
from meddef_core.cli.evaluate.command import evaluate
from meddef_core.cli.external import external
from meddef_core.cli.image_checks import image_checks
from meddef_core.cli.models import models
from meddef_core.cli.output import sentence, tell
from meddef_core.cli.pacs import pacs_app
from meddef_core.cli.point import point
from meddef_core.cli.predict import predict
from meddef_core.cli.prune import prune
from meddef_core.cli.publish import publish
from meddef_core.cli.replay import replay
from meddef_core.cli.shifts import shifts
from meddef_core.cli.site import site
from meddef_core.cli.tables import tables
from meddef_core.cli.train import train
from meddef_core.errors import MedDefError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.settings import settings

INTERRUPTED = 130
BAD_INPUT = 2

app = typer.Typer(
    name="meddef",
    help=f"Diagnostic networks that are hard to fool. {INTENDED_USE}",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.add_typer(pacs_app, name="pacs")
app.command()(train)
app.command()(average)
app.command()(publish)
app.command()(card)
app.command()(calibrate)
app.command()(image_checks)
app.command()(prune)
app.command()(predict)
app.command()(batch)
app.command(cls=NamesAttacks)(attack)
app.command()(replay)
app.command()(evaluate)
app.command()(audit)
app.command()(baselines)
app.command()(ablation)
app.command()(dissect)
app.command()(point)
app.command()(shifts)
app.command()(external)
app.command()(certify)
app.command()(certified)
app.command()(site)
app.command()(tables)
app.command()(doctor)
app.command()(models)
app.command(name="app")(run_app)


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
