"""What the laboratory finds out beyond one attack at one budget: plain, frozen values."""

from dataclasses import dataclass

from dashboard.services.results.common import ModelChoice, Picture, Reading


@dataclass(frozen=True, eq=False)
class BudgetPoint:
    """The strongest picture found within one budget, and random noise of that size beside it."""

    eps: float
    attacked: Reading
    noise: Reading
    margin: float
    """log(probability of the clean output's class / that of the best other one): below 0 the output has changed."""


@dataclass(frozen=True, eq=False)
class BudgetCurve:
    """One model against growing budgets. `points` start with epsilon 0, the clean scan."""

    clean: Reading
    points: tuple[BudgetPoint, ...]

    @property
    def flips_at(self) -> float | None:
        """The smallest budget of the sweep within which the output changed; None where none did."""
        return next((point.eps for point in self.points if point.attacked.label != self.clean.label), None)

    @property
    def noise_flips_at(self) -> float | None:
        """The same for the noise control."""
        return next((point.eps for point in self.points if point.noise.label != self.clean.label), None)


@dataclass(frozen=True, eq=False)
class Smallest:
    """The smallest change found that alters one model's output, an upper bound; `eps` None where none did up to `high`.

    `withstood` is the largest budget below it at which this attack failed. `attacks` were run to find out.
    """

    clean: Reading
    high: float
    eps: float | None
    withstood: float
    attacks: int
    attacked: Reading | None
    noise: Reading
    """Random noise of the size that sufficed, or of `high`."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One model's adversarial picture shown to every model of the comparison, in its order."""

    made_on: ModelChoice
    """The model whose attack ended in this picture."""
    picture: Picture
    readings: tuple[Reading, ...]
    changed: tuple[bool, ...]
    """Whether each model says something else of it than of the clean scan."""


@dataclass(frozen=True)
class Trust:
    """What an audit says of a model's robustness numbers. `verdict` is "green", "amber", "red", or "none"."""

    verdict: str
    meaning: str
    reasons: tuple[str, ...] = ()
    n: int = 0
    eps: float = 0.0
    robust: int = 0
    """Of `n` scans, those robust at `eps` to every attack of the audit."""
