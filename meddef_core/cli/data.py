"""`meddef data`: the public data sets."""

from pathlib import Path
from typing import Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag
from meddef_core.cli.output import emit, progress
from meddef_core.errors import DataError
from meddef_core.text import Text

data_app = typer.Typer(help="See and fetch the public data sets.", no_args_is_help=True)


@data_app.command()
def status(data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Show which data sets are complete, and the contents of their splits."""
    from meddef_core.data import store
    from meddef_core.data.lists import PARTS, PROTOCOLS

    found = store.status(store.find_data_dir(data_dir))
    lines: list[str] = []
    for key, task in found["tasks"].items():
        lines.append(f"{key}: {task['title']}, " + ("ready" if task["ready"] else task["problem"]))
        for protocol in PROTOCOLS if task["ready"] else ():
            parts = (f"{part} {task[protocol][part]['scans']}" for part in PARTS)
            lines.append(f"  {protocol}: {', '.join(parts)} scans")
    emit(found, lines, as_json=as_json)


@data_app.command()
def fetch(
    task: Annotated[str, typer.Argument(help="oct or chest.")],
    archive: Annotated[Path, typer.Option(help="The public archive as you downloaded it.", dir_okay=False)],
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Unpack a downloaded public archive into the data folder, completely or not at all."""
    from meddef_core.data import store

    if data_dir is None:
        raise DataError(
            Text(
                "cli.data-no-folder",
                "No data folder is set; name the one to unpack into with --data-dir or MEDDEF_DATA_DIR.",
            )
        )
    with progress(f"unpacking {task}") as show:
        result = store.fetch(task, archive=archive, data_dir=data_dir, on_file=lambda n: show(n, None, "scans"))
    scans = ", ".join(f"{part} {count}" for part, count in result["scans"].items())
    emit(result, [f"{task}: {scans} scans in {result['folder']}"], as_json=as_json)


ORDER = 10
COMMANDS = (Command("data", data_app),)
