"""`meddef evaluate`: a model on a list of scans, clean, under named attacks, or in the worst case of a set."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.evaluate.lines import evaluation_lines, worst_case_lines
from meddef_core.cli.evaluate.subject import Subject, open_subject
from meddef_core.cli.input import DataDir, JsonFlag, ModelName, TaskKey
from meddef_core.cli.output import check_writable, emit, progress, tell, write_record
from meddef_core.errors import AttackError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.attacks import AttackSpec
    from meddef_core.evaluation.trials import EvaluationPlan, Trial
    from meddef_core.evaluation.worst_case import WorstCase
    from meddef_core.records import EvaluationRecord, WorstRecord

    Evaluated = EvaluationRecord | WorstRecord
    Kind = TypeVar("Kind", bound=Evaluated)

WORST, PAPER = "worst", "paper"
"""Sets of attacks that are asked for by one name."""

EPSILONS = "4/255,8/255"


def evaluate(
    task: TaskKey,
    model: ModelName = "meddef",
    run: Annotated[
        Path | None, typer.Option(help="Evaluate the best weights of this training run instead.", file_okay=False)
    ] = None,
    attacks: Annotated[
        str,
        typer.Option(help="Attacks, separated by commas; none for clean scans only; worst for the worst-case set."),
    ] = "pgd",
    eps: Annotated[
        str | None, typer.Option(help=f"Epsilons, separated by commas; {EPSILONS} for attacks in pixel units.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of iterative attacks; else each attack's default.")] = None,
    loss: Annotated[str | None, typer.Option(help="Attack objective: ce or margin.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random starts.")] = 0,
    engine: Annotated[
        str | None, typer.Option(help="Implementation of the attacks: meddef (default) or torchattacks.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="official or patient_split; only the one that the model was trained with.")
    ] = None,
    part: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Use only this many scans, a fixed choice from each class.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here.", dir_okay=False)] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option("--run-dir", help="Folder for results of each scan; an existing one is resumed.", file_okay=False),
    ] = None,
    devices: Annotated[int, typer.Option(help="Processes that share the work.", min=1)] = 1,
    num_nodes: Annotated[int, typer.Option("--num-nodes", help="Machines that share the work.", min=1)] = 1,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Evaluate a model: clean, under each attack at each epsilon, or the worst case of all attacks."""
    if output is not None:
        check_writable(output, suffixes=(".json",))
    names = [name.strip() for name in attacks.split(",") if name.strip() != "none"]
    if WORST in names or PAPER in names:
        budgets = eps if PAPER in names else None
        _refuse_beside_a_set(names, {"steps": steps, "loss": loss, "engine": engine, "eps": budgets})
    opened = partial(
        open_subject,
        task,
        model,
        run=run,
        part=part,
        protocol=protocol,
        data_dir=data_dir,
        limit=limit,
        seed=seed,
    )
    if WORST in names:
        trials = _worst_trials(task, eps, seed=seed)
        subject = opened()
        worst = _worst_record(subject, trials, run_dir=run_dir, devices=devices, num_nodes=num_nodes)
        _finish(worst, worst_case_lines, subject, output=output, run_dir=run_dir, as_json=as_json)
    else:
        specs = _specs(names, eps, steps=steps, loss=loss, seed=seed, engine=engine or "meddef")
        if run_dir is not None or devices * num_nodes > 1:
            _refuse_batchwise(specs)
        subject = opened()
        few = names == [PAPER]
        alone = _record_each(subject, specs, slow_on_few=few, run_dir=run_dir, devices=devices, num_nodes=num_nodes)
        _finish(alone, evaluation_lines, subject, output=output, run_dir=run_dir, as_json=as_json)


def _finish(
    record: "Evaluated | None",
    lines_of: Callable[..., list[str]],
    subject: Subject,
    *,
    output: Path | None,
    run_dir: Path | None,
    as_json: bool,
) -> None:
    """Write and print a record; only say so on a machine that helped another."""
    if record is None:
        tell("This machine has finished its part; the first one writes the result.")
        return
    for path in (output, run_dir and run_dir / "result.json"):
        write_record(path, record)
    emit(record.document(), lines_of(record.numbers, title=subject.title(record.numbers.n)), as_json=as_json)


def _refuse_beside_a_set(names: list[str], given: dict[str, Any]) -> None:
    """A set brings its own attacks and settings; raises AttackError for others beside it."""
    if len(names) > 1:
        raise AttackError(
            Text(
                "cli.evaluate-one-set",
                "{first} and {second} are sets of attacks: name one of them alone",
                first=WORST,
                second=PAPER,
            )
        )
    if others := [f"--{key}" for key, value in given.items() if value is not None]:
        raise AttackError(
            Text(
                "cli.evaluate-own-settings",
                "the set {name} has its own settings: leave out {options}",
                name=repr(names[0]),
                options=" and ".join(others),
            )
        )


def _refuse_batchwise(specs: list["AttackSpec"]) -> None:
    """Raises AttackError for an attack whose work cannot be dealt out by scans."""
    from meddef_core.attacks import get_attack

    for spec in specs:
        if get_attack(spec.name).batchwise:
            raise AttackError(
                Text(
                    "cli.evaluate-batchwise",
                    "{attack} makes one perturbation for many scans: leave out --devices and --run-dir",
                    attack=spec.name,
                )
            )


