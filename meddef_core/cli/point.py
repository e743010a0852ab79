"""`meddef point`: whether maps point at the lesions of synthetic phantoms."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag, TaskKey, open_model
from meddef_core.cli.output import check_writable, earlier_record, emit, progress, write_record
from meddef_core.errors import ModelError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.data.phantoms import LesionPhantom
    from meddef_core.records import PhantomReading, PointingNumbers, PointingRow
    from meddef_core.zoo import LoadedModel

ALL = "all"

NOTE = (
    "Phantoms are drawings, not scans: a score says where a map points on drawings with one kind of lesion, and "
    "nothing about real disease. If a model misclassifies the phantoms, its scores mean little. A map that always "
    "points at the centre of the image has the score named centre: a lower score does not show that the map finds "
    "the lesion. The contrast of chest lesions was set on a few seeds, so that the models classify them correctly."
)


def point(
    task: TaskKey,
    model: Annotated[str, typer.Option(help="A name from `meddef models`, or all of the task's.")] = "meddef",
    per_class: Annotated[int, typer.Option(help="Phantoms of each class with a lesion.", min=1)] = 50,
    maps: Annotated[
        str | None, typer.Option(help="Maps, separated by commas; else all except occlusion.", metavar="MAP,…")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write the JSON document here; models already in it are not scored again.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Play the pointing game: how often a map's strongest point lies on a synthetic phantom's lesion."""
    from meddef_core.records import PointingRecord, build, identity_of_several
    from meddef_core.studies.pointing import TOLERANCE, draw_phantoms

    if output is not None:
        check_writable(output, suffixes=(".json",))
    models = _models(task, model)
    asked = None if maps is None else tuple(name.strip() for name in maps.split(","))
    data = {"part": "phantoms", "n": len(draw_phantoms(task, per_class=per_class))}
    rows, readings = _kept(output, data, per_class) if asked is None else ([], [])
    for loaded in models:
        if any(_is_of(reading, loaded) for reading in readings):
            continue
        rows = [row for row in rows if row.model != loaded.card.key]
        readings = [reading for reading in readings if reading.model != loaded.card.key]
        phantoms = draw_phantoms(task, per_class=per_class, preprocessing=loaded.preprocessing)
        healthy = draw_phantoms(task, per_class=per_class, healthy=True, preprocessing=loaded.preprocessing)
        rows += _rows(loaded, task=task, asked=asked, phantoms=phantoms)
        readings.append(_reading(loaded, task=task, phantoms=[*phantoms, *healthy]))
    numbers = {"per_class": per_class, "tolerance": TOLERANCE, "rows": rows, "readings": readings, "note": NOTE}
    # A record holds one model's identity; of several, `readings` holds each one's.
    several = model == ALL or len(readings) > 1
    identity = identity_of_several(models[0].task.key, ALL) if several else models[0]
    record = build(PointingRecord, model=identity, numbers=numbers, seed=0, data=data)
    write_record(output, record)
    emit(record.document(), _lines(record.numbers), as_json=as_json)


def _kept(
    output: Path | None, data: dict[str, Any], per_class: int
) -> "tuple[list[PointingRow], list[PhantomReading]]":
    """Rows and readings of an earlier record of the same phantoms."""
    from meddef_core.records import PointingRecord, ScanList
    from meddef_core.studies.pointing import TOLERANCE

    earlier = earlier_record(PointingRecord, output)
    if earlier is None or earlier.data != ScanList(**data):
        return [], []
    numbers = earlier.numbers
    if (numbers.per_class, numbers.tolerance) != (per_class, TOLERANCE):
        return [], []
    return list(numbers.rows), list(numbers.readings)


def _is_of(reading: "PhantomReading", loaded: "LoadedModel") -> bool:
    from meddef_core.records import Match, match, shipped

    return match(reading.claim(loaded.task.key), shipped([loaded.card])) is Match.MATCHED


def _models(task: str, name: str) -> "list[LoadedModel]":
    """The models to score, which must be networks with maps; ModelError where one is not."""
    from meddef_core.model import MedDef
    from meddef_core.tasks import get_task
    from meddef_core.zoo import loadable_models

    key = get_task(task).key
    names = [card.name for card in loadable_models() if card.task == key] if name == ALL else [name]
    found = [open_model(task, each) for each in names]
    if not found:
        raise ModelError(
            Text("cli.point-no-model", "There is no model of {key} here yet; train one with `meddef train`.", key=key)
        )
    for loaded in found:
        if not isinstance(loaded.network, MedDef):
            raise ModelError(
                Text(
                    "cli.point-no-maps",
                    "{model} has no maps; choose a network without a wrapper.",
                    model=loaded.card.key,
                )
            )
    return found


def _rows(
    loaded: "LoadedModel", *, task: str, asked: Sequence[str] | None, phantoms: "Sequence[LesionPhantom]"
) -> "list[PointingRow]":
    """One row a map."""
    from meddef_core.explanation import available
    from meddef_core.model import MedDef
    from meddef_core.records import PointingRow
    from meddef_core.studies.pointing import pointing_games

    assert isinstance(loaded.network, MedDef)
    # Occlusion asks 225 times for each phantom: minutes that only who names it should wait.
    keys = asked or [key for key in available(loaded.network) if key != "occlusion"]
    with progress(f"pointing {loaded.card.key}") as show:
        scores = pointing_games(
            loaded.network,
            task=task,
            keys=keys,
            phantoms=phantoms,
            on_phantom=lambda done, total: show(done, total, ""),
        )
    return [
        PointingRow(
            model=loaded.card.key,
            map=key,
            score=score.hits / score.n,
            hits=score.hits,
            n=score.n,
            interval=score.interval,
            chance=score.chance,
            centre=score.centre,
        )
        for key, score in scores.items()
    ]


def _reading(loaded: "LoadedModel", *, task: str, phantoms: "Sequence[LesionPhantom]") -> "PhantomReading":
    """How the model reads the phantoms it was scored on, and healthy ones."""
    from meddef_core.model import MedDef
    from meddef_core.records import PhantomReading
    from meddef_core.records.comparison import Predicted
    from meddef_core.studies.pointing import read_right

    assert isinstance(loaded.network, MedDef)
    counts = read_right(loaded.network, task=task, phantoms=phantoms)
    return PhantomReading(
        model=loaded.card.key,
        weights_sha256=loaded.card.weights.sha256,
        read_right={label: Predicted(right=right, n=n) for label, (right, n) in counts.items()},
    )


def _lines(numbers: "PointingNumbers") -> list[str]:
    lines = []
    for reading in numbers.readings:
        shares = ", ".join(f"{label} {one.right}/{one.n}" for label, one in reading.read_right.items())
        lines.append(f"{reading.model} classifies phantoms correctly: {shares}")
        for row in (row for row in numbers.rows if row.model == reading.model):
            low, high = row.interval
            lines.append(
                f"  {row.map:<22} {row.hits:>4}/{row.n:<4} {row.score:6.1%} ({low:6.1%} to {high:6.1%}), "
                f"chance {row.chance:.1%}, centre {row.centre:.1%}"
            )
    return [*lines, numbers.note]


ORDER = 190
COMMANDS = (Command("point", point),)
