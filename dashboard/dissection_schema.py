"""The record of `meddef dissect` as the robustness page reads it, checked like those of `record_schema`."""

from typing import Annotated, Literal

from pydantic import Field

from dashboard.record_schema import Balanced, Budget, Checked, Count, Fraction, Head, Spec


class NoiseGate(Checked):
    """Where AFD's gate stands: mean, shares decided, mean change under attack, and how well it tells attacked scans."""

    mean: Fraction
    shut: Fraction
    open: Fraction
    moved: Fraction
    detects: Fraction


class Gates(Checked):
    """Around the DAAM, as shares of the features' norm: what it adds, and what an attack moves before and after it."""

    added: Budget
    moved_before: Budget
    moved_after: Budget
    noise_gate: NoiseGate | None = None


class LesionRow(Checked):
    """The network after one lesion; `title` is English words. `p` is McNemar's against the network as trained."""

    lesion: str
    title: str
    clean: Balanced
    attacked: Balanced
    read_otherwise: Count
    p: Fraction


class DissectionNumbers(Checked):
    """The gates of one network, and what it is worth after each lesion."""

    n: Annotated[int, Field(ge=1)]
    eps: str
    gates: Gates
    lesions: Annotated[tuple[LesionRow, ...], Field(min_length=1)]


class DissectionRecord(Head):
    """`dissection/<task>/<name>.json`, of `meddef dissect`."""

    kind: Literal["dissection"] = "dissection"
    spec: Spec
    numbers: DissectionNumbers
