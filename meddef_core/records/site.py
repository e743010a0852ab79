"""Records of a site report: does a model work on the scans of one hospital?"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from meddef_core.records.envelope import Claim, Count, Digest, Fraction, Record, Size, StrictSchema
from meddef_core.records.external import Hits, OfLabel, RiskCoverageCurve

LabelsHold = Literal["slice", "volume"]
"""What the labels of a folder hold for: each slice, or the volume that it is from."""

State = Literal["shipped", "adjusted", "finetuned"]
"""The model as it ships, with a local adjustment, or with weights that were trained further."""

Word = Literal["fit", "fit_after_adjustment", "not_fit"]

Signed = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class Difference(StrictSchema):
    """Here minus the model's test set, with its 95% interval; `p` is of Fisher's exact test, else None."""

    value: Signed
    interval: tuple[Signed, Signed]
    significant: bool
    p: Fraction | None = None


class Figure(StrictSchema):
    """One figure here and on the model's test set; `there` is None where nothing comparable was measured."""

    here: Fraction
    interval: tuple[Fraction, Fraction]
    n: Size
    there: Fraction | None = None
    there_n: Size | None = None
    difference: Difference | None = None


class SiteRow(StrictSchema):
    """One state of the model on the scans that are reported; shares are of all scans that could be read.

    Errors are counted in two kinds. `wrong`: NORMAL given a finding, and a finding given another one. `missed`: a
    finding given NORMAL, which is an error where labels hold for each slice; where they hold for volumes, about half of
    such slices look healthy. `wrong_and_accepted` counts what is an error by the labels; the parts stand beside it.
    """

    state: State
    n: Size
    accuracy: Figure
    balanced_accuracy: Figure
    recalls: dict[str, Figure]
    calibration_error: Figure
    confidence: Fraction
    accepted: Figure
    wrong_and_accepted: Figure
    certain_and_accepted: Hits
    missed_and_accepted: Hits
    healthy_given_a_finding_and_accepted: Hits | None = None
    balanced_on_accepted: Figure | None = None
    by_label: dict[str, OfLabel]
    auroc: dict[str, Fraction] = Field(default_factory=dict)
    curve: RiskCoverageCurve
    robust: Figure | None = None
    """Accuracy under PGD-20 at 4/255: an upper bound."""


class Rule(StrictSchema):
    """By which a model is called fit."""

    most_wrong_and_accepted: Fraction
    least_accepted: Fraction
    significance: Fraction


class SiteVerdict(StrictSchema):
    """`reasons` are the conditions that are not met, one sentence each, in the state that decided."""

    word: Word
    sentence: str
    reasons: tuple[str, ...]
    rule: Rule


class Split(StrictSchema):
    """What was fitted on and what is reported on; groups (patients, or blocks of neighbours) are never divided."""

    seed: Count
    fitted_on: Size
    reported_on: Size
    groups: Size


class Adjustment(StrictSchema):
    """What was fitted: limits are None where a class is always shown; `alphas` are what each controls."""

    temperature: float
    offsets: dict[str, float]
    alphas: dict[str, Fraction]
    limits: dict[str, float | None]


class Finetuning(StrictSchema):
    """How the weights were trained further, and the share of them in what is used."""

    epochs: Size
    learning_rate: float
    eps: Fraction
    share: Fraction


class WorstScan(StrictSchema):
    """A scan that is wrong with the strongest evidence: its row number in the sorted folder and its short id."""

    row: Size
    id: str
    label: str
    output: str
    probability: Fraction
    accepted: bool


class SiteNumbers(StrictSchema):
    """The report: the model as it ships first, then what was made of it."""

    title: str
    n: Size
    unreadable: Count
    refused: Count
    labels_hold: LabelsHold
    scans_sha256: Digest
    rows: Annotated[tuple[SiteRow, ...], Field(min_length=1)]
    verdict: SiteVerdict
    split: Split | None = None
    adjustment: Adjustment | None = None
    finetuning: Finetuning | None = None
    worst: tuple[WorstScan, ...] = ()

    @property
    def final(self) -> SiteRow:
        """What the verdict is about where the model as it ships is not fit."""
        return self.rows[-1]


class SiteRecord(Record):
    """`meddef site`."""

    kind: Literal["site"]
    numbers: SiteNumbers

    def claims(self) -> Iterable[Claim]:
        """None: its numbers are of one hospital, and the page that shows them says which weights they are of."""
        return ()
