"""`meddef …`: what the dashboard can do, for scripts. Scripts rely on these commands, options and exit codes.

0: done. 2: bad input, one sentence on standard error. 130: interrupted. Libraries that take seconds to import are
imported inside the commands, so that `meddef --help` answers at once.
"""

import hashlib
import io
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli_input import Frame, JsonFlag, ModelName, ScanFile, TaskKey, Window, open_model, open_scan
from meddef_core.cli_models import publish, tables
from meddef_core.cli_output import check_writable, emit, progress, sentence, tell, write_file
from meddef_core.cli_training import data_app, evaluate, train
from meddef_core.errors import MedDefError, ModelError
from meddef_core.intended_use import INTENDED_USE

if TYPE_CHECKING:
    from torch import Tensor

    from meddef_core.attacks import AttackResult
    from meddef_core.data.tasks import Task
    from meddef_core.predict import Prediction

INTERRUPTED = 130
BAD_INPUT = 2

app = typer.Typer(
    name="meddef", help=f"Diagnostic networks that are hard to fool. {INTENDED_USE}", add_completion=False,
    no_args_is_help=True, pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.command()(train)
app.command()(publish)


@app.command()
def predict(
    file: ScanFile,
    task: TaskKey,
    model: ModelName = "meddef",
    frame: Frame = None,
    window: Window = None,
    maps: Annotated[bool, typer.Option("--maps", help="Add every explanation map to the JSON document.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read a scan: the model's output with a probability for every class."""
    from meddef_core.predict import predict as read
    from meddef_core.predict import prepare
    from meddef_core.record import plain, record

    loaded = open_model(task, model)
    scan = open_scan(file, frame=frame, window=window)
    image = prepare(loaded, scan)
    prediction = read(loaded, image)
    numbers: dict[str, Any] = {**plain(prediction)}
    if maps:
        from meddef_core.explain import explain

        found = explain(loaded.network, image, target=prediction.index)
        numbers["maps"] = {key: one.to_dict() for key, one in found.items()}
    document = record(
        "prediction", model=loaded.card, scan_digest=scan.digest, numbers=numbers, frame=frame, window=window
    )
    lines = [f"{loaded.card.key} reads {_name(prediction, loaded.task)}", *_bars(prediction, loaded.task), INTENDED_USE]
    emit(document, lines, as_json=as_json)


@app.command()
def attack(
    file: ScanFile,
    task: TaskKey,
    model: ModelName = "meddef",
    attack: Annotated[str, typer.Option(help="fgsm, bim, pgd, or a control such as noise.")] = "pgd",
    eps: Annotated[str, typer.Option(help="Budget in pixel units, as 8/255 or 0.031.")] = "8/255",
    steps: Annotated[int, typer.Option(help="Steps of one restart.")] = 20,
    rel_step: Annotated[float | None, typer.Option(help="Step size as a share of eps.")] = None,
    restarts: Annotated[int, typer.Option(help="Random starts; the best counts.")] = 1,
    loss: Annotated[str, typer.Option(help="What the attack raises: ce or margin.")] = "ce",
    target: Annotated[str | None, typer.Option(help="Class to reach; without it, any other will do.")] = None,
    label: Annotated[str | None, typer.Option(help="Known class to move away from; else the clean reading.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random start.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Write the attacked image here: .npy (exact) or .png.")] = None,
    frame: Frame = None,
    window: Window = None,
    as_json: JsonFlag = False,
) -> None:
    """Attack a scan with the model's own gradients, and measure what changed."""
    import torch

    from meddef_core.attacks import AttackSpec, AttackStep, parse_eps, run_attack
    from meddef_core.predict import from_logits, prepare
    from meddef_core.predict import predict as read
    from meddef_core.record import record

    if output is not None:
        check_writable(output, suffixes=(".npy", ".png"))
    loaded = open_model(task, model)
    spec = AttackSpec(
        name=attack, eps=parse_eps(eps), steps=steps, rel_step=rel_step, restarts=restarts, loss=loss, seed=seed,
        target=None if target is None else loaded.task.index(target),
    )
    scan = open_scan(file, frame=frame, window=window)
    image = prepare(loaded, scan)
    clean = read(loaded, image)
    away_from = clean.index if label is None else loaded.task.index(label)
    with progress(f"{attack} on {loaded.card.key}") as show:

        def on_step(step: AttackStep) -> None:
            show(step.step, step.total, f"loss {step.loss:.3f}")

        result = run_attack(loaded.network, image, torch.tensor([away_from]), spec, on_step=on_step)
    attacked = from_logits(loaded, result.adversarial_logits[0])
    if output is not None:
        write_file(output, _encode(result.adversarial[0], output.suffix.lower()))
    document = record(
        "attack", model=loaded.card, scan_digest=scan.digest, spec=spec, frame=frame, window=window,
        numbers={"label": loaded.task.classes[away_from], **_attack_numbers(result, clean, attacked)},
    )
    emit(document, _attack_lines(result, clean, attacked, loaded.task), as_json=as_json)


app.command()(evaluate)
app.command()(tables)


@app.command()
def models(as_json: JsonFlag = False) -> None:
    """List the models there are."""
    from meddef_core.zoo import list_models

    cards = list_models()
    lines = [f"{card.key:<20} {card.parameters / 1e6:5.2f} M  {card.title}: {card.summary}" for card in cards]
    emit(
        {"models": [{"key": card.key, **card.model_dump(mode="json")} for card in cards]},
        lines or ["There is no model here yet; train one with `meddef train`."],
        as_json=as_json,
    )


@app.command(name="app")
def run_app(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8501, as_json: JsonFlag = False
) -> None:
    """Start the dashboard on this machine; Ctrl-C stops it."""
    script = Path(__file__).resolve().parent.parent / "streamlit_app.py"
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
        code = app(args=arguments, prog_name="meddef", standalone_mode=False)
    except (MedDefError, typer.TyperException) as error:
        code = BAD_INPUT
        # Without a command, the help was printed and there is nothing to add.
        if message := error.format_message() if isinstance(error, typer.TyperException) else str(error):
            tell(sentence(message))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        tell("Interrupted.")
    sys.exit(code)


def _encode(image: "Tensor", suffix: str) -> bytes:
    """An image `(C, 224, 224)` as exact float32 NumPy bytes, or its first channel as a 16-bit PNG to look at."""
    import cv2
    import numpy as np

    values = image.cpu().numpy()
    if suffix == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, values)
        return buffer.getvalue()
    written, encoded = cv2.imencode(".png", np.round(values[0] * 65535).astype(np.uint16))
    if not written:
        raise ModelError("The attacked image could not be encoded as PNG; write .npy instead.")
    return encoded.tobytes()


def _attack_numbers(result: "AttackResult", clean: "Prediction", attacked: "Prediction") -> dict[str, Any]:
    measured = {key: getattr(result, key)[0] for key in ("linf", "l2", "psnr", "ssim", "pixels_changed")}
    return {
        "success": bool(result.success[0]),
        "clean": clean,
        "attacked": attacked,
        **{key: float(value) for key, value in measured.items()},
        "steps_run": result.steps_run,
        "trace": [
            {"step": s.step, "loss": s.loss, "success": s.success, "probabilities": s.probabilities[0]}
            for s in result.trace
        ],
        # Two runs that agree on this made the same image, bit by bit.
        "adversarial_sha256": hashlib.sha256(result.adversarial[0].cpu().numpy().tobytes()).hexdigest(),
    }


def _attack_lines(result: "AttackResult", clean: "Prediction", attacked: "Prediction", task: "Task") -> list[str]:
    from meddef_core.attacks import ATTACKS, format_eps

    spec = result.spec
    return [
        f"{ATTACKS[spec.name].title}, budget {format_eps(spec.eps)}, on {clean.model}: "
        + ("the attack succeeded" if bool(result.success[0]) else "the attack failed"),
        f"clean:    {_name(clean, task)}",
        f"attacked: {_name(attacked, task)}",
        *_bars(attacked, task),
        f"measured: L-inf {format_eps(float(result.linf[0]))}, L2 {float(result.l2[0]):.3f}, "
        f"PSNR {float(result.psnr[0]):.1f} dB, SSIM {float(result.ssim[0]):.3f}, "
        f"{float(result.pixels_changed[0]):.0%} of pixels changed",
        INTENDED_USE,
    ]


def _name(prediction: "Prediction", task: "Task") -> str:
    share = prediction.probabilities[prediction.index]
    return f"{prediction.label} ({task.words[prediction.label]}), {share:.1%}"


def _bars(prediction: "Prediction", task: "Task") -> list[str]:
    """One line a class, as text: name, probability, bar."""
    width = max(map(len, prediction.classes))
    pairs = zip(prediction.classes, prediction.probabilities, strict=True)
    return [f"  {name:<{width}} {share:6.1%} {'#' * round(30 * share)}" for name, share in pairs]
