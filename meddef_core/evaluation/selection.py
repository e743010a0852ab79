"""Which scans of a list a quick look or an expensive attack takes: the same ones every time, wherever they stand."""

import hashlib
from collections import Counter

import numpy as np

from meddef_core.data.images import Images
from meddef_core.errors import DataError
from meddef_core.text import Text


def few_of(images: Images, count: int, *, salt: str) -> tuple[int, ...]:
    """Positions, ascending, of the `count` images with the smallest hash of `salt` and their pixels; all if fewer."""
    ranked = sorted(range(len(images)), key=lambda position: (_hash(images, position, salt=salt), position))
    return tuple(sorted(ranked[:count]))


def some_of_each_class(images: Images, limit: int) -> tuple[int, ...]:
    """Positions, ascending, of `limit` images with as many of each class as there are, chosen by hash as `few_of`.

    A smaller limit takes a part of what a larger one takes. Raises DataError if a class is left without an image.
    """
    labels = images.labels.tolist()
    if limit < len(set(labels)):
        raise DataError(
            Text(
                "evaluation.too-few-images",
                "{limit} images cannot show {count} classes; allow at least one of each.",
                limit=limit,
                count=len(set(labels)),
            )
        )
    if limit >= len(images):
        return tuple(range(len(images)))
    seen: Counter[int] = Counter()
    turns = []
    hashes = [_hash(images, position, salt="limit") for position in range(len(images))]
    for position in sorted(range(len(images)), key=lambda position: (hashes[position], position)):
        label = labels[position]
        turns.append((seen[label], label, position))
        seen[label] += 1
    return tuple(sorted(position for _, _, position in sorted(turns)[:limit]))


def take(images: Images, positions: tuple[int, ...]) -> Images:
    """The images at these positions, as a list of their own."""
    index = np.array(positions, dtype=np.int64)
    return Images(images.stored[index], images.labels[index], tuple(images.items[position] for position in positions))


def _hash(images: Images, position: int, *, salt: str) -> str:
    pixels = np.ascontiguousarray(images.stored[position]).tobytes()
    return hashlib.sha256(salt.encode() + b"\n" + pixels).hexdigest()
