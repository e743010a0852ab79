"""What an exported picture or page is made of: records for the numbers, arrays for the pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meddef_core.records import AttackRecord, PredictionRecord
from meddef_core.records.prediction import Output
from meddef_core.report.results import collection, document_digest
from meddef_core.tasks import Task, get_task

Picture = NDArray[np.float32]
"""Grey `(h, w)` in [0, 1]."""

Record = PredictionRecord | AttackRecord


@dataclass(frozen=True, eq=False, kw_only=True)
class MapPair:
    """One explanation map of the clean scan and, after an attack, of the attacked one, both on one `scale`.

    Values are `(h, w)` of the picture's size; `signed` ones have a meaningful zero.
    """

    title: str
    clean: Picture
    attacked: Picture | None
    scale: tuple[float, float]
    signed: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class SheetSide:
    """One model: its record, after an attack that of the noise control, and the pictures."""

    title: str
    record: Record
    clean: Picture
    control: AttackRecord | None = None
    attacked: Picture | None = None
    maps: tuple[MapPair, ...] = ()
    trust: str = ""
    """What an audit says about robustness numbers of this model; see `trust.trust_line`."""
    worth: str = ""
    """What a prediction is worth as a yes/no test; see `worth.worth_line`."""

    @property
    def output(self) -> Output:
        """What the model put out for the clean scan."""
        return self.record.numbers.clean if isinstance(self.record, AttackRecord) else self.record.numbers

    @property
    def attack(self) -> AttackRecord | None:
        """The record, where it is one of an attack."""
        return self.record if isinstance(self.record, AttackRecord) else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Sheet:
    """One scan, one or several models. `scan` is its title in words, never a file name; `truth` its known class."""

    scan: str
    truth: str | None
    sides: tuple[SheetSide, ...]

    @property
    def task(self) -> Task:
        """What the scan shows."""
        return get_task(self.sides[0].record.task)

    @property
    def attacked(self) -> bool:
        """Whether it reports an attack or a reading."""
        return self.sides[0].attack is not None

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document that goes with it: every record, each of which `meddef replay` can run again."""
        records = [each for side in self.sides for each in (side.record, side.control) if each is not None]
        return collection(records).document()

    @property
    def digest(self) -> str:
        """sha256 of `document`, printed on picture and page."""
        return document_digest(self.document)
