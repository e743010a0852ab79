"""How numbers are written: the same on the command line, in exports and in the dashboard."""

from collections.abc import Sequence

SMALLEST, LARGEST = 0.001, 0.999
"""Shares beyond these would be rounded to 0.0% or 100.0%, and are written as "<0.1%" and ">99.9%"."""

UNCALIBRATED = "uncalibrated"
UNCALIBRATED_HERE = "uncalibrated for this scan"


def percent(share: float) -> str:
    """A probability or an estimate as text, "94.4%"; never 0% or 100%: a softmax of 1.0 is rounded, not certain."""
    if share < SMALLEST:
        return f"<{100 * SMALLEST:.1f}%"
    if share > LARGEST:
        return f">{100 * LARGEST:.1f}%"
    return f"{100 * share:.1f}%"


def counted(share: float) -> str:
    """A counted share as text: what is exactly none or all is "0.0%" or "100.0%", anything else as `percent` has it."""
    return f"{100 * share:.1f}%" if share in (0, 1) else percent(share)


def qualifier(level: str | None, *, calibrated: bool) -> str:
    """What the label of a probability must add: nothing where `Prediction.calibration_holds`.

    `level` is `Prediction.level`; `calibrated` says whether a temperature was fitted for the model.
    """
    if calibrated and level == "usual":
        return ""
    return UNCALIBRATED_HERE if calibrated and level == "unusual" else UNCALIBRATED


def qualified(share: float, *, level: str | None, calibrated: bool) -> str:
    """A probability with its `qualifier`: "94.4%", "96.0% (uncalibrated for this scan)"."""
    added = qualifier(level, calibrated=calibrated)
    return percent(share) + (f" ({added})" if added else "")


def listed(terms: Sequence[str], last: str = "and") -> str:
    """ "CR, DX and RG": at least one term, in words."""
    return terms[0] if len(terms) == 1 else f"{', '.join(terms[:-1])} {last} {terms[-1]}"
