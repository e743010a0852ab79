"""Every slice of a volume predicted, a few in one pass, and what they say together."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch

from meddef_core.errors import ScanError
from meddef_core.prediction.files import fitted_for
from meddef_core.prediction.operating import HEALTHY
from meddef_core.prediction.prediction import Prediction, predict_batch, prepare
from meddef_core.prediction.volume_rule import VolumeDecision, judge
from meddef_core.scans import Scan, Volume
from meddef_core.zoo import LoadedModel

BATCH = 8
"""Slices in one pass: more are no faster, and take more memory."""

VOLUME_TASKS = ("oct",)
"""Tasks whose scans come as slices of one organ. Frames of another kind are predicted one by one, and that is all."""


@dataclass(frozen=True, kw_only=True)
class SlicePrediction:
    """What came of one slice: a `prediction`, in which the model may abstain, or the `problem` in one sentence."""

    number: int
    """Place in the volume, from 1."""
    frame: int | None
    """Frame of its file, from 1."""
    prediction: Prediction | None = None
    problem: str | None = None
    notes: tuple[str, ...] = ()
    digest: str | None = None
    """SHA-256 of the file that it was read from."""
    short_id: str | None = None

    @property
    def output(self) -> Prediction | None:
        """The prediction, where the model does not abstain."""
        return None if self.prediction is None or self.prediction.abstained else self.prediction

    @property
    def remarks(self) -> str:
        """Why there is no output or why it is doubtful, and what was assumed while reading."""
        said = None if self.prediction is None else self.prediction.sentence
        return self.problem or " ".join((*([] if said is None else [said]), *self.notes))


@dataclass(frozen=True, eq=False, kw_only=True)
class VolumePrediction:
    """What one model says about a volume. `verdict` is None where no rule can be made of what was fitted."""

    model: str
    classes: tuple[str, ...]
    slices: tuple[SlicePrediction, ...]
    verdict: VolumeDecision | None = field(default=None)

    @property
    def findings(self) -> tuple[str, ...]:
        """Classes other than the healthy one."""
        return tuple(name for name in self.classes if name != HEALTHY)

    def strongest(self, label: str) -> SlicePrediction | None:
        """The slice whose output gives a class the highest probability; None where the model abstains from all."""
        index = self.classes.index(label)
        shown = [each for each in self.slices if each.output is not None]
        return max(shown, key=lambda each: each.output.shares[index] if each.output else 0.0, default=None)


def predict_volume(
    model: LoadedModel,
    volume: Volume,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    on_slice: Callable[[int, Scan], None] | None = None,
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    cancelled: Callable[[], bool] | None = None,
) -> VolumePrediction:
    """Predict every slice; each has the result that it has as a scan by itself.

    `on_progress` hears (done, of), `on_slice` every number (from 1) with its decoded scan, of which nothing else is
    kept. `turn` is held while the model works. Raises CancelledError where `cancelled` says so, ScanError where a file
    costs too much to decode, and ModelError where the model itself fails.
    """
    rows: list[SlicePrediction] = []
    for batch in _batches(volume, cancelled):
        if on_slice is not None:
            for number, scan in batch:
                if isinstance(scan, Scan):
                    on_slice(number, scan)
        with turn():
            rows += _rows(model, volume, batch)
        if on_progress is not None:
            on_progress(len(rows), len(volume))
    fitted = fitted_for(model) if model.task.key in VOLUME_TASKS else None
    verdict = None if fitted is None else judge({row.number: row.prediction for row in rows}, fitted)
    return VolumePrediction(
        model=model.card.key, classes=tuple(model.task.classes), slices=tuple(rows), verdict=verdict
    )


def _batches(volume: Volume, cancelled: Callable[[], bool] | None) -> Iterator[list[tuple[int, Scan | ScanError]]]:
    batch: list[tuple[int, Scan | ScanError]] = []
    for number, scan in enumerate(volume.scans(cancelled=cancelled), start=1):
        batch.append((number, scan))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _rows(model: LoadedModel, volume: Volume, batch: list[tuple[int, Scan | ScanError]]) -> Iterator[SlicePrediction]:
    scans = [scan for _, scan in batch if isinstance(scan, Scan)]
    predictions: Iterator[Prediction] = iter(())
    if scans:
        predictions = iter(predict_batch(model, torch.cat([prepare(model, scan) for scan in scans]), scans))
    for number, scan in batch:
        frame = volume.place(number).frame
        if isinstance(scan, ScanError):
            yield SlicePrediction(number=number, frame=frame, problem=str(scan))
        else:
            yield SlicePrediction(
                number=number, frame=frame, prediction=next(predictions), notes=scan.warnings, digest=scan.digest,
                short_id=scan.short_id,
            )  # fmt: skip
