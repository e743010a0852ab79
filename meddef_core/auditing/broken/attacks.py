"""Attack code that is broken; each is called as `run_attack` is."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from meddef_core.attacks import AttackResult, AttackSpec, measure, run_attack

DEVIATION = 0.25
"""Deviation by which images are normalised where epsilon is meant for those."""


def normalised_epsilon(model: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, **more: Any) -> AttackResult:
    """Attacks with an epsilon that is meant for normalised images."""
    return run_attack(model, x, y, replace(spec, eps=spec.eps * DEVIATION), **more)


def swallowing(model: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, **more: Any) -> AttackResult:
    """Takes whatever is raised for a failed attack, which leaves the images as they were."""
    try:
        return run_attack(model, x, y, spec, **more)
    except Exception:  # this is the flaw
        return clean_images(model, x, y, spec)


def clean_images(model: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, **more: Any) -> AttackResult:
    """Does nothing, and reports on that."""
    with torch.no_grad():
        logits = model(x)
    misread = logits.argmax(dim=1) != y
    return AttackResult(
        spec=spec,
        adversarial=x.clone(),
        success=misread,
        clean_logits=logits,
        adversarial_logits=logits,
        **measure(x, x)._asdict(),
        first_fooled=torch.where(misread, 0, -1),
        trace=(),
        cancelled=False,
    )
