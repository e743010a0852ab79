"""`reported.json`: what the paper says, in percent, on its own test lists. It is no record of ours."""

from typing import Annotated

from pydantic import Field

from meddef_core.records.envelope import Budget, Fraction, StrictSchema

Percent = Annotated[float, Field(ge=0, le=100)]


class Reported(StrictSchema):
    """One row of the paper's tables of accuracy."""

    task: str
    model: str
    eps: Budget
    clean: Percent
    fgsm: Percent
    pgd: Percent
    bim: Percent
    jsma: Percent

    def of(self, attack: str) -> float:
        """The accuracy on clean scans, "clean", or under an attack of the paper's."""
        return float(getattr(self, attack))


class ReportedPruning(StrictSchema):
    """One row of the paper's table of attack success rates after pruning."""

    task: str
    sparsity: Fraction
    fgsm: Percent
    pgd: Percent
    bim: Percent
    jsma: Percent

    def of(self, attack: str) -> float:
        """The success rate of an attack of the paper's."""
        return float(getattr(self, attack))


class ReportedTable(StrictSchema):
    """Both tables."""

    source: str
    unit: str
    rows: tuple[Reported, ...]
    pruning: tuple[ReportedPruning, ...]
