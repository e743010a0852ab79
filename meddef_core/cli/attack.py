"""The command that attacks one scan: `meddef attack`, with any attack of the registry."""

import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperOption

from meddef_core.cli.command import Command
from meddef_core.cli.input import Frame, JsonFlag, ModelName, ScanFile, TaskKey, Window, open_model, open_scan
from meddef_core.cli.output import bars, check_writable, emit, output_words, progress, scan_lines, tell, write_file
from meddef_core.errors import AttackError, ModelError
from meddef_core.text import Text
from meddef_core.words import counted

if TYPE_CHECKING:
    from torch import Tensor

    from meddef_core.attacks import AttackInfo, AttackResult, AttackSpec
    from meddef_core.attacks.spec import EngineName
    from meddef_core.prediction.prediction import Prediction
    from meddef_core.tasks import Task
    from meddef_core.zoo import LoadedModel

SOURCE = "undefended"
"""Source model of a transfer attack by default."""


class NamesAttacks(TyperCommand):
    """A command whose help lists the registry's attacks, which only now is imported: it takes seconds."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from meddef_core.attacks import ATTACKS

        for option in self.params:
            if isinstance(option, TyperOption) and option.name == "attack":
                option.help = f"{option.help} One of: {', '.join(ATTACKS)}."
        super().format_help(ctx, formatter)


def attack(
    file: ScanFile,
    task: TaskKey,
    model: ModelName = "meddef",
    attack: Annotated[str, typer.Option(help="An attack of the registry.")] = "pgd",
    eps: Annotated[
        str | None, typer.Option(help="Epsilon in the attack's norm: 8/255 (L-inf), 3.0 (L2) or 0.1 (share of values).")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of one restart, or queries.")] = None,
    rel_step: Annotated[float | None, typer.Option(help="Step size as a share of eps.")] = None,
    restarts: Annotated[int | None, typer.Option(help="Random starts; the best counts.")] = None,
    loss: Annotated[str | None, typer.Option(help="Attack objective: ce or margin.")] = None,
    target: Annotated[str | None, typer.Option(help="Target class; without it, any other class counts.")] = None,
    label: Annotated[str | None, typer.Option(help="Known class; else the clean prediction.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all random draws.")] = None,
    samples: Annotated[int | None, typer.Option(help="Gradients or queries averaged into one step.")] = None,
    search_steps: Annotated[int | None, typer.Option(help="Rounds of the search for the trade-off constant.")] = None,
    theta: Annotated[float | None, typer.Option(help="Change of one value in one step, in pixel units.")] = None,
    engine: Annotated[str, typer.Option(help="Implementation of the attack: meddef or torchattacks.")] = "meddef",
    source: Annotated[str | None, typer.Option(help=f"Source model of a transfer attack; else {SOURCE}.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the attacked image here: .npy (exact) or .png.")] = None,
    frame: Frame = None,
    window: Window = None,
    as_json: JsonFlag = False,
) -> None:
    """Attack a scan, and measure what changed. Settings left out are the attack's own."""
    import torch

    from meddef_core.attacks import AttackStep, check_engine, get_attack, run_attack
    from meddef_core.io.audit_log import note
    from meddef_core.prediction.prediction import from_logits, predict, prepare
    from meddef_core.records import AttackRecord, build, scan_facts
    from meddef_core.report.results import attack_numbers

    if output is not None:
        check_writable(output, suffixes=(".npy", ".png"))
    info = get_attack(attack)
    loaded = open_model(task, model)
    given = {
        "steps": steps,
        "rel_step": rel_step,
        "restarts": restarts,
        "loss": loss,
        "target": target,
        "seed": seed,
        "samples": samples,
        "search_steps": search_steps,
        "theta": theta,
    }
    given = {key: value for key, value in given.items() if value is not None}
    spec = replace(_spec(info, eps, given, loaded.task), engine=cast("EngineName", engine))  # which refuses others
    check_engine(spec, info)
    made_on = _open_source(info, source, task=task, attacked=loaded)
    scan = open_scan(file, frame=frame, window=window)
    image = prepare(loaded, scan)
    clean = predict(loaded, image, scan=scan)
    away_from = clean.index if label is None else loaded.task.index(label)
    if info.batchwise:
        tell(f"{info.title} needs many images; on one scan, its perturbation fits that scan only.")
    with progress(f"{info.title} on {loaded.card.key}") as show:

        def on_step(step: AttackStep) -> None:
            show(step.step, step.total, f"loss {step.loss:.3f}")

        result = run_attack(
            loaded.network,
            image,
            torch.tensor([away_from]),
            spec,
            on_step=on_step,
            source=None if made_on is None else made_on.network,
        )
    attacked = from_logits(loaded, result.adversarial_logits[0], distance=clean.distance)
    if output is not None:
        write_file(output, _encode(result.adversarial[0], output.suffix.lower()))
    record = build(
        AttackRecord,
        model=loaded,
        scan=scan_facts(scan, frame=frame, window=window),
        spec=spec,
        numbers=attack_numbers(result, clean, attacked, label=loaded.task.classes[away_from], source=made_on),
    )
    lines = _lines(result, clean, attacked, task=loaded.task, info=info)
    note("attack", model=loaded.card.key, record=record.document())
    emit(record.document(), [*lines, *scan_lines(scan, loaded.task)], as_json=as_json)


