"""The commands that put models into the zoo and its numbers into documents: `meddef publish`, `meddef tables`."""

from pathlib import Path
from typing import Annotated

import typer

from meddef_core.cli_input import DataDir, JsonFlag
from meddef_core.cli_output import emit, progress
from meddef_core.errors import MedDefError


def publish(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a finished training run.", file_okay=False)],
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure a run's best weights on the test list, and write them with their card to the models folder."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.publish import publish as measure_and_write
    from meddef_core.zoo import models_root

    with progress(f"measuring {run_dir}") as show:
        card = measure_and_write(
            run_dir,
            data_dir=find_data_dir(data_dir),
            root=models_root(),
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    clean = card.metrics["clean"]["balanced_accuracy"]
    lines = [f"{card.key}: {clean:.1%} balanced accuracy on clean test scans, {card.weights.bytes / 1e6:.1f} MB"]
    emit(card.model_dump(mode="json"), lines, as_json=as_json)


def tables(
    names: Annotated[list[str] | None, typer.Argument(help="Tables to print; else the models'.")] = None,
    write: Annotated[
        Path | None, typer.Option(help="Fill every table between its markers in this Markdown file.", dir_okay=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print what was measured as Markdown tables: of every model, in the worst case, of the paper, audited."""
    from meddef_core.evaluation.tables import tables as known_tables
    from meddef_core.evaluation.tables import write_blocks

    known = known_tables()
    if unknown := [name for name in names or [] if name not in known]:
        raise MedDefError(f"There is no table {unknown[0]!r}; there are: {', '.join(known)}.")
    if write is not None:
        write_blocks(write)
    found = {name: known[name]() for name in names or ["models"]}
    emit(found, list(found.values()), as_json=as_json)
