"""What was measured of the models on this server: the records below `results_root()`, and their cards.

A file that cannot be read, or does not hold what it must, is left out and becomes a `RecordProblem`; the others stay.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import streamlit as st
from pydantic import BaseModel, ValidationError

from dashboard.services.models import rank
from meddef_core.errors import RecordError
from meddef_core.records import (
    MAX_BYTES,
    AblationRecord,
    AuditRecord,
    BaselineRecord,
    CardFigures,
    CertifiedRecord,
    Claim,
    DamagedRecord,
    DissectionRecord,
    EvaluationRecord,
    ExternalRecord,
    Match,
    PruneRecord,
    Record,
    ReportedTable,
    ShiftRecord,
    Shipped,
    WorstRecord,
    figures_of,
    match,
    match_weights,
    read_as,
    shipped,
    versions,
)
from meddef_core.records.documents import results_root
from meddef_core.zoo import Card, malformed_models, models_root

Kind = TypeVar("Kind", bound=BaseModel)


@dataclass(frozen=True)
class RecordProblem:
    """A file that is left out. `place` is the key within it that is wrong, where that can be told."""

    file: str
    reason: str
    place: str = ""


@dataclass(frozen=True)
class MeasuredModel:
    """One model's card and what it says was measured of it; None where nothing was, or it is damaged."""

    card: Card
    figures: CardFigures | None


@dataclass(frozen=True)
class TaskRecords:
    """All that is known about one task's models, damaged files left out."""

    task: str
    models: tuple[MeasuredModel, ...]
    worst: dict[str, WorstRecord]
    audits: dict[str, AuditRecord]
    paper: dict[str, EvaluationRecord]
    pruning: dict[str, PruneRecord]
    baselines: BaselineRecord | None
    shifts: ShiftRecord | None
    external: dict[str, ExternalRecord]
    certified: dict[str, CertifiedRecord]
    ablation: AblationRecord | None
    dissections: dict[str, DissectionRecord]
    reported: ReportedTable | None
    problems: tuple[RecordProblem, ...]

    @property
    def shipped(self) -> tuple[Shipped, ...]:
        """The models on this server, as records are matched with them."""
        return shipped(each.card for each in self.models)

    def match(self, name: str, record: Record) -> Match:
        """Whether a record that is filed under a model's name is of the weights that ship under it."""
        return match_weights(f"{self.task}/{name}", record.model.shipped_sha256, self.shipped)

    def match_claim(self, claim: Claim) -> Match:
        """The same of one row of a record of several models."""
        return match(claim, self.shipped)


def of_task(task: str) -> TaskRecords:
    """Read every record of one task; those read before are not read again until their file changes."""
    problems: list[RecordProblem] = []
    root = results_root()
    models = tuple(_measured(card, problems) for card in cards(problems) if card.task == task)
    return TaskRecords(
        task=task,
        models=tuple(sorted(models, key=lambda each: rank(each.card))),
        worst=_folder(WorstRecord, root / "worst" / task, problems),
        audits=_folder(AuditRecord, root / "audit" / task, problems),
        paper=_folder(EvaluationRecord, root / "paper" / task, problems),
        pruning=_folder(PruneRecord, root / "pruning" / task, problems),
        baselines=_one(BaselineRecord, root / "baselines" / f"{task}.json", problems),
        shifts=_one(ShiftRecord, root / "shifts" / f"{task}.json", problems),
        external=_folder(ExternalRecord, root / "external" / task, problems),
        certified=_folder(CertifiedRecord, root / "certified" / task, problems),
        ablation=_one(AblationRecord, root / "ablation" / f"{task}.json", problems),
        dissections=_folder(DissectionRecord, root / "dissection" / task, problems),
        reported=_one(ReportedTable, root / "reported.json", problems),
        problems=tuple(problems),
    )


def cards(problems: list[RecordProblem]) -> list[Card]:
    """Every card on this server that can be read; what is wrong with the others goes to `problems`."""
    root = models_root()
    malformed = malformed_models(root)
    found: list[Card] = []
    for path in sorted(root.glob("*/*/card.json")):
        card = _one(Card, path, problems)
        why = malformed.get("/".join(path.parts[-3:-1]))
        if card is not None and why is not None:  # each part is well formed, and they do not fit
            problems.append(RecordProblem(_name(path), why.rstrip(".")))
        elif card is not None:
            found.append(card)
    return found


def reading_figures(card: Card) -> dict[str, Any]:
    """Calibration and abstention, `reading.json` beside the weights; empty where there is none of these weights."""
    path = models_root() / card.key / "reading.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    fits = match_weights(card.key, str(found.get("weights_sha256")), shipped([card])) is Match.MATCHED
    return found if fits else {}


def software() -> dict[str, str]:
    """Name and version of what computes here."""
    return versions()


# ---- reading files -----------------------------------------------------------------------------------------------


def _measured(card: Card, problems: list[RecordProblem]) -> MeasuredModel:
    if not card.metrics:
        return MeasuredModel(card, None)
    try:
        return MeasuredModel(card, figures_of(card.metrics))
    except DamagedRecord as error:
        problems.append(RecordProblem(f"{card.key}/card.json", error.reason, f"metrics.{error.place}"))
        return MeasuredModel(card, None)


def _folder(kind: type[Kind], folder: Path, problems: list[RecordProblem]) -> dict[str, Kind]:
    """Records by file name without its ending."""
    found = {path.stem: _one(kind, path, problems) for path in sorted(folder.glob("*.json"))}
    return {name: record for name, record in found.items() if record is not None}


def _one(kind: type[Kind], path: Path, problems: list[RecordProblem]) -> Kind | None:
    """One file, or None where there is none or it is damaged."""
    if not path.is_file():
        return None
    try:
        state = path.stat()
        found = _parsed(kind.__name__, str(path), state.st_mtime_ns, state.st_size, _kind=kind)
    except OSError:
        found = RecordProblem(_name(path), "it cannot be opened")
    if isinstance(found, RecordProblem):
        problems.append(found)
        return None
    return cast("Kind", found)


@st.cache_resource(max_entries=128, show_spinner=False)
def _parsed(kind: str, path: str, changed: int, size: int, *, _kind: type[BaseModel]) -> BaseModel | RecordProblem:
    """A file's content, checked; `changed` and `size` make a file that was written anew another one.

    `kind` names `_kind` for the cache, which cannot tell classes apart.
    """
    where = Path(path)
    if size > MAX_BYTES:
        return RecordProblem(_name(where), "it is too large")
    try:
        return _card(where) if _kind is Card else read_as(_kind, where.read_bytes())
    except OSError:
        return RecordProblem(_name(where), "it cannot be opened")
    except DamagedRecord as error:
        return RecordProblem(_name(where), error.reason, error.place)
    except RecordError as error:
        return RecordProblem(_name(where), str(error))


def _card(path: Path) -> Card:
    """A model's card, which is no record; DamagedRecord where it does not hold what it must."""
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DamagedRecord(str(first["msg"]), place=place) from error


def _name(path: Path) -> str:
    """Its last folders are enough to find it, and tell nothing about the server."""
    for root in (results_root(), models_root()):
        if path.is_relative_to(root):
            return str(path.relative_to(root))
    return path.name
