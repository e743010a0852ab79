"""`meddef predict`: one scan, one prediction; or every slice of a volume."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import Frame, JsonFlag, ModelName, TaskKey, Window, open_model, open_scan
from meddef_core.cli.output import bars, emit, output_words, scan_lines, tell
from meddef_core.errors import MedDefError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.prediction.prediction import Prediction
    from meddef_core.zoo import LoadedModel

MAPS_HELP = (
    "Add the model's fast explanation maps to the JSON document, each by its key (gradcam, channel_attention, …). The "
    "slow ones, integrated_gradients and occlusion, need dozens to hundreds of passes and are left out; the "
    "dashboard's page Attention draws them."
)


def predict(
    file: Annotated[
        Path,
        typer.Argument(help="A DICOM, PNG, JPEG or TIFF file; or a volume: a ZIP or a folder, too.", exists=True),
    ],
    task: TaskKey,
    model: ModelName = "meddef",
    frame: Frame = None,
    number: Annotated[int | None, typer.Option("--slice", help="Slice of a volume, from 1.")] = None,
    window: Window = None,
    maps: Annotated[bool, typer.Option("--maps", help=MAPS_HELP)] = False,
    output: Annotated[
        Path | None, typer.Option(help="For a volume, write the table of its slices here as CSV.", dir_okay=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Predict a scan: the model's output with a probability for each class, or the reason for abstention.

    For a volume, every slice is predicted; the output for the volume states its rule.
    """
    from meddef_core.cli.volume import open_slice, predict_volume, volume_in
    from meddef_core.io.audit_log import note
    from meddef_core.prediction.prediction import predict as predict_scan
    from meddef_core.prediction.prediction import prepare
    from meddef_core.records import PredictionRecord, build, scan_facts
    from meddef_core.report.results import prediction_numbers
    from meddef_core.scans import warm_decoders

    warm_decoders()  # while the model is loaded
    loaded = open_model(task, model)
    if number is not None:
        scan, frame = open_slice(file, number, frame=frame, window=window)
    elif frame is None and (volume := volume_in(file)) is not None:
        if window is not None or maps:
            raise MedDefError(
                Text(
                    "cli.predict-single-image",
                    "--window and --maps need a single image; choose a slice of the volume with --slice.",
                )
            )
        predict_volume(loaded, volume, output=output, as_json=as_json)
        return
    else:
        scan = open_scan(file, frame=frame, window=window)
    if output is not None:
        raise MedDefError(
            Text(
                "cli.predict-output-volume",
                "--output is the table of a volume's slices; leave it out for a single image.",
            )
        )
    prediction = predict_scan(loaded, scan)
    found = None
    if maps:
        from meddef_core.explanation import explain

        found = explain(loaded.network, prepare(loaded, scan), target=prediction.index)
    record = build(
        PredictionRecord,
        model=loaded,
        scan=scan_facts(scan, frame=frame, window=window),
        numbers=prediction_numbers(prediction, found),
    )
    if prediction.note is not None:
        tell(prediction.note)
    note("predict", model=loaded.card.key, record=record.document())
    emit(record.document(), [*_prediction_lines(prediction, loaded), *scan_lines(scan, loaded.task)], as_json=as_json)


def _prediction_lines(prediction: "Prediction", loaded: "LoadedModel") -> list[str]:
    if prediction.abstained is not None:
        return [f"{loaded.called} abstains. {prediction.abstained.sentence}"]
    remark = [] if prediction.sentence is None else [prediction.sentence]
    return [f"{loaded.called}: {output_words(prediction, loaded.task)}", *remark, *bars(prediction)]


ORDER = 100
COMMANDS = (Command("predict", predict),)
