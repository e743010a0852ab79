"""`meddef audit`: whether a robustness number can be trusted, of a model here or of somebody's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag, ModelName, open_model
from meddef_core.cli.output import check_writable, emit, progress, write_record
from meddef_core.errors import DataError, ModelError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.auditing import AuditPlan, AuditSubject
    from meddef_core.auditing.original import Original
    from meddef_core.records import ModelRef, Record
    from meddef_core.zoo import LoadedModel

TWIN = "undefended"
"""Model that the task's other models are compared with by default."""


def audit(
    task: Annotated[str | None, typer.Option(help="What the scans show: oct or chest.")] = None,
    model: ModelName = "meddef",
    module: Annotated[
        str | None, typer.Option(help="Instead, a function that builds your own model.", metavar="FILE.py:FUNCTION")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="With --module: images, one folder a class.")] = None,
    size: Annotated[int, typer.Option(help="With --module: side of its images in pixels.", min=8, max=1024)] = 224,
    channels: Annotated[
        int | None, typer.Option(help="With --module: 1 (grey) or 3 (colour); else what the model accepts.")
    ] = None,
    eps: Annotated[str, typer.Option(help="Epsilon in pixel units, as 4/255 or 0.016.")] = "4/255",
    full: Annotated[bool, typer.Option("--full/--quick", help="More images and steps, or a few minutes.")] = False,
    images: Annotated[int | None, typer.Option(help="Use this many images, spread over all classes.", min=8)] = None,
    twin: Annotated[str | None, typer.Option(help=f"Model without the defence; else {TWIN}.")] = None,
    independent: Annotated[str | None, typer.Option(help="Another model of the task, to transfer images from.")] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Audit deliberately broken defences built around the model instead.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of all random draws.", min=0)] = 0,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.")] = None,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Check whether a robustness figure can be trusted: green, amber (an upper bound) or red (do not rely on it)."""
    from meddef_core.auditing import FULL, QUICK
    from meddef_core.auditing.self_test import PLAN
    from meddef_core.eps import parse_eps

    if output is not None:
        check_writable(output, suffixes=(".json",))
    if (task is None) == (module is None):
        raise ModelError(
            Text(
                "cli.audit-which-model",
                "Name either a --task and a shipped --model, or your own --module and its --data.",
            )
        )
    plan = PLAN if self_test else FULL if full else QUICK
    asked = _Asked(eps=parse_eps(eps), images=images or plan.images, seed=seed)
    if module is not None:
        case = _own_case(module, data, asked, size=size, channels=channels)
    else:
        case = _shipped_case(str(task), model, asked, twin=twin, independent=independent, data_dir=data_dir)
    record, lines = _self_test(case) if self_test else _audit(case, plan)
    if case.original is not None:
        case.original.check()
    if module is not None:
        lines = [*lines, f"Classes, in the order of the model's outputs: {', '.join(case.data['classes'])}."]
    write_record(output, record)
    emit(record.document(), lines, as_json=as_json)


class _Asked(NamedTuple):
    """What was asked for, whatever the model."""

    eps: float
    images: int
    seed: int


class _Case(NamedTuple):
    """A model with images, and what a record says about them."""

    name: str
    model: "LoadedModel | ModelRef"
    data: dict[str, Any]
    subject: "AuditSubject"
    original: "Original | None" = None
    """Somebody's own model, of which the subject is a copy."""


def _audit(case: _Case, plan: "AuditPlan") -> "tuple[Record, list[str]]":
    from meddef_core.auditing import audit as examine
    from meddef_core.auditing.report import lines
    from meddef_core.records import AuditRecord, build

    with progress(f"auditing {case.name}") as show:
        found = examine(case.subject, plan=plan, on_check=show)
    record = build(AuditRecord, model=case.model, numbers=found, seed=case.subject.seed, data=case.data)
    return record, lines(found, name=case.name)


def _self_test(case: _Case) -> "tuple[Record, list[str]]":
    from meddef_core.auditing.report import self_test_lines
    from meddef_core.auditing.self_test import self_test
    from meddef_core.records import SelfTestRecord, build

    with progress(f"breaking {case.name}") as show:
        honest, rows = self_test(case.subject, on_row=show)
    numbers = {"honest": honest, "rows": rows}
    record = build(SelfTestRecord, model=case.model, numbers=numbers, seed=case.subject.seed, data=case.data)
    return record, self_test_lines(honest, rows, name=case.name)


