"""What was measured of the models on this server: the records below `results_root()`, and their cards.

A file that cannot be read, or does not hold what it must, is left out and becomes a `Problem`; the others stay.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import streamlit as st
from pydantic import BaseModel, ValidationError

from dashboard import record_schema as schema
from dashboard.dissection_schema import DissectionRecord
from dashboard.services.models import rank
from dashboard.shift_schema import ShiftRecord
from meddef_core.errors import MedDefError
from meddef_core.evaluation import paper
from meddef_core.evaluation.documents import results_root
from meddef_core.evaluation.metrics import mcnemar
from meddef_core.record import versions
from meddef_core.zoo import Card, malformed_models, models_root

Kind = TypeVar("Kind", bound=BaseModel)

MOST_BYTES = 64 * 2**20
"""A record that holds a row for each of a thousand scans has a few; what is larger is none of ours."""


@dataclass(frozen=True)
class Problem:
    """A file that is left out. `place` is the key within it that is wrong, where that can be told."""

    file: str
    reason: str
    place: str = ""


@dataclass(frozen=True)
class Measured:
    """One model's card and what it says was measured of it; None where nothing was, or it is damaged."""

    card: Card
    figures: schema.CardFigures | None


@dataclass(frozen=True)
class TaskRecords:
    """All that is known about one task's models, damaged files left out."""

    task: str
    models: tuple[Measured, ...]
    worst: dict[str, schema.WorstRecord]
    audits: dict[str, schema.AuditRecord]
    paper: dict[str, schema.PaperRecord]
    pruning: dict[str, schema.PruneRecord]
    baselines: schema.BaselineRecord | None
    shifts: ShiftRecord | None
    ablation: schema.AblationRecord | None
    dissections: dict[str, DissectionRecord]
    reported: schema.ReportedTable | None
    problems: tuple[Problem, ...]


def of_task(task: str) -> TaskRecords:
    """Read every record of one task; those read before are not read again until their file changes."""
    problems: list[Problem] = []
    root = results_root()
    models = tuple(_measured(card, problems) for card in cards(problems) if card.task == task)
    return TaskRecords(
        task=task,
        models=tuple(sorted(models, key=lambda each: rank(each.card))),
        worst=_folder(schema.WorstRecord, root / "worst" / task, problems),
        audits=_folder(schema.AuditRecord, root / "audit" / task, problems),
        paper=_folder(schema.PaperRecord, root / "paper" / task, problems),
        pruning=_folder(schema.PruneRecord, root / "pruning" / task, problems),
        baselines=_one(schema.BaselineRecord, root / "baselines" / f"{task}.json", problems),
        shifts=_one(ShiftRecord, root / "shifts" / f"{task}.json", problems),
        ablation=_one(schema.AblationRecord, root / "ablation" / f"{task}.json", problems),
        dissections=_folder(DissectionRecord, root / "dissection" / task, problems),
        reported=_one(schema.ReportedTable, root / "reported.json", problems),
        problems=tuple(problems),
    )


def cards(problems: list[Problem]) -> list[Card]:
    """Every card on this server that can be read; what is wrong with the others goes to `problems`."""
    root = models_root()
    malformed = malformed_models(root)
    found: list[Card] = []
    for path in sorted(root.glob("*/*/card.json")):
        card = _one(Card, path, problems)
        why = malformed.get("/".join(path.parts[-3:-1]))
        if card is not None and why is not None:  # each part is well formed, and they do not fit
            problems.append(Problem(_name(path), why.rstrip(".")))
        elif card is not None:
            found.append(card)
    return found


def reading_figures(card: Card) -> dict[str, Any]:
    """`reading.json` beside the weights: calibration and abstention; empty where there is none to be read."""
    path = models_root() / card.key / "reading.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def contradictions(task: str) -> list[str]:
    """Sentences of the core: what a reported row says that no working attack can bring about."""
    try:
        return paper.differences(task)
    except (MedDefError, LookupError, TypeError, ValueError):  # a damaged record, which `of_task` names
        return []


def software() -> dict[str, str]:
    """Name and version of what computes here."""
    return versions()


def mcnemar_p(pair: schema.Pair) -> float:
    """Two-sided exact p of the pair."""
    return mcnemar(pair.only_first, pair.only_second)


# ---- how to run it again -----------------------------------------------------------------------------------------


def worst_command(record: schema.WorstRecord) -> str:
    """The command that measures this worst case again."""
    task, _, name = record.model.key.partition("/")
    budgets = ",".join(short_eps(row.eps) for row in record.numbers.attacked)
    head = ["meddef evaluate", f"--task {task}", *_whom(record, name), "--attacks worst", f"--eps {budgets}"]
    return " ".join([*head, *_list(record)])


