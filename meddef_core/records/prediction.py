"""Records of one scan: a prediction, an attack, many predictions of a batch, and several records in one file."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from meddef_core.records.envelope import (
    Budget,
    Claim,
    Count,
    Digest,
    Fraction,
    ModelRef,
    Record,
    ScanRef,
    Size,
    Spec,
    StrictSchema,
)

Level = Literal["usual", "unusual", "refused"]


class RecordedFamiliarity(StrictSchema):
    """How much a scan is like the training scans; see `meddef_core.prediction.Familiarity`."""

    level: Level
    score: float
    unusual_above: float
    refused_above: float
    differs: tuple[str, ...]
    looks_like: str | None
    evidence: float | None = None
    evidence_limit: float | None = None


class RecordedAbstention(StrictSchema):
    """Why a model gives no prediction; see `meddef_core.prediction.Abstention`."""

    looks_like: str | None
    differs: tuple[str, ...]
    sentence: str
    reason: Literal["header", "image", "output"] = "image"


class Output(StrictSchema):
    """One model's output for one image; see `meddef_core.prediction.prediction.Prediction`.

    `shares` is the one probability of each class that is shown. Records from before there were levels end at `label` or
    at `note`.
    """

    model: str
    classes: tuple[str, ...]
    probabilities: tuple[Fraction, ...]
    logits: tuple[float, ...]
    index: Count
    label: str
    calibrated: tuple[Fraction, ...] | None = None
    temperature: float | None = None
    familiarity: RecordedFamiliarity | None = None
    abstained: RecordedAbstention | None = None
    note: str | None = None
    shares: tuple[Fraction, ...] = ()
    level: Level | None = None
    calibration_holds: bool | None = None
    sentence: str | None = None

    @property
    def shown(self) -> tuple[float, ...]:
        """The one probability of each class that is shown, also in a record from before `shares`."""
        return self.calibrated or self.probabilities

    @property
    def taken(self) -> Level | None:
        """How the scan was taken; records from before there were levels tell it in parts."""
        if self.abstained is not None:
            return "refused"
        return self.level or (None if self.familiarity is None else self.familiarity.level)


class MapGrid(StrictSchema):
    """An explanation map as the network computed it."""

    key: str
    title: str
    meaning: str
    signed: bool
    bounded: tuple[float, float] | None
    caveat: str
    grid: tuple[tuple[float, ...], ...]


class OutputWithMaps(Output):
    """A prediction, with the model's maps where they were asked for."""

    maps: dict[str, MapGrid] = Field(default_factory=dict)


class PredictionRecord(Record):
    """`meddef predict`, and the dashboard's export of a prediction."""

    kind: Literal["prediction"]
    scan: ScanRef
    numbers: OutputWithMaps


class RecordedStep(StrictSchema):
    """One step of an attack: what it maximises, and the softmax at that image."""

    step: Count
    loss: float | None
    success: Count | bool | None = None
    probabilities: tuple[Fraction, ...]


class AttackNumbers(StrictSchema):
    """What an attack on one scan came to.

    `label` is the class it moved away from, `source` the model that a transfer attack made its image on. Distances are
    between the attacked and the clean image; the PSNR of an unchanged image is None. `first_fooled` is the step that
    first fooled the model, 0 where the clean image did already, -1 where none did.
    """

    label: str
    norm: Literal["linf", "l2", "l0"] = "linf"
    source: ModelRef | None = None
    success: bool
    clean: Output
    attacked: Output
    linf: Budget
    l2: Budget
    psnr: float | None
    ssim: float | None
    pixels_changed: Fraction
    first_fooled: int
    steps_run: Count
    trace: tuple[RecordedStep, ...]
    adversarial_sha256: Digest


class AttackRecord(Record):
    """`meddef attack`, and the dashboard's export of an attack or of its noise control."""

    kind: Literal["attack"]
    scan: ScanRef
    spec: Spec
    numbers: AttackNumbers


class BatchRow(StrictSchema):
    """What came of one file: a prediction, or the problem in one sentence."""

    number: Size
    name: str
    truth: str | None
    prediction: Output | None
    problem: str | None
    notes: tuple[str, ...]
    digest: Digest | None
    short_id: str | None = None


class BatchScore(StrictSchema):
    """How often the predictions are correct; see `meddef_core.prediction.batch.BatchAccuracy`."""

    classes: tuple[str, ...]
    counts: tuple[tuple[Count, ...], ...]
    n: Count
    right: Count
    interval: tuple[Fraction, Fraction]
    balanced: Fraction | None
    balanced_interval: tuple[Fraction, Fraction] | None
    missing: tuple[str, ...]
    repeated: Count
    abstained: Count


class BatchNumbers(StrictSchema):
    """A row a file, and the score where classes are known."""

    rows: tuple[BatchRow, ...]
    score: BatchScore | None


class BatchRecord(Record):
    """`meddef batch`."""

    kind: Literal["batch"]
    numbers: BatchNumbers


class Collection(StrictSchema):
    """Several records in one file, such as one attack on two models."""

    schema_version: Literal[2]
    kind: Literal["collection"]
    records: tuple[PredictionRecord | AttackRecord, ...]
    intended_use: str

    def claims(self) -> Iterable[Claim]:
        """Those of its records."""
        return (claim for record in self.records for claim in record.claims())

    def document(self) -> dict[str, Any]:
        """As `Record.document`."""
        return self.model_dump(mode="json", exclude_unset=True)