def _specs(
    names: list[str], eps: str | None, *, steps: int | None, loss: str | None, seed: int, engine: str
) -> list["AttackSpec"]:
    """Every attack at every budget, each as it is usually run but for what was asked for."""
    from meddef_core.attacks import check_engine, default_spec, get_attack
    from meddef_core.eps import parse_eps
    from meddef_core.studies.paper import paper_attacks

    if names == [PAPER]:
        return [replace(spec, seed=seed) for spec in paper_attacks()]
    specs: list[AttackSpec] = []
    for name in names:
        info = get_attack(name)
        if info.needs_source:
            raise AttackError(
                Text("cli.evaluate-needs-source", "{title} needs a second model: use `meddef attack`", title=info.title)
            )
        usual = str(default_spec(name).eps) if info.norm != "linf" else EPSILONS
        given = {"steps": steps, "loss": loss, "seed": seed, "stop_when_fooled": True}
        changes = {key: value for key, value in given.items() if value is not None and key in info.settings}
        budgets = [parse_eps(text.strip(), norm=info.norm) for text in (eps or usual).split(",")]
        specs += [default_spec(name, eps=budget, engine=engine, **changes) for budget in budgets]
        check_engine(specs[-1], info)
    return specs


def _worst_trials(task: str, eps: str | None, *, seed: int) -> list["Trial"]:
    from meddef_core.eps import parse_eps
    from meddef_core.evaluation.worst_case import worst_case_attacks
    from meddef_core.tasks import get_task

    classes = len(get_task(task).classes)
    budgets = sorted({parse_eps(text.strip()) for text in (eps or EPSILONS).split(",")})
    return [trial for budget in budgets for trial in worst_case_attacks(classes, eps=budget, seed=seed)]


def _record_each(
    subject: Subject,
    specs: list["AttackSpec"],
    *,
    slow_on_few: bool,
    run_dir: Path | None,
    devices: int,
    num_nodes: int,
) -> "EvaluationRecord | None":
    """The record of attacks each by itself; None on a machine that only helps."""
    from meddef_core.attacks import get_attack
    from meddef_core.evaluation.card_numbers import measure
    from meddef_core.evaluation.selection import some_of_each_class, take
    from meddef_core.evaluation.trials import Trial
    from meddef_core.evaluation.worst_case import plan_each_alone
    from meddef_core.evaluation.worst_case_report import summarise_each_alone
    from meddef_core.records import EvaluationRecord
    from meddef_core.studies.paper import JSMA_SCANS

    images, classes = subject.images, subject.loaded.task.classes
    if subject.limit is not None:
        images = take(images, some_of_each_class(images, subject.limit))
    batchwise = [spec for spec in specs if get_attack(spec.name).batchwise]
    with progress(subject.loaded.card.key) as show:
        numbers = measure(
            subject.loaded.network,
            images,
            classes=classes,
            attacks=batchwise,
            on_stage=lambda stage, done, total: show(done, total, stage),
        )
    each = [
        Trial(spec=spec, scans="few" if slow_on_few and spec.name == "jsma" else "all")
        for spec in specs
        if spec not in batchwise
    ]
    if each:
        plan = plan_each_alone(subject.images, attacks=each, limit=subject.limit, few=JSMA_SCANS)
        found = _run(subject, plan, run_dir=run_dir, devices=devices, num_nodes=num_nodes)
        if found is None:
            return None
        numbers["attacked"] += summarise_each_alone(found, classes=classes)
    return _record(EvaluationRecord, subject, numbers)


def _worst_record(
    subject: Subject, trials: list["Trial"], *, run_dir: Path | None, devices: int, num_nodes: int
) -> "WorstRecord | None":
    """The record of a worst case; None on a machine that only helps."""
    from meddef_core.evaluation.worst_case import plan_worst_case
    from meddef_core.evaluation.worst_case_report import summarise_worst_case
    from meddef_core.records import WorstRecord

    plan = plan_worst_case(subject.images, attacks=trials, limit=subject.limit)
    found = _run(subject, plan, run_dir=run_dir, devices=devices, num_nodes=num_nodes)
    if found is None:
        return None
    return _record(WorstRecord, subject, summarise_worst_case(found, classes=subject.loaded.task.classes))


def _run(
    subject: Subject, plan: "EvaluationPlan", *, run_dir: Path | None, devices: int, num_nodes: int
) -> "WorstCase | None":
    from meddef_core.studies.worst_case_job import WorstCaseJob, run_job
    from meddef_core.zoo import models_root

    card = subject.loaded.card
    job = WorstCaseJob(
        model=card.key,
        models_root=models_root(),
        run=subject.run,
        weights_sha256=card.weights.sha256,
        lists=subject.lists,
        part=subject.part,
        data_dir=subject.data_dir,
        folder=run_dir,
        plan=plan,
    )
    with progress(card.key) as show:
        return run_job(
            job, subject.loaded.network, subject.images, devices=devices, num_nodes=num_nodes, on_progress=show
        )


def _record(kind: "type[Kind]", subject: Subject, numbers: dict[str, Any]) -> "Kind":
    from meddef_core.records import build, identity_of

    card, part = subject.loaded.card, subject.part
    digest = subject.lists.digest(part)
    known = card.data.get("lists", {}).get(part, {}).get("sha256")
    same = None if subject.run is not None else digest == known
    if same is False:
        tell(f"These scans differ from the card's {part} list; the model may have seen some of their patients.")
    data = {
        "protocol": subject.protocol,
        "part": part,
        "n": numbers["n"],
        "sha256": digest,
        "same_list_as_card": same,
        "limit": subject.limit,
        "run": None if subject.run is None else subject.run.name,
    }
    model = subject.loaded if subject.run is None else identity_of(subject.loaded, carded=False)
    return build(kind, model=model, numbers=numbers, seed=subject.seed, data=data)


ORDER = 140
COMMANDS = (Command("evaluate", evaluate),)
