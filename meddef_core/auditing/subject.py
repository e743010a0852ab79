"""What is audited, and how much work an audit does."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from meddef_core.attacks import AttackResult, run_attack

Harness = Callable[..., AttackResult]
"""Anything that is called as `run_attack` is: the attack code is under audit as much as the model."""


@dataclass(frozen=True, kw_only=True)
class AuditPlan:
    """How much work an audit does."""

    name: str
    images: int
    """Images to pick, spread over all classes."""
    steps: int
    """Steps of PGD; some checks double them."""
    queries: int
    """Queries of Square for each image."""
    decision_images: int
    """Images given to the decision-based attack."""
    decision_steps: int
    """Its steps, of several times `decision_samples` queries each."""
    decision_samples: int
    probes: int
    """Images whose gradient is compared with finite differences."""
    bypass_images: int
    """Images attacked with a module bypassed."""


QUICK = AuditPlan(
    name="quick",
    images=32,
    steps=10,
    queries=100,
    decision_images=4,
    decision_steps=3,
    decision_samples=50,
    probes=12,
    bypass_images=16,
)
FULL = AuditPlan(
    name="full",
    images=200,
    steps=40,
    queries=1000,
    decision_images=16,
    decision_steps=10,
    decision_samples=100,
    probes=16,
    bypass_images=100,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class AuditSubject:
    """What is audited."""

    network: nn.Module
    """Takes `(B, C, H, W)` in [0, 1], returns logits `(B, K)`."""
    x: Tensor
    """`(n, C, H, W)` in [0, 1], float32."""
    y: Tensor
    """`(n,)` int64."""
    classes: int
    """Classes the data have."""
    eps: float
    """L-infinity budget of the number under audit, in pixel units."""
    twin: nn.Module | None = None
    """The same task without the defence."""
    independent: nn.Module | None = None
    """Another model of the task, trained on its own."""
    harness: Harness = run_attack
    seed: int = 0

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """The network and those that it is compared with."""
        return tuple(each for each in (self.network, self.twin, self.independent) if each is not None)
