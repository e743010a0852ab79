"""The pictures an attack goes through, a bounded choice of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dashboard.services.results.common import Iterates, Picture

MOST = 60
"""Pictures kept of one attack, the clean one among them: 6 MB, however many steps it takes."""


class _Page(NamedTuple):
    picture: NDArray[np.float16]
    linf: float


class Album:
    """Takes every picture of an attack and keeps at most `most`, evenly chosen, of however many there come.

    When it is full every other one goes, and from then on only every second one is taken. The last picture is kept
    always, and so is the one that was marked.
    """

    def __init__(self, clean: Picture, *, most: int = MOST) -> None:
        self._clean = clean
        self._room = most - 2  # for the marked one and the last
        self._stride = 1
        self._last = 0, self._page(clean)
        self._kept = dict([self._last])
        self._marked: int | None = None

    def add(self, step: int, picture: Picture, *, mark: bool = False) -> None:
        """The picture `(224, 224)` of a step, counted from 1; the first one with `mark` stays whatever comes."""
        self._last = step, self._page(picture)
        if mark and self._marked is None:
            self._marked = step
        if step % self._stride == 0 or step == self._marked:
            self._kept[step] = self._last[1]
        while len(self._kept.keys() - {self._marked}) > self._room:
            self._stride *= 2
            self._kept = {at: page for at, page in self._kept.items() if at % self._stride == 0 or at == self._marked}

    def iterates(self) -> Iterates:
        """What was kept, in order."""
        pages = sorted([*self._kept.items(), self._last], key=lambda each: each[0])
        steps, kept = zip(*dict(pages).items(), strict=True)
        return Iterates(steps, np.stack([page.picture for page in kept]), tuple(page.linf for page in kept))

    def _page(self, picture: Picture) -> _Page:
        return _Page(picture.astype(np.float16), float(np.abs(picture - self._clean).max()))
