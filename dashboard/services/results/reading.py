"""What the Diagnose page says of a reading's worth: plain, frozen values."""

from dataclasses import dataclass
from typing import Any

from meddef_core.prediction import OperatingPoint, ReliabilityBin


@dataclass(frozen=True)
class Operating:
    """A threshold on the summed probability of the `positive` class numbers, and what it does on two lists."""

    question: str
    threshold: float
    positive: tuple[int, ...]
    val: OperatingPoint
    test: OperatingPoint


@dataclass(frozen=True)
class Calibration:
    """How probabilities keep their word on the test list, before and after the temperature.

    Errors are over 15 bins of equal width; the bins here hold equally many images each. `accepted` and `refused` are
    shares with `hits`, `n` and `interval`: of test scans, and of pictures that are no such scan.
    """

    n: int
    temperature: float
    before: tuple[ReliabilityBin, ...]
    after: tuple[ReliabilityBin, ...]
    error_before: float
    error_after: float
    interval: tuple[float, float]
    protocol: str
    accepted: dict[str, Any]
    refused: dict[str, Any]
