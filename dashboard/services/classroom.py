"""What a class computes: predictions, attacks and maps of samples, outside any visitor's session.

Samples only: nothing of a student's or of a patient's comes in here. Each call waits its turn in the server's queue.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2
import numpy as np

from dashboard.services.attacks import attack, checked
from dashboard.services.models import loaded, models
from dashboard.services.queue import turn
from dashboard.services.reading import reading_of, reading_of_scan
from dashboard.services.results.common import AttackChoice, AttackOutcome, ModelChoice, Picture, Reading
from dashboard.services.teaching import find_sample
from meddef_core.attacks import default_spec, run_attack
from meddef_core.baselines.compression import Jpeg
from meddef_core.baselines.defended import Defended, Transform
from meddef_core.baselines.median import MedianFilter
from meddef_core.baselines.squeezing import BitDepth
from meddef_core.errors import ModelError
from meddef_core.explanation import explain, shared_scale
from meddef_core.io.arrays import as_images, as_labels, as_picture
from meddef_core.prediction.prediction import predict
from meddef_core.report import tiles
from meddef_core.report.canvas import Rgb
from meddef_core.report.sheet import MapPair
from meddef_core.text import Text

MAPS = ("channel_attention", "gradcam")
"""Maps of a question about maps: the first of these that the model has."""

STEPS = 10


def model_of(task: str, name: str) -> ModelChoice:
    """The task's model of that name; raises ModelError where this server has none."""
    found = next((each for each in models(task) if each.id == f"{task}/{name}"), None)
    if found is None:
        raise ModelError(
            Text(
                "classroom.server-no",
                "This server has no model {name} for this kind of scan; restore assets/models.",
                name=repr(name),
            )
        )
    return found


def prediction(model: ModelChoice, sample: str) -> Reading:
    """The model's prediction for a sample."""
    with _turn():
        return reading_of_scan(model, find_sample(sample).load())


def prediction_of(picture: Picture, *, like: Reading) -> Reading:
    """The same model's prediction for another picture of the same scan."""
    with _turn():
        return reading_of(like.model, picture, like=like)


def attacked(clean: Reading, *, name: str, eps: float, steps: int = STEPS, seed: int = 0) -> AttackOutcome:
    """One attack on a predicted sample, measured on a fresh forward pass, and noise of the same size."""
    chosen = AttackChoice(attack=name, eps=eps, seed=seed, steps=None if name == "fgsm" else steps)
    spec, _ = checked(chosen, clean.model.id.partition("/")[0])
    with _turn():
        found = attack(clean, spec, lambda what, step, total: None)
    return replace(found, attacked=replace(found.attacked, iterates=None))


def maps(clean: Reading, pictures: tuple[Picture, ...]) -> tuple[Rgb, ...]:
    """One map of each picture over it, all on one scale, explaining the class of the clean scan."""
    subject = loaded(clean.model.id)
    target = subject.task.index(clean.label)
    with _turn():
        found = [explain(subject.network, as_images(picture), target=target) for picture in pictures]
    name = next(name for name in MAPS if name in found[0])
    scale = shared_scale(*(each[name] for each in found))
    info = found[0][name].info
    pair = MapPair(title=info.title, clean=found[0][name].upsampled(), attacked=None, scale=scale, signed=info.signed)
    return tuple(
        tiles.over_scan(each[name].upsampled(), picture, pair) for each, picture in zip(found, pictures, strict=True)
    )


# ---- a preprocessing defence ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class Filtered:
    """A model behind a preprocessing defence: what it predicts for the clean scan and for an attacked one."""

    clean: Reading
    attacked: Reading
    change: float
    """Mean change of a pixel of the clean scan by the defence, in [0, 1]: how much it blurs what a reader sees."""


def transform(kind: str, strength: int) -> Transform:
    """JPEG of a quality, a bit depth, or a median filter of a size; raises ModelError for what there is not."""
    makers: dict[str, Callable[[], Transform]] = {
        "jpeg": lambda: Jpeg(quality=strength),
        "bits": lambda: BitDepth(bits=strength),
        "median": lambda: MedianFilter(size=strength),
    }
    if kind not in makers:
        raise ModelError(
            Text(
                "classroom.there-no-such-preprocessing",
                "There is no such preprocessing; choose JPEG, bit depth or median.",
            )
        )
    return makers[kind]()


def filtered(clean: Reading, attacked_picture: Picture, *, kind: str, strength: int) -> Filtered:
    """Both pictures as the model predicts them behind the defence."""
    change = transform(kind, strength)
    with _turn():
        seen = [as_picture(change(as_images(picture))) for picture in (clean.picture, attacked_picture)]
        before, after = (reading_of(clean.model, picture, like=clean) for picture in seen)
    return Filtered(clean=before, attacked=after, change=float(abs(seen[0] - clean.picture).mean()))


def adaptive(clean: Reading, *, kind: str, strength: int, eps: float, seed: int = 0) -> tuple[Reading, float]:
    """PGD by somebody who knows the defence: what the defended model predicts then, and the largest change made.

    Where the defence has no gradient the attack passes it straight through (Athalye et al. 2018, section 4.1).
    """
    subject = loaded(clean.model.id)
    defended = Defended(subject.network, transform(kind, strength)).adaptive()
    label = as_labels(clean.classes.index(clean.label))
    with _turn():
        result = run_attack(
            defended, as_images(clean.picture), label, default_spec("pgd", eps=eps, steps=STEPS, seed=seed)
        )
        behind = replace(subject, network=defended)
        after = predict(behind, result.adversarial, like=clean.prediction)
    return Reading(clean.model, after, as_picture(result.adversarial)), float(result.linf[0])


# ---- pictures --------------------------------------------------------------------------------------------------------


def difference(clean: Picture, other: Picture, *, eps: float) -> Rgb:
    """What was added to the scan, amplified so that `eps` reaches the strongest colour."""
    return tiles.difference(clean, other, factor=tiles.amplification(eps))


def pixels_of(picture: Picture | Rgb) -> Rgb:
    """A grey picture in [0, 1], or an RGB one, as RGB."""
    return tiles.grey(picture.astype(np.float32)) if picture.ndim == 2 else picture.astype(np.uint8)


def png(picture: Picture | Rgb) -> bytes:
    """The same as a PNG file."""
    _, data = cv2.imencode(".png", cv2.cvtColor(pixels_of(picture), cv2.COLOR_RGB2BGR))
    return data.tobytes()


@contextmanager
def _turn() -> Iterator[None]:
    with turn(lambda place: None):
        yield