def _shipped_case(
    task: str, name: str, asked: _Asked, *, twin: str | None, independent: str | None, data_dir: Path | None
) -> _Case:
    """A model of the zoo on its own test list."""
    from meddef_core.auditing import AuditSubject
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir
    from meddef_core.evaluation.selection import some_of_each_class, take

    loaded = open_model(task, name)
    others = [_other(loaded, given) for given in (twin or _twin_of(loaded), independent)]
    try:
        folder = find_data_dir(data_dir)
    except DataError as error:
        raise DataError(
            Text("cli.audit-no-images", "An audit needs images to attack. {reason}", reason=error)
        ) from error
    protocol = str(loaded.card.data.get("protocol", "official"))
    lists = build_lists(loaded.task, folder, protocol=protocol)
    scans = load_images(lists, "test", preprocessing=loaded.preprocessing, data_dir=folder)
    if asked.images < len(scans):
        scans = take(scans, some_of_each_class(scans, asked.images))
    x, y = scans.batch(slice(None))
    about = {"protocol": protocol, "part": "test", "n": len(scans), "sha256": lists.digest("test")}
    subject = AuditSubject(
        network=loaded.network,
        x=x,
        y=y,
        classes=len(loaded.task.classes),
        eps=asked.eps,
        seed=asked.seed,
        twin=others[0],
        independent=others[1],
    )
    return _Case(loaded.card.key, loaded, about, subject)


def _twin_of(audited: "LoadedModel") -> str | None:
    """The task's undefended model, where there is one, and it is another that is given the same images."""
    from meddef_core.zoo import loadable_models

    twin = f"{audited.task.key}/{TWIN}"
    there = any(card.key == twin and card.preprocessing == audited.card.preprocessing for card in loadable_models())
    return twin if there and twin != audited.card.key else None


def _other(audited: "LoadedModel", name: str | None) -> Any:
    """The network of another model to compare with, or None.

    Raises ModelError where it is the audited one, or prepares scans otherwise, so that images are none of its own.
    """
    if name is None:
        return None
    loaded = open_model(audited.task.key, name)
    if loaded.card.key == audited.card.key:
        raise ModelError(
            Text(
                "cli.audit-with-itself",
                "{model} cannot be compared with itself; name another model.",
                model=audited.card.key,
            )
        )
    if not loaded.prepares_like(audited):
        raise ModelError(
            Text(
                "cli.audit-other-preprocessing",
                "{other} and {model} preprocess scans differently, so they cannot be given the same images; "
                "name another model.",
                other=loaded.card.key,
                model=audited.card.key,
            )
        )
    return loaded.network


def _own_case(target: str, data: Path | None, asked: _Asked, *, size: int, channels: int | None) -> _Case:
    """A copy of somebody's own model on somebody's own images."""
    from meddef_core.auditing import AuditSubject
    from meddef_core.auditing.modules import digest_of, load_folder, load_module
    from meddef_core.auditing.original import as_handed_over, private_copy
    from meddef_core.auditing.outputs import CHANNELS, check_outputs, choose_channels
    from meddef_core.records import ModelRef

    if data is None:
        raise DataError(
            Text(
                "cli.audit-name-data",
                "An audit needs images to attack; name a folder with one folder a class as --data.",
            )
        )
    if channels is not None and channels not in CHANNELS:
        raise DataError(
            Text("cli.audit-channels", "--channels must be 1 (grey) or 3 (colour), not {channels}.", channels=channels)
        )
    original = as_handed_over(load_module(target))
    model = private_copy(original.model)
    channels = channels or choose_channels(model, size=size)
    folder = load_folder(data, size=size, channels=channels, limit=asked.images)
    check_outputs(model, folder.x, classes=folder.classes)
    identity = ModelRef(key=target, weights_sha256=digest_of(original.model), card_sha256=None)
    about = {"n": len(folder.x), "sha256": folder.digest, "classes": folder.classes, "size": size, "channels": channels}
    subject = AuditSubject(
        network=model, x=folder.x, y=folder.y, classes=len(folder.classes), eps=asked.eps, seed=asked.seed
    )
    return _Case(Path(target).name, identity, about, subject, original)


ORDER = 150
COMMANDS = (Command("audit", audit),)
