"""Certified accuracy on a list: at each radius, the share of scans predicted correctly and certified as far."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meddef_core.certification import Smoothed, radii
from meddef_core.certification.certify import ALPHA, SELECTION, certify_image
from meddef_core.data.images import Images
from meddef_core.evaluation.metrics import balanced_accuracy, balanced_interval, recalls, wilson
from meddef_core.io.kept_lines import KeptLines
from meddef_core.records import CertifiedNumbers, plain

DRAWS = 10_000

LINF = (0.5 / 255, 1 / 255, 2 / 255, 3 / 255, 4 / 255)
L2 = (0.25, 0.5, 1.0, 2.0)
"""Radii in pixel units."""

DIGITS = 6
"""Of a radius that is kept; it is rounded down, so that it stays certified."""

OnScan = Callable[[int, int], None]


def certified_accuracy(
    network: Smoothed,
    images: Images,
    *,
    classes: tuple[str, ...],
    n: int = DRAWS,
    alpha: float = ALPHA,
    seed: int = 0,
    kept: KeptLines | None = None,
    on_scan: OnScan | None = None,
) -> CertifiedNumbers:
    """Certify every scan of a list by `n` draws; `kept` holds what was done before and takes what is done.

    Each scan has a noise of its own, from `seed` and its place, so that an interrupted call ends as a whole one.
    """
    done: dict[int, tuple[int, float]] = {}
    if kept is not None:
        done = {int(line["scan"]): (int(line["prediction"]), float(line["radius"])) for line in kept.lines}
    for place in range(len(images)):
        if place not in done:
            (image,), _ = images.batch([place])
            found = certify_image(network, image, n=n, alpha=alpha, seed=seed_of(seed, place))
            done[place] = (found.index, math.floor(found.radius * 10**DIGITS) / 10**DIGITS)
            if kept is not None:
                kept.append({"scan": place, "prediction": found.index, "radius": done[place][1]})
        if on_scan:
            on_scan(place + 1, len(images))
    smoothing = settings_of(network, n=n, alpha=alpha, seed=seed)
    predictions, radius = (np.array(column) for column in zip(*(done[place] for place in sorted(done)), strict=True))
    return summarised(images.labels.numpy(), predictions, radius, classes=classes, smoothing=smoothing)


def summarised(
    labels: NDArray[np.int64],
    predictions: NDArray[np.int64],
    radius: NDArray[np.float64],
    *,
    classes: tuple[str, ...],
    smoothing: dict[str, Any],
) -> CertifiedNumbers:
    """Shares at each radius from `(N,)` labels, predictions and radii in L2 on the grid."""
    one = radii(1.0, grid=tuple(smoothing["grid"]))

    def share(at: float, unit: float) -> dict[str, Any]:
        # What is not certified as far counts as another class, whichever: the recall of its own is what it lowers.
        reached = np.where(radius * unit > at, predictions, (labels + 1) % len(classes))
        return _share(labels, reached, classes=classes)

    return CertifiedNumbers.model_validate(
        plain(
            {
                "n": len(labels),
                "smoothing": smoothing,
                "clean": share(0.0, 1.0),
                "abstained": int((radius == 0).sum()),
                "linf": [{"radius": at, **share(at, one.linf)} for at in LINF],
                "l2": [{"radius": at, **share(at, one.l2)} for at in L2],
                "predictions": predictions.tolist(),
                "radii": radius.tolist(),
            }
        )
    )


def _share(labels: NDArray[np.int64], predictions: NDArray[np.int64], *, classes: tuple[str, ...]) -> dict[str, Any]:
    count, hits = len(classes), int((labels == predictions).sum())
    by_class = zip(classes, recalls(labels, predictions, classes=count).tolist(), strict=True)
    return {
        "balanced_accuracy": balanced_accuracy(labels, predictions, classes=count),
        "balanced_interval": balanced_interval(labels, predictions, classes=count),
        "recall": dict(by_class),
        "accuracy": hits / len(labels),
        "accuracy_interval": wilson(hits, len(labels)),
    }


def settings_of(network: Smoothed, *, n: int, alpha: float, seed: int) -> dict[str, Any]:
    """How votes are taken, as a record holds it."""
    return {
        "draws": n,
        "selection": SELECTION,
        "alpha": alpha,
        "seed": seed,
        "sigma": network.sigma,
        "grid": list(network.grid),
    }


def seed_of(seed: int, place: int) -> int:
    """The seed of one scan of a list."""
    return (seed * 1_000_003 + place) % 2**31


def keep_in(
    folder: Path | None, *, weights_sha256: str, data_sha256: str, limit: int | None, smoothing: dict[str, Any]
) -> KeptLines | None:
    """The finished scans in a run folder; None without one. DataError where it holds another measurement."""
    if folder is None:
        return None
    header = {"weights": weights_sha256, "data": data_sha256, "limit": limit, "smoothing": smoothing}
    return KeptLines(folder / "certificates.jsonl", header=header)
