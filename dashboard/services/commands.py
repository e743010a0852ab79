"""How to measure a number again: the command that wrote its record, or the one that would."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from meddef_core.baselines.sides import UNDEFENDED
from meddef_core.eps import short_eps
from meddef_core.records import (
    AttackedAccuracy,
    BaselineRecord,
    DissectionRecord,
    PruneRecord,
    Record,
    ShiftRecord,
    Shipped,
    WorstRecord,
    models_named,
)
from meddef_core.zoo import Card

COMPARED = "meddef"
"""Name of the model that the defences from the literature are compared with."""


def records_alone(command: str, cards: Iterable[Card]) -> tuple[str, ...]:
    """Keys of the models that a command names and whose weights do not ship: it stops there until they are trained."""
    words = command.split()
    said = [(before, word) for before, word in pairwise(words) if before in ("--task", "--model")]
    tasks = {word for option, word in said if option == "--task"}
    names = {word for option, word in said if option == "--model"}
    return tuple(card.key for card in cards if not card.weights.ships and card.task in tasks and card.name in names)


def worst_command(record: WorstRecord) -> str:
    """The command that measures this worst case again."""
    task, _, name = record.model.key.partition("/")
    budgets = ",".join(short_eps(row.eps) for row in record.numbers.attacked)
    head = ["meddef evaluate", f"--task {task}", *_whom(record, name), "--attacks worst", f"--eps {budgets}"]
    return " ".join([*head, *_list(record)])


def first_command(task: str, models: Sequence[Shipped]) -> str:
    """The command that measures the worst case of a task's first model, where nothing is measured yet."""
    name = models[0].key.partition("/")[2] if models else COMPARED
    return f"meddef evaluate --task {task} --model {name} --attacks worst --eps 2/255,0.01,4/255,8/255,0.05"


def quick_command(card: Card, row: AttackedAccuracy) -> str:
    """The command that measures one attack of a card again."""
    spec = row.spec
    settings = [f"--steps {spec.steps}", *([f"--loss {spec.loss}"] if spec.loss else [])]
    head = f"meddef evaluate --task {card.task} --model {card.name} --attacks {spec.name}"
    return " ".join([head, f"--eps {short_eps(row.eps)}", *settings])


def audit_command(task: str, name: str) -> str:
    """The command that audits a model."""
    return f"meddef audit --task {task} --model {name} --output assets/results/audit/{task}/{name}.json"


def sweep_command(task: str, name: str, record: PruneRecord | None = None) -> str:
    """The command that measures every level of pruning."""
    limit = None if record is None or record.data is None else record.data.limit
    some = "" if limit is None else f" --limit {limit}"
    output = f"assets/results/pruning/{task}/{name}.json"
    return f"meddef prune --task {task} --model {name} --sweep{some} --output {output}"


def dissect_command(task: str, name: str, record: DissectionRecord | None = None) -> str:
    """The command that puts each module of a model out of action."""
    chosen = "" if record is None else "".join(f" {option}" for option in _list(record))
    output = f"assets/results/dissection/{task}/{name}.json"
    return f"meddef dissect --task {task} --model {name}{chosen} --output {output}"


def paper_command(task: str, name: str) -> str:
    """The command that runs the paper's attacks."""
    output = f"assets/results/paper/{task}/{name}.json"
    return f"meddef evaluate --task {task} --model {name} --attacks paper --output {output}"


def baselines_command(task: str, models: Sequence[Shipped], record: BaselineRecord | None = None) -> str:
    """The command that compares the defences, with every model that the record has a row of and whose weights ship.

    MedDef takes part in any case. Training runs whose rows stand under no model's name are left out.
    """
    claims = [] if record is None else [row.claim(task) for row in record.numbers.rows]
    named = {model.key for claim in claims for model in models_named(claim, models)}
    named |= {model.key for model in models if model.key == f"{task}/{COMPARED}"}
    reference = None if record is None else record.model.key
    named &= {model.key for model in models if model.loads}
    whom = [f"--model {key.partition('/')[2]}" for key in sorted(named - {reference, f"{task}/{UNDEFENDED}"})]
    spec = None if record is None else record.numbers.attack
    eps = short_eps(4 / 255 if record is None else record.numbers.eps)
    settings = [] if spec is None else [f"--attack {spec.name} --steps {spec.steps}"]
    output = f"--output assets/results/baselines/{task}.json"
    return " ".join([f"meddef baselines --task {task}", *whom, f"--eps {eps}", *settings, output])


def shifts_command(task: str, record: ShiftRecord | None = None) -> str:
    """The command that reads the changed scans; without a record, for the models it takes by itself."""
    models = [] if record is None else [row.model for row in record.numbers.rows]
    usual = not models or models == [f"{task}/undefended", f"{task}/meddef"]
    whom = [] if usual else [_of_row(task, model) for model in models]
    part = [f"--part {record.data.part}"] if record and record.data and record.data.part != "test" else []
    return " ".join([f"meddef shifts --task {task}", *whom, *part, f"--output assets/results/shifts/{task}.json"])


def external_command(task: str, name: str) -> str:
    """The command that measures a model on another hospital's scans and puts the figures onto its card."""
    output = f"assets/results/external/{task}/{name}.json"
    return f"meddef external --task {task} --model {name} --write --output {output}"


def certified_command(task: str, name: str) -> str:
    """The command that measures certified accuracy."""
    output = f"assets/results/certified/{task}/{name}.json"
    return f"meddef certified --task {task} --model {name} --output {output}"


def _whom(record: Record, name: str) -> list[str]:
    run = record.data.run if record.data else None
    return [f"--run runs/{run}"] if run else [f"--model {name}"]


def _of_row(task: str, model: str) -> str:
    return f"--model {model.removeprefix(f'{task}/')}" if "/" in model else f"--run runs/{model}"


def _list(record: Record) -> Iterator[str]:
    if record.data and record.data.part != "test":
        yield f"--part {record.data.part}"
    if record.data and record.data.limit is not None:
        yield f"--limit {record.data.limit}"
    if record.seed:
        yield f"--seed {record.seed}"