def _spec(info: "AttackInfo", eps: str | None, given: dict[str, Any], task: "Task") -> "AttackSpec":
    """The attack's usual settings with those given in their place; says which of them it does not have."""
    from meddef_core.attacks import default_spec
    from meddef_core.eps import parse_eps

    for key in sorted(given.keys() - info.settings):
        tell(f"{info.title} has no such setting, so --{key.replace('_', '-')} has no effect.")
    changes = {key: value for key, value in given.items() if key in info.settings}
    if "target" in changes:
        changes["target"] = task.index(changes["target"])
    if eps is not None:
        changes["eps"] = parse_eps(eps, norm=info.norm)
    return default_spec(info.name, **changes)


def _open_source(info: "AttackInfo", name: str | None, *, task: str, attacked: "LoadedModel") -> "LoadedModel | None":
    """The model that a transfer attack makes its images on; AttackError where that is the attacked one."""
    if not info.needs_source:
        if name is not None:
            tell(f"{info.title} uses no other model, so --source has no effect.")
        return None
    source = open_model(task, name or SOURCE)
    if source.card.key == attacked.card.key:
        raise AttackError(
            Text(
                "cli.source-is-attacked",
                "{model} would be attacked with its own gradients, which is no transfer; name another model "
                "with --source",
                model=source.card.key,
            )
        )
    if not source.prepares_like(attacked):
        raise AttackError(
            Text(
                "cli.source-other-preprocessing",
                "{source} and {model} preprocess scans differently, so an image made on one is no input of "
                "the other; name another model with --source",
                source=source.card.key,
                model=attacked.card.key,
            )
        )
    return source


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
        raise ModelError(
            Text("cli.attacked-no-png", "The attacked image could not be encoded as PNG; write .npy instead.")
        )
    return encoded.tobytes()


def _lines(
    result: "AttackResult", clean: "Prediction", attacked: "Prediction", *, task: "Task", info: "AttackInfo"
) -> list[str]:
    from meddef_core.eps import format_eps

    by = "" if result.spec.engine == "meddef" else f" by {result.spec.engine}"
    return [
        f"{info.title}{by}, budget {format_eps(result.spec.eps, norm=info.norm)}, on {clean.model}: "
        + ("the attack succeeded" if bool(result.success[0]) else "the attack failed"),
        *_remark(clean),
        f"clean:    {output_words(clean, task)}",
        f"attacked: {output_words(attacked, task, clean=clean)}",
        *([] if clean.abstained else bars(attacked)),
        f"measured: L-inf {format_eps(float(result.linf[0]))}, L2 {float(result.l2[0]):.3f}, "
        f"PSNR {float(result.psnr[0]):.1f} dB, SSIM {float(result.ssim[0]):.3f}, "
        f"{counted(float(result.pixels_changed[0]))} of pixels changed",
    ]


def _remark(clean: "Prediction") -> list[str]:
    """What the level of the scan means for the outputs of an attack on it."""
    if clean.abstained is not None:
        said = f"{clean.model} abstains. {clean.abstained.sentence}"
        return [f"{said} The attack ran anyway; its outputs are not valid."]
    return [] if clean.sentence is None else [clean.sentence]


ORDER = 120
COMMANDS = (Command("attack", attack, NamesAttacks),)
