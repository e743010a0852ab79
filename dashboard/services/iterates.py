"""The pictures an attack goes through, a bounded choice of them."""

import numpy as np

from dashboard.results import Iterates, Picture

MOST = 60
"""Pictures kept of one attack beside the clean one: 6 MB, however many steps it takes."""


class Album:
    """Takes every picture of an attack and keeps at most `most`, evenly chosen, of however many there come.

    When it is full every other one goes, and from then on only every second one is taken. The last picture is kept
    always, and so is the one that was marked.
    """

    def __init__(self, clean: Picture, *, most: int = MOST) -> None:
        self._most = most
        self._stride = 1
        self._kept: dict[int, np.ndarray] = {0: clean.astype(np.float16)}
        self._last: tuple[int, Picture] = (0, clean)
        self._marked: int | None = None

    def add(self, step: int, picture: Picture, *, mark: bool = False) -> None:
        """The picture `(224, 224)` of a step, counted from 1; the first one with `mark` stays whatever comes."""
        self._last = (step, picture)
        if mark and self._marked is None:
            self._marked = step
        if step % self._stride == 0 or step == self._marked:
            self._kept[step] = picture.astype(np.float16)
        while len(self._kept) > self._most - 1:  # with the clean one this leaves room for the marked and the last
            self._stride *= 2
            self._kept = {k: v for k, v in self._kept.items() if k % self._stride == 0 or k == self._marked}

    def iterates(self) -> Iterates:
        """What was kept, in order."""
        step, picture = self._last
        kept = {**self._kept, step: picture.astype(np.float16)}
        steps = sorted(kept)
        return Iterates(tuple(steps), np.stack([kept[step] for step in steps]))
