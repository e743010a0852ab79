"""`meddef pacs find|get|read|send|watch`: server and credentials come from the settings only."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag, ModelName, TaskKey, open_model
from meddef_core.cli.output import check_writable, emit, output_words, progress, tell, write_file
from meddef_core.errors import MedDefError, ScanError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.settings import settings
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.pacs.client import Pacs
    from meddef_core.pacs.found import Instance, Series, Study
    from meddef_core.pacs.frames import PredictedFrame
    from meddef_core.pacs.watch import WatchRound
    from meddef_core.zoo import LoadedModel

pacs_app = typer.Typer(
    help="Find, fetch and predict scans of a PACS (DICOMweb), and store outputs in it. "
    "MEDDEF_PACS_URL names the server; MEDDEF_PACS_USER and MEDDEF_PACS_PASSWORD, or MEDDEF_PACS_TOKEN, sign in.",
    no_args_is_help=True,
)

StudyUid = Annotated[str, typer.Option("--study", help="Study Instance UID, from `meddef pacs find`.")]
SeriesUid = Annotated[str, typer.Option("--series", help="Series Instance UID; else every series of the study.")]
InstanceUid = Annotated[str, typer.Option("--instance", help="SOP Instance UID; else every object.")]


@pacs_app.command()
def find(
    date: Annotated[str, typer.Option(help="Date of the study, YYYYMMDD, or a range YYYYMMDD-YYYYMMDD.")] = "",
    modality: Annotated[str, typer.Option(help="A modality in the study, such as OPT or DX.")] = "",
    patient_id: Annotated[str, typer.Option("--patient-id", help="Patient ID, exactly.")] = "",
    study: Annotated[str, typer.Option("--study", help="List the series and objects of this study.")] = "",
    limit: Annotated[int, typer.Option(help="List at most this many.", min=1, max=10_000)] = 100,
    as_json: JsonFlag = False,
) -> None:
    """List studies that match everything given; with --study, what is in one."""
    from meddef_core.pacs.dates import checked_range

    pacs = _open()
    if study:
        series = pacs.series(study)
        objects = pacs.instances(study)
        document: dict[str, Any] = {"series": [asdict(each) for each in series]}
        document["instances"] = [asdict(each) for each in objects]
        emit(document, _series_lines(series, objects), as_json=as_json)
        return
    found = pacs.studies(date=checked_range(date), modality=modality.upper(), patient_id=patient_id, most=limit)
    emit({"studies": [asdict(each) for each in found]}, _study_lines(found), as_json=as_json)


@pacs_app.command()
def get(
    study: StudyUid,
    output: Annotated[Path, typer.Option(help="Folder for the files, one for each object.", file_okay=False)],
    series: SeriesUid = "",
    instance: InstanceUid = "",
    as_json: JsonFlag = False,
) -> None:
    """Fetch objects as files, as the PACS holds them: with the names of their patients."""
    pacs = _open()
    if not output.is_dir():
        raise MedDefError(
            Text(
                "cli.pacs-no-folder",
                "The folder {path} does not exist; create it or choose another with --output.",
                path=output,
            )
        )
    objects = _objects(pacs, study, series, instance)
    paths = []
    with progress("fetching") as show:
        for number, each in enumerate(objects, start=1):
            path = output / f"{each.uid}.dcm"
            check_writable(path, suffixes=(".dcm",))
            write_file(path, pacs.file(each))
            paths.append(str(path))
            show(number, len(objects), "")
    emit({"files": paths}, [*paths, f"{len(paths)} files fetched."], as_json=as_json)


@pacs_app.command()
def read(
    study: StudyUid,
    task: TaskKey,
    series: SeriesUid = "",
    instance: InstanceUid = "",
    model: ModelName = "meddef",
    as_json: JsonFlag = False,
) -> None:
    """Fetch a study's scans for the task and predict each, every frame of a volume. Nothing is stored in the PACS."""
    from meddef_core.pacs.frames import first_scan, predict_every
    from meddef_core.pacs.match import models_for
    from meddef_core.records import PredictionRecord, build
    from meddef_core.report.results import collection, prediction_numbers
    from meddef_core.scans import warm_decoders

    _spare()
    warm_decoders(2)  # while the model is loaded
    pacs, loaded = _open(), open_model(task, model)
    fitting = {each.uid for each in pacs.series(study) if series or instance or models_for(each, [loaded])}
    objects = [each for each in _objects(pacs, study, series, instance) if each.series in fitting]
    records, lines = [], []
    for each in objects:
        try:
            data = pacs.scan(each)
            first, frames = first_scan(data)
            with progress(f"predicting with {loaded.card.key}") as show:
                slices = predict_every(
                    loaded, data, first=first, frames=frames, on_frame=lambda done, total: show(done, total, "")
                )
        except ScanError as error:
            if len(objects) == 1:
                raise
            tell(f"{each.uid}: {error}")
            continue
        records += [
            build(PredictionRecord, model=loaded, scan=one.facts, numbers=prediction_numbers(one.prediction))
            for one in slices
        ]
        lines += _slice_lines(each, slices, loaded)
    if not records:
        raise ScanError(
            Text(
                "cli.pacs-no-scan",
                "The study holds no scan for the task {task}; choose another with `meddef pacs find`.",
                task=task,
            )
        )
    lines += [loaded.task.population.sentence, INTENDED_USE]
    emit(collection(records).document(), lines, as_json=as_json)


