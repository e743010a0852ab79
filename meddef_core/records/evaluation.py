"""Records of a model on a list of scans: attacks each by itself, the worst case of a set, and levels of pruning."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from meddef_core.records.envelope import Budget, Count, Digest, Fraction, Record, Size, Spec, StrictSchema
from meddef_core.records.shares import Accuracy, MeasuredAccuracy, Outlasted
from meddef_core.text import Text


class CardFigures(MeasuredAccuracy):
    """The part `metrics` of a card, without what the model costs."""

    protocol: str = "official"
    list: str = "test"


class EvaluationRecord(Record):
    """`meddef evaluate`; with `--attacks paper` it is `paper/<task>/<model>.json`."""

    kind: Literal["evaluation"]
    numbers: MeasuredAccuracy


class Contribution(StrictSchema):
    """One attack of a worst-case set: on how many scans it was run, and how many it broke that nothing before had."""

    spec: Spec
    scans: str = "all"
    largest_first: bool = False
    tried: Count
    broken: Count


class WorstRow(Outlasted):
    """The worst case of a set at one epsilon; `budget` is that epsilon again, under its older name."""

    budget: Budget
    attacks: tuple[Contribution, ...] = ()

    @model_validator(mode="after")
    def _one_epsilon(self) -> Self:
        if self.budget != self.eps:
            raise ValueError(Text("record.two-epsilons", "epsilon is given twice, with two values"))
        return self


class ScanAt(StrictSchema):
    """What broke one scan at one epsilon: "clean" or an attack, its place in the set, and how."""

    eps: Budget
    broken_by: str | None
    attack: int | None
    found_at: Budget | None
    step: int | None
    distance: Budget | None
    prediction: Count | None


class ScanResult(StrictSchema):
    """One scan under a set of attacks; `tried` are the places of those that were run on it."""

    position: Count
    scan_sha256: Digest
    label: Count
    clean_prediction: Count
    tried: tuple[int, ...]
    at: tuple[ScanAt, ...]


class WorstNumbers(StrictSchema):
    """A network on one list: clean, and in the worst case at each epsilon."""

    n: Size
    norm: Literal["linf", "l2", "l0"]
    clean: Accuracy
    attacked: tuple[WorstRow, ...]
    images: tuple[ScanResult, ...] = ()


class WorstRecord(Record):
    """`worst/<task>/<model>.json`, of `meddef evaluate --attacks worst`."""

    kind: Literal["worst_case"]
    numbers: WorstNumbers


class PruneRow(MeasuredAccuracy):
    """One level of pruning. `answers`: share of clean scans predicted as each class."""

    sparsity: Fraction
    nonzero: Count
    answers: dict[str, Fraction] = Field(default_factory=dict)


class PruneNumbers(StrictSchema):
    """Every level of one sweep."""

    method: str
    prunable: Count
    rows: Annotated[tuple[PruneRow, ...], Field(min_length=1)]


class PruneRecord(Record):
    """`meddef prune --sweep`: `pruning/<task>/<model>.json`, and by the paper's attacks `paper-pruning/<task>.json`."""

    kind: Literal["prune_sweep"]
    numbers: PruneNumbers
