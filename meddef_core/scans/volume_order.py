"""In which order pictures form a volume: along the direction across the slices, by instance number, or by name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import ScanError
from meddef_core.scans.files import parts_of
from meddef_core.scans.volume_outline import Vector
from meddef_core.text import Text

_LEAST_STEP = 1e-4
"""Millimetres between two slices below which they lie at the same place."""

_LEAST_COSINE = 0.999
"""Between the directions across two slices that count as parallel: 2.6 degrees."""

_EVEN = 0.1
"""Share of the usual gap by which the gaps of evenly spaced slices differ at most."""

_NUMBERS = re.compile(r"([0-9]+)")


@dataclass(frozen=True)
class Ordered:
    """`order` holds the index of each slice's picture, first slice first."""

    order: tuple[int, ...]
    slice_mm: float | None = None
    """Distance between neighbouring slices, where all lie evenly."""
    notes: tuple[str, ...] = ()


def frames_in_order(positions: Sequence[Vector | None], normals: Sequence[Vector | None]) -> Ordered:
    """Frames of one file: as they are stored, unless their positions run to and fro."""
    count = len(positions)
    along = along_normal(positions, normals)
    if along is None or count == 1:
        return Ordered(tuple(range(count)))
    steps = np.diff(along)
    if _same_place(along):
        return Ordered(
            tuple(range(count)),
            notes=(Text("scan.several-frames", "Several frames lie at the same place, so none was moved."),),
        )
    gap, notes = _gap(along)
    if np.all(steps > 0) or np.all(steps < 0):
        return Ordered(tuple(range(count)), gap, notes)
    note = Text(
        "scan.frames-file",
        "The frames of the file do not lie in their stored order; they were put in the order of their positions.",
    )
    return Ordered(_sorted(along), gap, (note, *notes))


def files_in_order(
    positions: Sequence[Vector | None], normals: Sequence[Vector | None], instances: Sequence[int | None]
) -> Ordered:
    """Files of one series, a slice each: by position, else by instance number; raises ScanError where neither tells.

    Slices run in the direction in which the instance numbers grow, if these follow the positions at all.
    """
    along = along_normal(positions, normals)
    numbered = [number for number in instances if number is not None]
    known = len(set(numbered)) == len(instances)
    if along is None or _same_place(along):
        if not known:
            raise ScanError(
                Text(
                    "scan.order-slices",
                    "The order of the slices is not known: their positions are missing or repeat, and so do their "
                    "instance "
                    "numbers; export the series again.",
                )
            )
        note = NO_POSITIONS if along is None else SAME_PLACE
        return Ordered(_sorted(np.array(numbered, dtype=np.float64)), notes=(note,))
    order = _sorted(along)
    gap, notes = _gap(along)
    if known:
        steps = np.diff([numbered[place] for place in order])
        if np.all(steps < 0):
            order = order[::-1]
        elif not np.all(steps > 0):
            notes = (
                Text(
                    "scan.instance-numbers",
                    "The instance numbers contradict the positions of the slices; positions were used.",
                ),
                *notes,
            )
    return Ordered(order, gap, notes)


def names_in_order(names: Sequence[str]) -> Ordered:
    """Numbered pictures by the natural order of their file names, 2 before 10; raises ScanError where two are alike."""
    keys = [natural(parts_of(name)[-1]) for name in names]
    order = tuple(sorted(range(len(names)), key=lambda place: keys[place]))
    for before, after in pairwise(order):
        if keys[before] == keys[after]:
            raise ScanError(
                Text(
                    "scan.order-pictures",
                    "The order of the pictures is not known: {before} and {after} have the same number; choose "
                    "the files of one volume.",
                    before=names[before],
                    after=names[after],
                )
            )
    return Ordered(order, notes=() if _one_pattern(names) else (UNNUMBERED,))


NO_POSITIONS = Text(
    "scan.slices-no", "The slices have no positions of their own, so they are in the order of their instance numbers."
)
SAME_PLACE = Text(
    "scan.several-slices", "Several slices lie at the same place, so they are in the order of their instance numbers."
)
UNNUMBERED = Text(
    "scan.file-names",
    "The file names do not follow one numbered pattern; check that the pictures are one volume in this order.",
)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key by which numbers in names sort by their value; leading zeros and capitals make no difference."""
    found = []
    for part in _NUMBERS.split(name.casefold()):
        digits = part.lstrip("0") if part[:1].isdigit() and part.isascii() else None
        found.append((1, 0, part) if digits is None else (0, len(digits), digits))
    return tuple(found)


def _one_pattern(names: Sequence[str]) -> bool:
    return len({_NUMBERS.sub("#", parts_of(name)[-1].casefold()) for name in names}) == 1


def along_normal(positions: Sequence[Vector | None], normals: Sequence[Vector | None]) -> NDArray[np.float64] | None:
    """Where each slice lies across the slices, in millimetres; None where one has no place or they are not parallel."""
    if any(place is None for place in positions) or any(normal is None for normal in normals):
        return None
    across = np.array(normals, dtype=np.float64)
    if np.any(across @ across[0] < _LEAST_COSINE):
        return None
    return np.asarray(np.array(positions, dtype=np.float64) @ across[0])


def _sorted(values: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(np.argsort(values, kind="stable").tolist())


def _same_place(along: NDArray[np.float64]) -> bool:
    return bool(np.any(np.diff(np.sort(along)) < _LEAST_STEP))


def _gap(along: NDArray[np.float64]) -> tuple[float | None, tuple[str, ...]]:
    """The usual distance between neighbours; None with a note where they are uneven."""
    gaps = np.diff(np.sort(along))
    usual = float(np.median(gaps))
    if np.all(np.abs(gaps - usual) <= _EVEN * usual):
        return usual, ()
    note = Text(
        "scan.gaps-between",
        "The gaps between slices are uneven ({least:.3f} to {most:.3f} mm); a slice may be missing.",
        least=gaps.min(),
        most=gaps.max(),
    )
    return None, (note,)
