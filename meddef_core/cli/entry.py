"""`meddef …`: what the dashboard can do, for scripts. Scripts rely on these commands, options and exit codes.

0: done. 2: bad input, one sentence on standard error. 130: interrupted. Libraries that take seconds to import are
imported inside the commands, so that `meddef --help` answers at once.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meddef_core.cli.ablation import ablation
from meddef_core.cli.attack import NamesAttacks, attack
from meddef_core.cli.audit import audit
from meddef_core.cli.baselines import baselines
from meddef_core.cli.batch import batch
from meddef_core.cli.calibrate import calibrate
from meddef_core.cli.dissect import dissect
from meddef_core.cli.doctor import doctor
from meddef_core.cli.evaluate.command import evaluate
from meddef_core.cli.external import external
from meddef_core.cli.image_checks import image_checks
from meddef_core.cli.input import Frame, JsonFlag, ModelName, ScanFile, TaskKey, Window, open_model, open_scan
from meddef_core.cli.output import bars, emit, output_words, scan_lines, sentence, tell
from meddef_core.cli.point import point
from meddef_core.cli.prune import prune
from meddef_core.cli.publish import card, publish, tables
from meddef_core.cli.replay import replay
from meddef_core.cli.shifts import shifts
from meddef_core.cli.train import average, data_app, train
from meddef_core.errors import MedDefError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.settings import settings

if TYPE_CHECKING:
    from meddef_core.predict.prediction import Prediction
    from meddef_core.zoo import LoadedModel

MAPS_HELP = (
    "Add the model's quick explanation maps to the JSON document, each by its key (gradcam, channel_attention, …). The "
    "costly ones, integrated_gradients and occlusion, ask the model dozens to hundreds of times and are left out; the "
    "dashboard's page Attention draws them."
)

INTERRUPTED = 130
BAD_INPUT = 2

app = typer.Typer(
    name="meddef",
    help=f"Diagnostic networks that are hard to fool. {INTENDED_USE}",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.command()(train)
app.command()(average)
app.command()(publish)
app.command()(card)
app.command()(calibrate)
app.command()(image_checks)
app.command()(prune)


@app.command()
def predict(
    file: ScanFile,
    task: TaskKey,
    model: ModelName = "meddef",
    frame: Frame = None,
    window: Window = None,
    maps: Annotated[bool, typer.Option("--maps", help=MAPS_HELP)] = False,
    as_json: JsonFlag = False,
) -> None:
    """Predict a scan: the model's output with a probability for every class, or why it abstains."""
    from meddef_core.predict.prediction import predict as predict_scan
    from meddef_core.predict.prediction import prepare
    from meddef_core.records import PredictionRecord, build, scan_facts
    from meddef_core.report.results import prediction_numbers
    from meddef_core.scans import warm_decoders

    warm_decoders()  # while the model is loaded
    loaded = open_model(task, model)
    scan = open_scan(file, frame=frame, window=window)
    prediction = predict_scan(loaded, scan)
    found = None
    if maps:
        from meddef_core.explain import explain

        found = explain(loaded.network, prepare(loaded, scan), target=prediction.index)
    record = build(
        PredictionRecord,
        model=loaded,
        scan=scan_facts(scan, frame=frame, window=window),
        numbers=prediction_numbers(prediction, found),
    )
    if prediction.note is not None:
        tell(prediction.note)
    emit(record.document(), [*_prediction_lines(prediction, loaded), *scan_lines(scan, loaded.task)], as_json=as_json)


def _prediction_lines(prediction: "Prediction", loaded: "LoadedModel") -> list[str]:
    if prediction.abstained is not None:
        return [f"{loaded.card.key} abstains. {prediction.abstained.sentence}"]
    remark = [] if prediction.sentence is None else [prediction.sentence]
    return [f"{loaded.card.key}: {output_words(prediction, loaded.task)}", *remark, *bars(prediction)]


app.command()(batch)
app.command(cls=NamesAttacks)(attack)
app.command()(replay)
app.command()(evaluate)
app.command()(audit)
app.command()(baselines)
app.command()(ablation)
app.command()(dissect)
app.command()(point)
app.command()(shifts)
app.command()(external)
app.command()(tables)
app.command()(doctor)


@app.command()
def models(as_json: JsonFlag = False) -> None:
    """List the models there are."""
    from meddef_core.zoo import list_models, malformed_models

    cards, malformed = list_models(), malformed_models()
    for why in malformed.values():
        tell(why)
    lines = [f"{card.key:<20} {card.parameters / 1e6:5.2f} M  {card.title}: {card.summary}" for card in cards]
    document = {"models": [{"key": card.key, **card.model_dump(mode="json")} for card in cards]}
    if malformed:
        document["malformed"] = [{"key": key, "why": why} for key, why in malformed.items()]
    emit(
        document,
        lines or ["There is no model here yet; train one with `meddef train`."],
        as_json=as_json,
    )


@app.command(name="app")
def run_app(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8501, as_json: JsonFlag = False
) -> None:
    """Start the dashboard on this machine; Ctrl-C stops it."""
    script = Path(__file__).resolve().parents[2] / "streamlit_app.py"
    if not script.is_file():
        raise MedDefError("The dashboard is not installed beside the library; start it from a clone of the repository.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise MedDefError(f"Port {port} cannot be used ({error.strerror}); choose another with --port.") from error
    url = f"http://127.0.0.1:{port}"
    emit({"url": url}, [f"The dashboard starts at {url}"], as_json=as_json)
    sys.stdout.flush()
    # Streamlit reads .streamlit/config.toml of its working directory. Its own greeting is no part of our document.
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    if _can_open_browser():
        command += ["--server.headless", "false", "--server.showEmailPrompt", "false"]
    code = subprocess.call(command, cwd=script.parent, stdout=sys.stderr)
    raise typer.Exit(code)


def _can_open_browser() -> bool:
    """True where a person is at a terminal of a machine with a screen: there the dashboard opens by itself."""
    has_screen = not sys.platform.startswith("linux") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return has_screen and sys.stdout.isatty()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; every foreseen failure is one sentence, anything else a traceback."""
    try:
        settings()  # a value that cannot work stops every command before it begins
        code = app(args=arguments, prog_name="meddef", standalone_mode=False)
    except (MedDefError, typer.TyperException) as error:
        code = BAD_INPUT
        # Without a command, the help was printed and there is nothing to add.
        if message := error.format_message() if isinstance(error, typer.TyperException) else str(error):
            tell("\n".join([sentence(message), *(f"    {line}" for line in getattr(error, "code", ()))]))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        tell("Interrupted.")
    sys.exit(code)
