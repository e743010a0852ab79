"""What the attention page draws: plain, frozen values, all computed by `services.inspection`."""

from dataclasses import dataclass

from dashboard.services.results.common import AttackedPicture, AttackOutcome, MapView, ModelChoice, Picture, Reading

Pictures = tuple[Picture, ...]
"""The clean picture and, where there is one, the attacked; every map of a group is given for each, in this order."""


@dataclass(frozen=True, eq=False)
class Inspected:
    """One model with what it read: the clean scan and, after an attack on this model, what came of it."""

    clean: Reading
    outcome: AttackOutcome | None = None

    @property
    def model(self) -> ModelChoice:
        """The model."""
        return self.clean.model

    @property
    def attacked(self) -> AttackedPicture | None:
        """The attack on this very model."""
        return None if self.outcome is None else self.outcome.attacked

    @property
    def pictures(self) -> Pictures:
        """Clean, and attacked where there is such a picture."""
        clean = self.clean.picture
        return (clean,) if self.outcome is None else (clean, self.outcome.attacked.reading.picture)

    @property
    def with_noise(self) -> Pictures:
        """As `pictures`, with the noise control last."""
        return self.pictures if self.outcome is None else (*self.pictures, self.outcome.noise.reading.picture)


@dataclass(frozen=True, eq=False)
class MapGroup:
    """One kind of map of one model: a view for each picture, all on one scale."""

    key: str
    title: str
    meaning: str
    views: tuple[MapView, ...]


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of the channel attention: its weight in [0, 1] and its map, for each picture."""

    number: int
    weights: tuple[float, ...]
    maps: MapGroup


@dataclass(frozen=True)
class Alike:
    """How alike a map of the clean scan and one of a changed scan are.

    `correlation` is None where a map is flat; `overlap` is the share of the strongest tenth that both have.
    """

    correlation: float | None
    overlap: float


@dataclass(frozen=True)
class MapStability:
    """One map's stability under the attack, beside that under noise of the same size."""

    title: str
    attack: Alike
    noise: Alike


@dataclass(frozen=True)
class Stage:
    """Relative change of the features behind one stage of a network: under the attack and under noise."""

    key: str
    title: str
    attack: float
    noise: float


@dataclass(frozen=True)
class Randomised:
    """Likeness of a map to itself after the weights from the head down to `layer` were drawn anew; None if flat."""

    layer: str
    similarity: float | None


@dataclass(frozen=True)
class Pointing:
    """How often a map's strongest point lies on the drawn lesion of a synthetic phantom.

    `chance` is the score of a random place, `centre` that of the picture's centre: lesions are drawn where they occur.
    """

    map: str
    score: float
    interval: tuple[float, float]
    chance: float
    centre: float
    n: int


@dataclass(frozen=True)
class PointingScores:
    """One model's scores, with how many of the phantoms it read right, as (class, right, of how many).

    `current` says whether the weights that were scored are those on this server.
    """

    model: ModelChoice
    current: bool
    read_right: tuple[tuple[str, int, int], ...]
    rows: tuple[Pointing, ...]
