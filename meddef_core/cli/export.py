"""`meddef export`: a model as a file for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag, ModelName, TaskKey, open_model
from meddef_core.cli.output import check_writable, emit
from meddef_core.intended_use import INTENDED_USE


def export(
    onnx: Annotated[Path, typer.Option("--onnx", help="Write the model here, as an ONNX file.", dir_okay=False)],
    task: TaskKey,
    model: ModelName = "meddef",
    as_json: JsonFlag = False,
) -> None:
    """Write a model as ONNX, as it ships: its input, preprocessing, classes and intended use stand in the file."""
    check_writable(onnx, suffixes=(".onnx",))
    from meddef_core.publishing.onnx_file import export_onnx

    written = export_onnx(open_model(task, model, at_site=False), onnx)
    document = {
        "file": str(written.path),
        "bytes": written.bytes,
        "sha256": written.sha256,
        "metadata": {key.removeprefix("meddef."): value for key, value in written.metadata.items()},
    }
    lines = [f"{written.path}: {written.bytes / 1e6:.1f} MB, sha256 {written.sha256}", INTENDED_USE]
    emit(document, lines, as_json=as_json)


ORDER = 225
COMMANDS = (Command("export", export),)
