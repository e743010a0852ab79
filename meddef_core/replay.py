"""A record is run again: the same scan, weights and settings, and each number set beside the one recorded."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import BaseModel, Field, ValidationError

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.attacks.spec import OnStep
from meddef_core.baselines.sides import load_side
from meddef_core.errors import RecordError
from meddef_core.exports.records import COLLECTION, attack_numbers, reading_numbers
from meddef_core.predict import from_logits, predict, prepare
from meddef_core.record import SCHEMA_VERSION, card_digest, plain
from meddef_core.replay_compare import IMAGE, Row, compare, without_verdicts
from meddef_core.scans import Scan
from meddef_core.zoo import LoadedModel, load_model

MAX_BYTES = 50_000_000
"""A record with every map is below one megabyte; a file above this is something else."""

Digest = Field(pattern=r"^[0-9a-f]{64}$")


class ModelRef(BaseModel):
    """The model that a record names."""

    key: str
    weights_sha256: str = Digest
    card_sha256: str | None = None


class ScanRef(BaseModel):
    """The scan that a record names: bytes, never a file; `sample` is the key of a sample that anyone can load, and
    `id` the short id that stood beside the result.
    """

    sha256: str = Digest
    frame: int | None = None
    window: tuple[float, float] | None = None
    sample: str | None = None
    id: str | None = None


class Recorded(BaseModel):
    """A record of one scan, checked."""

    kind: Literal["prediction", "attack"]
    created: str = ""
    model: ModelRef
    scan: ScanRef
    spec: dict[str, Any] | None = None
    versions: dict[str, str] = {}
    numbers: dict[str, Any]

    @property
    def task(self) -> str:
        """Key of the task, as the model's key begins with it."""
        return self.model.key.partition("/")[0]


@dataclass(frozen=True)
class Replay:
    """What came out. `exact`: whether the attacked image agrees bit by bit; None where there is none.

    `level` and `sentence` say how this MedDef takes the scan, header included (see `Prediction`).
    """

    recorded: Recorded
    rows: tuple[Row, ...]
    exact: bool | None
    card_changed: bool
    level: str | None
    sentence: str | None

    @property
    def same(self) -> bool:
        """Whether every number agrees."""
        return all(row.same for row in self.rows)


# ---- reading a record --------------------------------------------------------------------------------------------


def read_records(data: bytes) -> tuple[Recorded, ...]:
    """The records in a JSON file, one or a collection; RecordError with one sentence on anything else."""
    document = _parsed(data)
    documents = document.get("records") if document.get("kind") == COLLECTION else [document]
    if not isinstance(documents, list) or not documents:
        raise RecordError("The file is a collection without records; export it again.")
    return tuple(_checked(each) for each in documents)


def _parsed(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise RecordError(f"The file is larger than any record ({MAX_BYTES // 1_000_000} MB); give a record's file.")
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"The file is no JSON that can be read ({error}); export the record again.") from error
    _check_version(document)
    found: dict[str, Any] = document
    return found


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON value")


def _check_version(document: Any) -> None:
    if not isinstance(document, dict) or "schema_version" not in document:
        raise RecordError("The file is JSON, but no record of MedDef; give a file written by --json or by an export.")
    if document["schema_version"] != SCHEMA_VERSION:
        raise RecordError(
            f"The record has schema version {document['schema_version']!r}, and this MedDef reads {SCHEMA_VERSION}; "
            "use the MedDef version that wrote it."
        )


def _checked(document: Any) -> Recorded:
    _check_version(document)
    if document.get("kind") not in ("prediction", "attack"):
        raise RecordError(
            f"A record of kind {document.get('kind')!r} is not about one scan; replay one of a prediction or an attack."
        )
    try:
        recorded = Recorded.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"The record is damaged at {where!r}: {first['msg']}; export it again.") from error
    if recorded.kind == "attack":
        spec_of(recorded)
    return recorded


def spec_of(recorded: Recorded) -> AttackSpec:
    """The settings of a recorded attack; RecordError without them, AttackError where they make no sense."""
    if recorded.spec is None:
        raise RecordError("The record of the attack has no settings; export it again.")
    try:
        return AttackSpec(**recorded.spec)
    except TypeError as error:
        raise RecordError(f"The record's attack settings are not those of this MedDef ({error}).") from error


# ---- running it again --------------------------------------------------------------------------------------------


def open_recorded(ref: ModelRef) -> LoadedModel:
    """The model of that key if it has the weights recorded; ModelError or RecordError otherwise."""
    model = load_side(ref.key) if "+" in ref.key else load_model(ref.key)
    here = model.card.weights.sha256
    if here != ref.weights_sha256:
        raise RecordError(
            f"The record was made with other weights of {ref.key} ({ref.weights_sha256[:12]}…) than those here "
            f"({here[:12]}…); restore the weights it names."
        )
    return model


def replay(recorded: Recorded, scan: Scan, *, on_step: OnStep | None = None) -> Replay:
    """Run a record again on its scan (see `replay_scan.find_scan`) and compare; `on_step` as in `run_attack`."""
    if scan.digest != recorded.scan.sha256:
        raise RecordError("The scan is another one than the record names; give the file that was read.")
    model = open_recorded(recorded.model)
    run = _predict if recorded.kind == "prediction" else _attack
    again = plain(run(recorded, model, scan, on_step))
    clean = again.get("clean", again)
    by_header = clean["abstained"] is not None and clean["abstained"]["reason"] == "header"
    return Replay(
        recorded=recorded,
        rows=compare(without_verdicts(recorded.numbers, header=by_header), again),
        exact=recorded.numbers[IMAGE] == again[IMAGE] if IMAGE in recorded.numbers and IMAGE in again else None,
        card_changed=recorded.model.card_sha256 not in (None, card_digest(model.card)),
        level=clean["level"],
        sentence=clean["sentence"],
    )


def _predict(recorded: Recorded, model: LoadedModel, scan: Scan, _: OnStep | None) -> dict[str, Any]:
    from meddef_core.explain import explain

    prediction = predict(model, scan)
    maps = None
    if "maps" in recorded.numbers:
        maps = explain(model.network, prepare(model, scan), target=prediction.index)
    return reading_numbers(prediction, maps)


def _attack(recorded: Recorded, model: LoadedModel, scan: Scan, on_step: OnStep | None) -> dict[str, Any]:
    label, source = recorded.numbers.get("label"), recorded.numbers.get("source")
    if not isinstance(label, str):
        raise RecordError("The record does not say which class the attack moved away from; export it again.")
    made_on = None if source is None else open_recorded(_source(source))
    image = prepare(model, scan)
    result = run_attack(
        model.network,
        image,
        torch.tensor([model.task.index(label)]),
        spec_of(recorded),
        on_step=on_step,
        source=None if made_on is None else made_on.network,
    )
    return attack_numbers(
        result,
        predict(model, image, scan=scan),
        from_logits(model, result.adversarial_logits[0]),
        label=label,
        source=None if made_on is None else made_on.card,
    )


def _source(source: Any) -> ModelRef:
    try:
        return ModelRef.model_validate(source)
    except ValidationError as error:
        raise RecordError("The record does not say which model its transfer was made on; export it again.") from error
