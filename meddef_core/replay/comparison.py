"""Numbers of a record beside those found again.

Numbers need not agree to the last bit, because the order in which processors and library versions add float32 values
is not fixed, and an attack that climbs by the sign of a gradient enlarges such differences. They count as the same
within `ABSOLUTE` + `RELATIVE` times the recorded value; classes, counts and yes-or-no must agree exactly.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSOLUTE = 1e-4
"""Of a probability: a hundredth of a percent."""

RELATIVE = 1e-3

IMAGE = "adversarial_sha256"
"""The one number that may differ: it says whether the attacked images agree bit by bit."""

VERDICT = frozenset(("abstained", "level", "calibration_holds", "sentence"))
"""What an output's record says of the scan rather than of the network."""


@dataclass(frozen=True)
class ComparedNumber:
    """One number, or all numbers of one name in a list such as an attack's trace.

    `difference` is the largest between two floats, None for what must agree exactly and where the shapes differ.
    """

    name: str
    recorded: Any
    replayed: Any
    difference: float | None
    same: bool


def without_verdicts(numbers: Mapping[str, Any], *, header: bool) -> dict[str, Any]:
    """Numbers without the verdict on the scan, where it was reached by other checks than today's.

    So it was in records of before there were levels and, where a `header` now decides, in records made without one. The
    network's numbers can be the same all the same.
    """
    kept = {
        key: without_verdicts(value, header=header) if isinstance(value, Mapping) else value
        for key, value in numbers.items()
    }
    before = numbers.get("abstained")
    by_header = isinstance(before, Mapping) and before.get("reason") == "header"
    if "abstained" in numbers and ("level" not in numbers or (header and not by_header)):
        return {key: value for key, value in kept.items() if key not in VERDICT}
    return kept


def compare(recorded: Mapping[str, Any], replayed: Mapping[str, Any]) -> tuple[ComparedNumber, ...]:
    """Every recorded number beside the one found again; numbers that only the replay has are no part of it."""
    again = _grouped(replayed)
    return tuple(
        _row(name, values, again.get(name, [])) for name, values in _grouped(recorded).items() if name != IMAGE
    )


def _grouped(numbers: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Leaf values in order, under their path without list places: every step's loss is "trace.loss"."""
    found: dict[str, list[Any]] = {}
    for name, value in _leaves(numbers, ""):
        found.setdefault(name, []).append(value)
    return found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, value


def _row(name: str, recorded: Sequence[Any], replayed: Sequence[Any]) -> ComparedNumber:
    pairs = list(zip(recorded, replayed, strict=False))
    differences = [abs(a - b) for a, b in pairs if _float(a, b)]
    return ComparedNumber(
        name,
        _shown(recorded),
        _shown(replayed),
        difference=max(differences) if differences and len(recorded) == len(replayed) else None,
        same=len(recorded) == len(replayed) and all(_same(a, b) for a, b in pairs),
    )


def _same(a: Any, b: Any) -> bool:
    if _float(a, b):
        return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return type(a) is type(b) and bool(a == b)


def _float(a: Any, b: Any) -> bool:
    kinds = {type(a), type(b)}
    return float in kinds and kinds <= {int, float}


def _shown(values: Sequence[Any]) -> Any:
    """A number as itself, numbers of a list as a list."""
    return values[0] if len(values) == 1 else list(values)
