"""The paper's adversarial training as written: three phases of epsilon, four attacks, a safety adjustment.

Where the paper leaves a choice open we took the plainest reading: the loss is (1 - w) times the mean over all images
of a batch, as they are, plus w times the mean over its attacked images; each attacked image is drawn one of the
attacks; these run on the network in eval mode, in fp32; and "safety adjustment when validation drops" is `caution`.
"""

from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from meddef_core.attacks import ATTACKS, AttackSpec, default_spec, get_attack, run_attack
from meddef_core.model.folded import folded
from meddef_core.training.objectives import LossOf, LossSettings

LEAST_CAUTION = 0.25
"""Epsilon and weight never fall below this share of what the phase asks for."""


class PaperSettings(BaseModel):
    """The paper's numbers (section on adversarial training); every one can be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    warm_up_epochs: int = Field(8, ge=0)
    aggressive_epochs: int = Field(15, ge=0)
    eps_first: float = Field(0.01, gt=0, le=0.5)
    eps_warm: float = Field(0.02, gt=0, le=0.5)
    """Reached linearly at the end of the warm-up."""
    eps_peak: float = Field(0.04, gt=0, le=0.5)
    """Reached quadratically at the end of the aggressive phase."""
    eps_last: float = Field(0.03, gt=0, le=0.5)
    """Of the stabilisation, the rest of the training."""
    weight_first: float = Field(0.2, ge=0, le=1)
    """Of the attacked images in the loss, through the warm-up."""
    weight_last: float = Field(0.5, ge=0, le=1)
    attacked_share: float = Field(0.35, gt=0, le=1)
    """Share of a batch that is attacked."""
    attacks: tuple[str, ...] = Field(("fgsm", "pgd", "bim", "jsma"), min_length=1)
    """Drawn from evenly; a name given twice is drawn twice as often."""
    steps: int = Field(40, ge=1)
    """Of PGD and BIM, and Jacobians of JSMA."""
    step_divisor: float = Field(6.0, ge=1)
    """The step is epsilon divided by this,"""
    step_cap: float = Field(0.003, gt=0)
    """but no more than this, in pixel units."""
    jsma_share: float = Field(0.14, gt=0, le=1)
    """Share of the pixels JSMA may change (the paper's gamma)."""
    jsma_theta: float = Field(0.1, gt=0, le=1)
    """Change of a pixel in one of its steps."""
    safety_drop: float = Field(0.05, ge=0, le=1)
    """Fall of the validation score below its best that calls for caution."""
    safety_factor: float = Field(0.5, gt=0, le=1)

    @field_validator("attacks")
    @classmethod
    def _usable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            info = ATTACKS.get(name)
            if info is None or info.norm == "l2" or info.needs_source or info.threat == "control":
                raise ValueError(f"{name!r} is no attack to train on; fgsm, pgd, bim and jsma are")
        return names


class Phase(NamedTuple):
    """What the schedule asks for at one moment."""

    eps: float
    weight: float
    """Of the attacked images in the loss."""


def phase(settings: PaperSettings, epoch: float, *, caution: float = 1.0) -> Phase:
    """The schedule after `epoch` epochs (a fraction within one), both numbers times `caution`."""
    eps, weight = settings.eps_last, settings.weight_last
    into_aggressive = epoch - settings.warm_up_epochs
    if into_aggressive < 0:
        share = epoch / settings.warm_up_epochs
        eps = settings.eps_first + (settings.eps_warm - settings.eps_first) * share
        weight = settings.weight_first
    elif into_aggressive < settings.aggressive_epochs:
        share = into_aggressive / settings.aggressive_epochs
        eps = settings.eps_warm + (settings.eps_peak - settings.eps_warm) * share**2
        weight = settings.weight_first + (settings.weight_last - settings.weight_first) * share
    return Phase(eps * caution, weight * caution)


def next_caution(before: float, settings: PaperSettings, *, score: float, best: float) -> float:
    """The safety adjustment: what epsilon and weight are multiplied by after a validation.

    The paper names it without a rule. Ours: while the score lies more than `safety_drop` below the best so far, every
    validation multiplies by `safety_factor`, down to `LEAST_CAUTION`; every other one takes one such factor back.
    """
    if score < best - settings.safety_drop:
        return max(LEAST_CAUTION, before * settings.safety_factor)
    return min(1.0, before / settings.safety_factor)


def make_paper_loss(
    settings: PaperSettings,
    x: Tensor,
    y: Tensor,
    *,
    inner: nn.Module,
    now: Phase,
    loss: LossSettings,
    generator: torch.Generator,
) -> LossOf:
    """Attack part of a batch; what comes back is the mixed loss as a function of the network.

    The network is left in training mode. Several processes each attack that share of their own part, so here their
    step is not, to the image, the one of a single process.
    """
    count = max(1, round(settings.attacked_share * len(x)))
    chosen = torch.randperm(len(x), generator=generator)[:count].to(x.device)
    drawn = torch.randint(len(settings.attacks), (count,), generator=generator).to(x.device)
    seed = int(torch.randint(2**31, (1,), generator=generator))
    target = folded(inner)
    attacked = x[chosen]
    for number, name in enumerate(settings.attacks):
        members = (drawn == number).nonzero().squeeze(1)
        if len(members):
            spec = spec_of(settings, name, eps=now.eps, seed=seed)
            attacked[members] = run_attack(target, attacked[members], y[chosen][members], spec).adversarial

    def mixed(network: nn.Module) -> Tensor:
        clean, other = network(torch.cat([x, attacked])).split([len(x), count])
        return (1 - now.weight) * loss(clean, y) + now.weight * loss(other, y[chosen])

    return mixed


def spec_of(settings: PaperSettings, name: str, *, eps: float, seed: int) -> AttackSpec:
    """An attack of the list as the paper trains with it."""
    info = get_attack(name)
    if info.norm == "l0":
        share, theta = settings.jsma_share, settings.jsma_theta
        return default_spec(name, eps=share, theta=theta, steps=settings.steps, seed=seed)
    if not info.iterative:
        return default_spec(name, eps=eps, seed=seed)
    step = min(eps / settings.step_divisor, settings.step_cap)
    return default_spec(name, eps=eps, steps=settings.steps, rel_step=step / eps, seed=seed)
