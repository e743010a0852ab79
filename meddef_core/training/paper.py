"""The paper's adversarial training as written: three phases of epsilon, four attacks, a safety adjustment.

Where the paper leaves a choice open we took the plainest reading: the loss is (1 - w) times the mean over all images
of a batch, as they are, plus w times the mean over its attacked images; each attacked image is drawn one of the
attacks; these run on the network in eval mode, in fp32; and "safety adjustment when validation drops" is `caution`.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, default_spec, get_attack, run_attack
from meddef_core.model.folded import folded
from meddef_core.training.losses import LossOf, LossSettings
from meddef_core.training.settings import PaperSettings

LEAST_CAUTION = 0.25
"""Epsilon and weight never fall below this share of what the phase asks for."""


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
