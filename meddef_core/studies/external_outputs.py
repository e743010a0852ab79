"""What a model gave for the scans of a source, in parts that are joined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import DataError
from meddef_core.prediction.gaussian import Array
from meddef_core.text import Text


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network gave for the scans as they are, or attacked: statistics by name, and logits `(n, K)`."""

    statistics: Mapping[str, Array]
    logits: Array


@dataclass(frozen=True, eq=False)
class ScanOutputs:
    """The scans that could be read, `(n,)` each, and what the model gave for them.

    `places` are those among the source's entries; `refused` are those that a check of header or image refuses,
    `digests` of the files' bytes.
    """

    places: NDArray[np.int64]
    labels: NDArray[np.int64]
    refused: NDArray[np.bool_]
    digests: tuple[str, ...]
    clean: Answers
    attacked: Answers | None
    problems: tuple[tuple[str, str], ...]
    """Files that could not be read: name and reason."""


def joined_seen(parts: Sequence[ScanOutputs], *, total: int) -> ScanOutputs:
    """Parts of a source in their order; raises DataError where not a single one of the `total` files could be read."""
    problems = tuple(problem for part in parts for problem in part.problems)
    read = [part for part in parts if len(part.labels)]
    if not read:
        raise DataError(
            Text(
                "studies.none-readable",
                "None of the {count} files can be read; the first one: {reason}",
                count=total,
                reason=problems[0][1],
            )
        )
    attacks = [part.attacked for part in read if part.attacked is not None]
    return ScanOutputs(
        places=np.concatenate([part.places for part in read]),
        labels=np.concatenate([part.labels for part in read]),
        refused=np.concatenate([part.refused for part in read]),
        digests=tuple(digest for part in read for digest in part.digests),
        clean=_joined([part.clean for part in read]),
        attacked=_joined(attacks) if attacks else None,
        problems=problems,
    )


def _joined(parts: Sequence[Answers]) -> Answers:
    statistics = {name: np.concatenate([part.statistics[name] for part in parts]) for name in parts[0].statistics}
    return Answers(statistics, np.concatenate([part.logits for part in parts]))
