"""What pages draw: plain, frozen values. No tensor crosses from `services` into a page."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""Grey `(224, 224)` in [0, 1]: what a model sees."""


@dataclass(frozen=True)
class ModelChoice:
    """A trained model that a page can offer."""

    id: str
    title: str
    summary: str
    defended: bool


@dataclass(frozen=True, eq=False)
class Reading:
    """One model's output for one picture. `probabilities` are in the order of `classes`."""

    model: ModelChoice
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    label: str
    picture: Picture

    @property
    def probability(self) -> float:
        """Probability of the class named by `label`."""
        return self.probabilities[self.classes.index(self.label)]


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
    """What the form needs to know of an attack in the registry."""

    key: str
    title: str
    one_line: str
    citation: str
    threat: str
    iterative: bool
    settings: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class AttackChoice:
    """The form's answer. `eps` is an L-inf budget in pixel units [0, 1]; `target` a class name or None."""

    attack: str
    eps: float
    steps: int
    loss: str
    target: str | None
    restarts: int
    seed: int


@dataclass(frozen=True)
class Step:
    """One step of an attack: its loss and the model's probabilities at that iterate."""

    number: int
    loss: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Attacked:
    """One attack on one picture, measured. `label` comes from a fresh forward pass of `picture`."""

    title: str
    eps: float
    reading: Reading
    success: bool
    linf: float
    l2: float
    psnr: float
    ssim: float
    pixels_changed: float
    inside_budget: bool
    steps: tuple[Step, ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """Everything the laboratory found out about one model: clean, attacked, and noise of the same size."""

    clean: Reading
    attacked: Attacked
    noise: Attacked

    @property
    def changed(self) -> bool:
        """Whether the attacked output names another class than the clean one."""
        return self.attacked.reading.label != self.clean.label


@dataclass(frozen=True, eq=False)
class LabResult:
    """One press of the button: the same scan and settings on each model. `fingerprint` names the scan."""

    fingerprint: str
    task: str
    choice: AttackChoice
    option: AttackOption
    outcomes: tuple[Outcome, ...]
