"""Every picture of a fetched file, decoded in the workers, and what a model says of each."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meddef_core.errors import ScanError
from meddef_core.io.arrays import as_picture
from meddef_core.prediction.prediction import Prediction, predict, prepare
from meddef_core.records import scan_facts
from meddef_core.scans import FrameError, Scan, read_scan_isolated
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel

MOST_FRAMES = 512
"""Frames of one volume that are predicted: no device of the tasks writes more."""

AHEAD = 2
"""Frames decoded while another is predicted."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PredictedFrame:
    """One picture of a file: `frame` from 1, None where the file holds only one, and the model's prediction for it."""

    frame: int | None
    prediction: Prediction
    facts: dict[str, Any]
    """What a record holds of the scan."""
    picture: NDArray[np.float32]
    """As the model sees it, `(224, 224)` in [0, 1]."""


def first_scan(data: bytes, *, cancelled: Callable[[], bool] | None = None) -> tuple[Scan, int]:
    """The first picture of a file, by which its header is judged, and how many there are; raises ScanError."""
    try:
        return read_scan_isolated(data, cancelled=cancelled), 1
    except FrameError as error:
        if error.frames > MOST_FRAMES:
            raise ScanError(
                Text(
                    "pacs.file-holds",
                    "The file holds {frames} frames and at most {most} are predicted; export fewer of them.",
                    frames=error.frames,
                    most=MOST_FRAMES,
                )
            ) from error
        return read_scan_isolated(data, frame=1, cancelled=cancelled), error.frames


def predict_every(
    model: LoadedModel,
    data: bytes,
    *,
    first: Scan,
    frames: int,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[PredictedFrame, ...]:
    """A prediction for each picture of a file, as `first_scan` has opened it.

    `on_frame(done, total)` hears of each. Raises ScanError where one cannot be read: a volume with a gap is no volume.
    """
    if frames == 1:
        return (_slice(model, first, frame=None),)
    found = []
    for number, scan in _scans(data, first=first, frames=frames, cancelled=cancelled):
        found.append(_slice(model, scan, frame=number))
        on_frame(number, frames)
    return tuple(found)


def _slice(model: LoadedModel, scan: Scan, *, frame: int | None) -> PredictedFrame:
    image = prepare(model, scan)
    return PredictedFrame(
        frame=frame,
        prediction=predict(model, image, scan=scan),
        facts=scan_facts(scan, frame=frame),
        picture=as_picture(image),
    )


def _scans(
    data: bytes, *, first: Scan, frames: int, cancelled: Callable[[], bool] | None
) -> Iterator[tuple[int, Scan]]:
    """Frames in their order; the next ones are decoded while the caller works on one."""
    yield 1, first
    waiting: deque[Future[Scan]] = deque()
    with ThreadPoolExecutor(AHEAD) as pool:
        try:
            for number in range(2, frames + 1):
                waiting.append(pool.submit(read_scan_isolated, data, frame=number, cancelled=cancelled))
                if len(waiting) > AHEAD:
                    yield number - AHEAD, waiting.popleft().result()
            for number in range(frames + 1 - len(waiting), frames + 1):
                yield number, waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
