"""What commands take in: the options they share, and the model and the scan these name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.output import tell

if TYPE_CHECKING:
    from meddef_core.data.images import Images
    from meddef_core.scans import Scan
    from meddef_core.zoo import LoadedModel

ScanFile = Annotated[Path, typer.Argument(help="A DICOM, PNG, JPEG or TIFF file.", exists=True, dir_okay=False)]
TaskKey = Annotated[str, typer.Option("--task", help="What the scan shows: oct or chest.")]
ModelName = Annotated[str, typer.Option("--model", help="A name from `meddef models`.")]
Frame = Annotated[int | None, typer.Option(help="Frame of a multi-frame DICOM, from 1.")]
Window = Annotated[
    tuple[float, float] | None, typer.Option(help="Window: centre and width of the grey values.", metavar="C W")
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the data sets; else MEDDEF_DATA_DIR.", file_okay=False)
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def open_model(task: str, name: str, *, at_site: bool = True) -> "LoadedModel":
    """The model of a task by its name, `meddef` or `oct/meddef`; raises DataError or ModelError.

    A hospital that it is adjusted for is told; without `at_site` it is loaded as it ships.
    """
    from meddef_core.tasks import get_task
    from meddef_core.zoo import load_model

    key = get_task(task).key
    loaded = load_model(f"{key}/{name.removeprefix(f'{key}/')}", at_site=at_site)
    if loaded.site is not None:
        tell(f"{loaded.card.key} is adjusted for {loaded.site.title}.")
    return loaded


def open_list(
    loaded: "LoadedModel", part: str, *, limit: int | None, data_dir: Path | None
) -> tuple["Images", dict[str, Any]]:
    """The scans of a part of the lists that a model was trained by, and how a record names them.

    `limit` takes so many of them, a fixed choice of each class. Raises DataError for a part that there is not.
    """
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir
    from meddef_core.evaluation.selection import some_of_each_class, take

    folder = find_data_dir(data_dir)
    lists = build_lists(loaded.task, folder, protocol=str(loaded.card.data.get("protocol", "official")))
    images = load_images(lists, part, preprocessing=loaded.preprocessing, data_dir=folder)
    if limit is not None:
        images = take(images, some_of_each_class(images, limit))
    named = {"protocol": lists.protocol, "part": part, "n": len(images), "sha256": lists.digest(part), "limit": limit}
    return images, named


def open_scan(file: Path, *, frame: int | None, window: tuple[float, float] | None) -> "Scan":
    """The scan in a file, its warnings told; no more of the file is held than may be read at all."""
    from meddef_core.scans.paths import scan_at

    scan = scan_at(file, frame=frame, window=window)
    for warning in scan.warnings:
        tell(warning)
    return scan
