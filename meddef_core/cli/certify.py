"""`meddef certify`: what provably cannot change the smoothed network's class on one scan."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import Frame, JsonFlag, ScanFile, TaskKey, Window, open_model, open_scan
from meddef_core.cli.output import check_writable, emit, output_words, progress, scan_lines, tell, write_record
from meddef_core.eps import grey_steps

if TYPE_CHECKING:
    from meddef_core.records import CertificateNumbers
    from meddef_core.zoo import LoadedModel


def certify(
    file: ScanFile,
    task: TaskKey,
    model: Annotated[str, typer.Option("--model", help="A model trained for certificates.")] = "meddef-certified",
    draws: Annotated[int, typer.Option("--draws", "-n", help="Draws of the noise; more certify further.")] = 1000,
    alpha: Annotated[float, typer.Option(help="Probability that a certificate that is given is wrong.")] = 0.001,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    frame: Frame = None,
    window: Window = None,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.", dir_okay=False)] = None,
    as_json: JsonFlag = False,
) -> None:
    """Certify a scan: a class, and how far the image may change without changing it; or abstain."""
    from meddef_core.certification.certify import certify as certify_scan
    from meddef_core.prediction.prediction import predict
    from meddef_core.records import CertificateRecord, build, scan_facts
    from meddef_core.report.certificate import certificate_numbers
    from meddef_core.scans import warm_decoders

    if output is not None:
        check_writable(output, suffixes=(".json",))
    warm_decoders()  # while the model is loaded
    loaded = open_model(task, model)
    scan = open_scan(file, frame=frame, window=window)
    prediction = predict(loaded, scan)
    if prediction.sentence is not None and prediction.level != "refused":  # a refusal is `certify_scan`'s own sentence
        tell(prediction.sentence)
    with progress(f"{loaded.card.key}, draws") as show:
        found = certify_scan(
            loaded, scan, n=draws, alpha=alpha, seed=seed, on_draws=lambda done, total: show(done, total, "")
        )
    record = build(
        CertificateRecord,
        model=loaded,
        scan=scan_facts(scan, frame=frame, window=window),
        seed=seed,
        numbers=certificate_numbers(found, classes=loaded.task.classes),
    )
    write_record(output, record)
    without = f"The same network without noise and vote: {output_words(prediction, loaded.task)}."
    lines = [*certificate_lines(loaded, record.numbers), without, *scan_lines(scan, loaded.task)]
    emit(record.document(), lines, as_json=as_json)


def certificate_lines(model: "LoadedModel", numbers: "CertificateNumbers") -> list[str]:
    """The certificate in lines for a reader."""
    smoothing, name = numbers.smoothing, f"The smoothed network of {model.called}"
    words = f"{numbers.label} ({model.task.words[numbers.label]})"
    votes = f"{numbers.votes[numbers.label]:,} of {smoothing.draws:,} noisy copies are classified as {numbers.label}"
    if not numbers.certified:
        return [f"{name} abstains: {votes}, too few for a certificate."]
    return [
        f"{name}: {words}, certified",
        f"No change below {grey_steps(numbers.linf)} in L-infinity, or {numbers.l2:.2f} in L2, changes the class.",
        f"{votes}; the probability that this certificate is wrong is at most {smoothing.alpha:g}.",
        "The certificate is about this smoothed network alone, not about any other model.",
    ]


ORDER = 214
COMMANDS = (Command("certify", certify),)
