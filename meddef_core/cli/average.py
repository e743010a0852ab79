"""`meddef average`: several runs become one."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag
from meddef_core.cli.output import emit


def average(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs that started from the same weights.")],
    output: Annotated[Path, typer.Option(help="Folder for the average, which is a run of its own.")],
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Average the chosen weights of several runs of one network and score the result on validation patients."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.training.averaging import average_runs

    result = average_runs(runs, data_dir=find_data_dir(data_dir), output=output)
    parts = ", ".join(f"{score:.1%}" for score in result.scores)
    line = f"{output}: {result.score:.1%} on validation; the runs alone have {parts}"
    emit({**asdict(result), "run_dir": str(result.run_dir)}, [line], as_json=as_json)


ORDER = 40
COMMANDS = (Command("average", average),)
