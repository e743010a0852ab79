"""How numbers are written: the same on the command line, in exports and in the dashboard."""

from collections.abc import Sequence

SMALLEST, LARGEST = 0.001, 0.999
"""Shares beyond these would be rounded to 0.0% or 100.0%, and are written as "<0.1%" and ">99.9%"."""

UNCALIBRATED = "uncalibrated"
UNCALIBRATED_HERE = "uncalibrated for this scan"


def percent(share: float) -> str:
    """A counted share as text, "94.4%". Only what is exactly none or all is "0.0%" or "100.0%"."""
    return f"{100 * share:.1f}%" if share in (0, 1) else probability(share)


def probability(share: float) -> str:
    """A probability as text. No model is certain: 1.0 is a rounded softmax, so nothing is written as 0% or 100%."""
    if share < SMALLEST:
        return f"<{100 * SMALLEST:.1f}%"
    if share > LARGEST:
        return f">{100 * LARGEST:.1f}%"
    return f"{100 * share:.1f}%"


def qualifier(level: str | None, *, calibrated: bool) -> str:
    """What a probability's label must add: nothing where it is calibrated and the scan is not unusual.

    `level` is `Prediction.level`; `calibrated` says whether a temperature was fitted for the model.
    """
    if not calibrated:
        return UNCALIBRATED
    return UNCALIBRATED_HERE if level == "unusual" else ""


def qualified(share: float, *, level: str | None, calibrated: bool) -> str:
    """A probability with its `qualifier`: "94.4%", "96.0% (uncalibrated for this scan)"."""
    added = qualifier(level, calibrated=calibrated)
    return probability(share) + (f" ({added})" if added else "")


def listed(terms: Sequence[str], last: str = "and") -> str:
    """ "CR, DX and RG": at least one term, in words."""
    return terms[0] if len(terms) == 1 else f"{', '.join(terms[:-1])} {last} {terms[-1]}"