def quick_command(card: Card, row: schema.Attacked) -> str:
    """The command that measures one attack of a card again."""
    spec = row.spec
    settings = [f"--steps {spec.steps}", *([f"--loss {spec.loss}"] if spec.loss else [])]
    head = f"meddef evaluate --task {card.task} --model {card.name} --attacks {spec.name}"
    return " ".join([head, f"--eps {short_eps(row.eps)}", *settings])


def audit_command(task: str, name: str) -> str:
    """The command that audits a model."""
    return f"meddef audit --task {task} --model {name} --output assets/results/audit/{task}/{name}.json"


def sweep_command(task: str, name: str, record: schema.PruneRecord | None = None) -> str:
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


def baselines_command(task: str, record: schema.BaselineRecord | None = None) -> str:
    """The command that compares the baselines."""
    spec = None if record is None else record.numbers.attack
    eps = "4/255" if record is None else short_eps(record.numbers.eps)
    settings = "" if spec is None else f" --attack {spec.name} --steps {spec.steps}"
    return f"meddef baselines --task {task} --eps {eps}{settings} --output assets/results/baselines/{task}.json"


def shifts_command(task: str, record: ShiftRecord | None = None) -> str:
    """The command that reads the changed scans; without a record, for the models it takes by itself."""
    models = [] if record is None else [row.model for row in record.numbers.rows]
    usual = not models or models == [f"{task}/undefended", f"{task}/meddef"]
    whom = [] if usual else [_of_row(task, model) for model in models]
    part = [f"--part {record.data.part}"] if record and record.data and record.data.part != "test" else []
    return " ".join([f"meddef shifts --task {task}", *whom, *part, f"--output assets/results/shifts/{task}.json"])


def short_eps(eps: str) -> str:
    """ "4/255" of "4/255 (0.0157)": what the command line takes."""
    return eps.partition(" ")[0]


def _whom(record: schema.Head, name: str) -> list[str]:
    run = record.data.run if record.data else None
    return [f"--run runs/{run}"] if run else [f"--model {name}"]


def _of_row(task: str, model: str) -> str:
    return f"--model {model.removeprefix(f'{task}/')}" if "/" in model else f"--run runs/{model}"


def _list(record: schema.Head) -> Iterator[str]:
    if record.data and record.data.part != "test":
        yield f"--part {record.data.part}"
    if record.data and record.data.limit is not None:
        yield f"--limit {record.data.limit}"
    if record.seed:
        yield f"--seed {record.seed}"


# ---- reading files -----------------------------------------------------------------------------------------------


def _measured(card: Card, problems: list[Problem]) -> Measured:
    if not card.metrics:
        return Measured(card, None)
    try:
        return Measured(card, schema.CardFigures.model_validate(card.metrics))
    except ValidationError as error:
        problems.append(_problem(f"{card.key}/card.json", error, within="metrics"))
        return Measured(card, None)


def _folder(kind: type[Kind], folder: Path, problems: list[Problem]) -> dict[str, Kind]:
    """Records by file name without its ending."""
    found = {path.stem: _one(kind, path, problems) for path in sorted(folder.glob("*.json"))}
    return {name: record for name, record in found.items() if record is not None}


def _one(kind: type[Kind], path: Path, problems: list[Problem]) -> Kind | None:
    """One file, or None where there is none or it is damaged."""
    if not path.is_file():
        return None
    try:
        state = path.stat()
        found = _parsed(kind.__name__, str(path), state.st_mtime_ns, state.st_size, _kind=kind)
    except OSError:
        found = Problem(_name(path), "it cannot be opened")
    if isinstance(found, Problem):
        problems.append(found)
        return None
    return cast("Kind", found)


@st.cache_resource(max_entries=128, show_spinner=False)
def _parsed(kind: str, path: str, changed: int, size: int, *, _kind: type[BaseModel]) -> BaseModel | Problem:
    """A file's content, checked; `changed` and `size` make a file that was written anew another one.

    `kind` names `_kind` for the cache, which cannot tell classes apart.
    """
    where = Path(path)
    if size > MOST_BYTES:
        return Problem(_name(where), "it is too large")
    try:
        return _kind.model_validate_json(where.read_bytes())
    except OSError:
        return Problem(_name(where), "it cannot be opened")
    except ValidationError as error:
        return _problem(_name(where), error)


def _problem(file: str, error: ValidationError, *, within: str = "") -> Problem:
    first = error.errors()[0]
    parts: Sequence[object] = (*([within] if within else []), *first["loc"])
    return Problem(file, str(first["msg"]), ".".join(str(part) for part in parts))


def _name(path: Path) -> str:
    """Its last folders are enough to find it, and tell nothing about the server."""
    for root in (results_root(), models_root()):
        if path.is_relative_to(root):
            return str(path.relative_to(root))
    return path.name
