"""Records of certificates: of one scan, and of a list at several radii."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from meddef_core.records.envelope import Budget, Count, Fraction, Record, ScanRef, Size, StrictSchema
from meddef_core.records.shares import Accuracy
from meddef_core.text import Text

Side = Annotated[int, Field(ge=1)]
Alpha = Annotated[float, Field(gt=0, lt=0.5)]


class Smoothing(StrictSchema):
    """How votes were taken: `selection` draws choose the class and `draws` bound its probability, of noise `sigma`.

    `grid` is rows and columns that the image is averaged to before the noise; `sigma` is in pixel units.
    """

    draws: Size
    selection: Size
    alpha: Alpha
    seed: Count
    sigma: Annotated[float, Field(gt=0)]
    grid: tuple[Side, Side]


class CertificateNumbers(StrictSchema):
    """The certificate of one scan, of the smoothed network alone.

    `label` leads the vote; only where it is `certified` is it also the output, and certain for every change of the
    image smaller than `linf` or `l2`, in pixel units. `bound` is the lower limit of its share of votes at 1 - alpha.
    """

    label: str
    certified: bool
    linf: Budget
    l2: Budget
    bound: Fraction
    votes: dict[str, Count]
    selection_votes: dict[str, Count]
    smoothing: Smoothing

    @model_validator(mode="after")
    def _of_one_vote(self) -> Self:
        if self.label not in self.votes or sum(self.votes.values()) != self.smoothing.draws:
            raise ValueError(Text("record.votes-other-draws", "the votes are not those of so many draws"))
        if self.certified != (self.linf > 0) or self.certified != (self.l2 > 0):
            raise ValueError(Text("record.certificate-radius", "a certificate has a radius, and nothing else has one"))
        return self


class CertificateRecord(Record):
    """`meddef certify`: one scan."""

    kind: Literal["certificate"]
    scan: ScanRef
    numbers: CertificateNumbers


class CertifiedRow(Accuracy):
    """The share of scans that are predicted correctly with a certificate of more than `radius`."""

    radius: Budget


class CertifiedNumbers(StrictSchema):
    """One smoothed network on one list.

    `clean` is the share that is predicted correctly with any certificate at all; a scan on which the network abstains
    counts as an error, and `abstained` counts these. `linf` and `l2` have a row a radius in pixel units. `predictions`
    (class numbers) and `radii` (in L2 on the grid, 0 where it abstains) run in the order of the list.
    """

    n: Size
    smoothing: Smoothing
    clean: Accuracy
    abstained: Count
    linf: tuple[CertifiedRow, ...]
    l2: tuple[CertifiedRow, ...]
    predictions: tuple[Count, ...]
    radii: tuple[Budget, ...]

    @model_validator(mode="after")
    def _one_a_scan(self) -> Self:
        if len(self.predictions) != self.n or len(self.radii) != self.n:
            raise ValueError(Text("record.radius-each-scan", "there is not one radius for each scan"))
        if self.abstained != sum(radius == 0 for radius in self.radii):
            raise ValueError(Text("record.abstentions-differ", "abstentions are not what the radii say"))
        return self


class CertifiedRecord(Record):
    """`meddef certified`: `certified/<task>/<model>.json`."""

    kind: Literal["certified"]
    numbers: CertifiedNumbers