@pacs_app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="DICOM files.", exists=True, dir_okay=False)],
    as_json: JsonFlag = False,
) -> None:
    """Store DICOM files in the PACS, as they are."""
    from meddef_core.scans.dicom_parse import is_dicom

    pacs = _open()
    with progress("sending") as show:
        for number, path in enumerate(files, start=1):
            try:
                data = path.read_bytes()
            except OSError as error:
                raise ScanError(
                    Text(
                        "cli.unreadable-permissions",
                        "{path} cannot be read ({reason}); check its permissions.",
                        path=path,
                        reason=error.strerror,
                    )
                ) from error
            if not is_dicom(data):
                raise ScanError(
                    Text("cli.pacs-not-dicom", "{path} is not a DICOM file; a PACS accepts only DICOM.", path=path)
                )
            pacs.send([data])
            show(number, len(files), "")
    emit({"sent": len(files)}, [f"{len(files)} files sent."], as_json=as_json)


@pacs_app.command()
def watch(
    task: Annotated[str, typer.Option("--task", help="Take the studies of this task only: oct or chest.")] = "",
    model: ModelName = "meddef",
    days: Annotated[
        int, typer.Option(help="Take studies of the last so many days by their date; 0 takes every study.", min=0)
    ] = 2,
    once: Annotated[bool, typer.Option("--once", help="Stop when every listed study is done.")] = False,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Also take films whose header names no body part.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Store a report and a picture of the output in each new study that matches a task, exactly once; Ctrl-C stops it.

    A study is taken when nothing has joined it for MEDDEF_PACS_STABLE seconds.
    """
    from meddef_core.pacs.setup import open_watch
    from meddef_core.scans import warm_decoders
    from meddef_core.tasks import TASKS

    _spare()
    warm_decoders(2)
    pacs = _open()
    models = [open_model(each, model) for each in ([task] if task else TASKS)]
    with open_watch(pacs, models=models, days=days, unlabelled=unlabelled, say=tell) as (watching, places):
        tell(f"Watching {pacs.address}. Ledger: {places.ledger}. Audit log: {places.audit}.")
        if days:
            tell(f"Studies of the last {days} days by their date are taken; --days 0 takes every study.")
        result = watching.run(once=once)
    emit(asdict(result), _round_lines(result), as_json=as_json)


def _open() -> "Pacs":
    from meddef_core.pacs.client import open_pacs

    pacs = open_pacs()
    if pacs.readable_on_the_way:
        tell("The password or token travels unencrypted: use an https address in MEDDEF_PACS_URL.")
    return pacs


def _spare() -> None:
    """One picture at a time is fastest on few threads, and the decoders need cores too."""
    from meddef_core.io.arrays import use_threads

    use_threads(settings().threads)


def _objects(pacs: "Pacs", study: str, series: str, instance: str) -> "list[Instance]":
    objects = pacs.instances(study, series, uid=instance)
    if not objects:
        raise MedDefError(
            Text("cli.pacs-no-object", "The PACS holds no such object; find it again with `meddef pacs find`.")
        )
    return objects


def _study_lines(found: "list[Study]") -> list[str]:
    if not found:
        return ["No study matches."]
    return [
        f"{each.date or 'no date':8}  {'/'.join(each.modalities) or '-':10}  {each.patient_id:16}  "
        f"{'?' if each.images is None else each.images:>5} objects  {each.uid}"
        for each in found
    ]


def _series_lines(series: "list[Series]", objects: "list[Instance]") -> list[str]:
    lines = []
    for each in series:
        lines.append(f"{each.modality:4} {each.body_part or 'no body part':12} series {each.uid}")
        for one in objects:
            if one.series == each.uid:
                frames = f", {one.frames} frames" if one.frames > 1 else ""
                size = "" if one.rows is None else f"  {one.columns} x {one.rows}{frames}"
                lines.append(f"       {one.uid}{size}")
    return lines or ["The study holds nothing."]


def _slice_lines(instance: "Instance", slices: "tuple[PredictedFrame, ...]", loaded: "LoadedModel") -> list[str]:
    lines = [f"{loaded.card.key}, {instance.uid}"]
    for each in slices:
        frame = "" if each.frame is None else f"frame {each.frame}: "
        abstained = each.prediction.abstained
        said = f"abstains. {abstained.sentence}" if abstained else output_words(each.prediction, loaded.task)
        lines.append(f"  {frame}{said}")
    return lines


def _round_lines(result: "WatchRound") -> list[str]:
    failed = f"; {result.failed} failed and are tried again by the next watch" if result.failed else ""
    return [f"{result.listed} studies listed, {result.finished} worked through{failed}."]


ORDER = 20
COMMANDS = (Command("pacs", pacs_app),)
