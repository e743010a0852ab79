"""Records of a model on scans of another hospital: how many it accepts, and how many of these are wrong."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from meddef_core.records.envelope import Budget, Count, Fraction, Record, Size, Spec, StrictSchema
from meddef_core.text import Text


class Hits(StrictSchema):
    """A share of `n` scans with its 95% Wilson interval."""

    share: Fraction
    hits: Count
    n: Size
    interval: tuple[Fraction, Fraction]

    @model_validator(mode="after")
    def _is_a_share(self) -> Self:
        if self.hits > self.n or abs(self.share - self.hits / self.n) > 1e-9:
            raise ValueError(Text("record.share-not-counted", "a share is not what was counted"))
        return self


class OfLabel(StrictSchema):
    """The scans of one label: `outputs` counts what is predicted, `accepted_as` what is predicted and accepted."""

    n: Size
    outputs: dict[str, Count]
    accepted_as: dict[str, Count]

    @property
    def accepted(self) -> int:
        """Accepted scans, whatever is predicted."""
        return sum(self.accepted_as.values())


class RiskCoverageCurve(StrictSchema):
    """Risk against coverage, and the area under it; see `meddef_core.evaluation.selective`."""

    coverages: tuple[Fraction, ...]
    risks: tuple[Fraction, ...]
    aurc: Fraction


class ExternalRow(StrictSchema):
    """Clean scans (`eps` 0, no `spec`), or attacked ones; shares are of all scans that could be read.

    `wrong` follows the source's labels: of labels that hold for a volume, some outputs on a slice are no error.
    `correct` ignores abstention. `confidence` is the mean stated probability of the predicted class.
    """

    eps: Budget
    spec: Spec | None = None
    accepted: Hits
    without_remark: Hits
    correct: Hits
    correct_and_accepted: Hits
    wrong_and_accepted: Hits
    confidence: Fraction
    calibration_error: Fraction
    auroc: dict[str, Fraction] = Field(default_factory=dict)
    by_label: dict[str, OfLabel]
    curve: RiskCoverageCurve


class ExternalSource(StrictSchema):
    """Where the scans come from. `out_of_fold`: limits were chosen on other scans of the same set."""

    key: str
    title: str
    labels: str
    out_of_fold: bool
    unreadable: Count = 0


class ExternalNumbers(StrictSchema):
    """One model on one source: clean, then attacked."""

    n: Size
    source: ExternalSource
    rows: Annotated[tuple[ExternalRow, ...], Field(min_length=1)]

    @property
    def clean(self) -> ExternalRow:
        """The scans as they are."""
        return self.rows[0]


class ExternalRecord(Record):
    """`meddef external`: `external/<task>/<model>.json`."""

    kind: Literal["external"]
    numbers: ExternalNumbers
