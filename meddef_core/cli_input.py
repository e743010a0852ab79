"""What commands take in: the options they share, and the model and the scan these name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meddef_core.cli_output import tell
from meddef_core.errors import ScanError

if TYPE_CHECKING:
    from meddef_core.scans import Scan
    from meddef_core.zoo import LoadedModel

ScanFile = Annotated[Path, typer.Argument(help="A PNG, JPEG or DICOM file.", exists=True, dir_okay=False)]
TaskKey = Annotated[str, typer.Option("--task", help="What the scan shows: oct or chest.")]
ModelName = Annotated[str, typer.Option("--model", help="A name from `meddef models`.")]
Frame = Annotated[int | None, typer.Option(help="Frame of a multi-frame DICOM, from 1.")]
Window = Annotated[
    tuple[float, float] | None, typer.Option(help="Centre and width of the grey values to show.", metavar="C W")
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the data sets.", envvar="MEDDEF_DATA_DIR", file_okay=False)
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def open_model(task: str, name: str) -> "LoadedModel":
    """The model of a task by its name, `meddef` or `oct/meddef`; raises DataError or ModelError."""
    from meddef_core.data.tasks import get_task
    from meddef_core.zoo import load_model

    key = get_task(task).key
    return load_model(f"{key}/{name.removeprefix(f'{key}/')}")


def open_scan(file: Path, *, frame: int | None, window: tuple[float, float] | None) -> "Scan":
    """The scan in a file, its warnings told; no more of the file is held than may be read at all."""
    from meddef_core.scans import read_scan
    from meddef_core.scans.limits import MAX_BYTES

    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScanError(f"The file {file} cannot be read ({error.strerror}); check its permissions.") from error
    scan = read_scan(data, frame=frame, window=window)
    for warning in scan.warnings:
        tell(warning)
    return scan
