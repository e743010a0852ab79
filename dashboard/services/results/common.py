"""What pages draw: plain, frozen values. No tensor crosses from `services` into a page."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meddef_core.attacks import AttackSpec
from meddef_core.eps import Norm
from meddef_core.prediction import Abstention
from meddef_core.prediction.prediction import Prediction

Picture = NDArray[np.float32]
"""Grey `(224, 224)` in [0, 1]: what a model sees."""


@dataclass(frozen=True)
class ModelChoice:
    """A model that a page can offer.

    `studied` is one that exists to be compared with, an ablated or distilled network: no scan is read with it alone.
    `wrapped` is one behind a baseline's defence: it has no maps to explain it.
    """

    id: str
    title: str
    summary: str
    studied: bool = False
    wrapped: bool = False


@dataclass(frozen=True, eq=False)
class Reading:
    """One model's prediction for one picture. What a page shows of it is `shares`, never the raw softmax."""

    model: ModelChoice
    prediction: Prediction
    picture: Picture

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of the task, in the order of `shares`."""
        return self.prediction.classes

    @property
    def label(self) -> str:
        """The predicted class."""
        return self.prediction.label

    @property
    def shares(self) -> tuple[float, ...]:
        """The one probability of each class that every page and export shows."""
        return self.prediction.shares

    @property
    def probability(self) -> float:
        """The one probability of the predicted class."""
        return self.prediction.probability

    @property
    def abstained(self) -> Abstention | None:
        """Why the model abstains from this scan; None where it does not."""
        return self.prediction.abstained


@dataclass(frozen=True, eq=False)
class MapView:
    """One explanation map: its raw grid `(h, w)` and the same, smoothly enlarged to 224 x 224."""

    key: str
    title: str
    meaning: str
    signed: bool
    grid: NDArray[np.float32]
    smooth: Picture
    scale: tuple[float, float]


@dataclass(frozen=True)
class AttackOption:
    """What the form needs to know of an attack in the registry. `usual` is how it is usually run."""

    key: str
    title: str
    one_line: str
    citation: str
    threat: str
    norm: Norm
    iterative: bool
    needs_source: bool
    settings: frozenset[str]
    usual: AttackSpec

    @property
    def live(self) -> bool:
        """Whether it is quick enough to run again whenever a setting changes: a single step of its own."""
        return not self.iterative and not self.needs_source


@dataclass(frozen=True, kw_only=True)
class AttackChoice:
    """The form's answer, unchecked. `eps` is in the attack's own norm; a setting left None is the attack's own.

    `target` is a class name, or None for any other class; `source` the id of the model a transfer attack climbs.
    """

    attack: str
    eps: float
    seed: int = 0
    target: str | None = None
    source: str | None = None
    loss: str | None = None
    steps: int | None = None
    restarts: int | None = None
    samples: int | None = None
    search_steps: int | None = None
    theta: float | None = None


@dataclass(frozen=True)
class TracedStep:
    """One step of an attack: its loss and the model's output at that iterate.

    `probabilities` are the softmax, which a replay compares; pages show `shares`, the probabilities of `Reading`.
    """

    number: int
    loss: float
    probabilities: tuple[float, ...]
    shares: tuple[float, ...]
    success: int = 0
    """Pictures fooled so far: 1 once this one is."""


@dataclass(frozen=True, eq=False)
class Iterates:
    """Pictures that an attack went through: `pictures[i]` is that of `steps[i]`, and step 0 is the clean scan."""

    steps: tuple[int, ...]
    pictures: NDArray[np.float16]
    """`(n, 224, 224)`, in half precision: 1/2000 of the range, which no eye tells apart."""
    linf: tuple[float, ...]
    """Largest change of a pixel in each, measured before the rounding to half precision."""


@dataclass(frozen=True, eq=False)
class AttackedPicture:
    """One attack on one picture, measured. `reading` comes from a fresh forward pass of its picture.

    `eps` and `distance` are in `norm`: what was allowed, and how far the picture moved. `first_fooled` is the step that
    first fooled the model, 0 where the clean picture did already, None where none did.
    """

    title: str
    norm: Norm
    eps: float
    distance: float
    reading: Reading
    success: bool
    first_fooled: int | None
    linf: float
    l2: float
    psnr: float
    ssim: float
    pixels_changed: float
    inside_budget: bool
    steps: tuple[TracedStep, ...]
    seconds: float
    iterates: Iterates | None = None
    """What it went through; None for an attack of one step and for a control."""


@dataclass(frozen=True, eq=False)
class AttackOutcome:
    """Everything the laboratory found out about one model: clean, attacked, and noise of the same size and norm."""

    clean: Reading
    attacked: AttackedPicture
    noise: AttackedPicture

    @property
    def changed(self) -> bool:
        """Whether the attacked output names another class than the clean one."""
        return self.attacked.reading.label != self.clean.label

    @property
    def counts(self) -> bool:
        """Whether it may enter a tally: not on a scan from which the model abstains."""
        return self.clean.abstained is None


@dataclass(frozen=True, eq=False)
class LabResult:
    """One press of the button: the same scan and settings on each model. `fingerprint` names the scan.

    `spec` is the attack as it was run; `source` the model a transfer attack climbed.
    """

    fingerprint: str
    task: str
    option: AttackOption
    spec: AttackSpec
    source: ModelChoice | None
    outcomes: tuple[AttackOutcome, ...]

    @property
    def counted(self) -> tuple[AttackOutcome, ...]:
        """The outcomes that may enter a tally."""
        return tuple(outcome for outcome in self.outcomes if outcome.counts)
