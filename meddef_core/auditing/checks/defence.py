"""Whether a module of the DAAM only hides gradients: bypassed in the backward pass, it must not be easier to break.

A backward pass differentiable approximation (Athalye, Carlini and Wagner 2018, Obfuscated gradients give a false sense
of security, arXiv:1802.00420, section 4.1) with the identity in the module's place. The value stays the same exactly.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from meddef_core.auditing.bench import Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, failed, passed
from meddef_core.model import MedDef

TITLES = {
    "afd": "AFD",
    "mfe": "MFE",
    "msf": "MSF",
    "attention": "the self-attention",
    "omega": "the channel attention",
}
"""Modules that can be bypassed."""


class _StandIn(torch.autograd.Function):
    """Forward `value`; backward as if it had been `stand_in`, of the same shape."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, stand_in: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, gradients[0]


def bypassed(network: MedDef, module: str) -> MedDef:
    """A copy with the same logits, bit by bit, whose gradient takes a module of `TITLES` for the identity.

    AFD, MFE and MSF pass on their input; the self-attention passes on the mean over positions of its input, since its
    output is one vector; the channel attention is taken for all ones.
    """
    other = copy.deepcopy(network)
    daam = other.daam
    if getattr(other if module == "attention" else daam, module, None) is None:
        raise ValueError(f"this network has no module {module!r} to bypass")
    if module == "attention":
        assert other.attention is not None
        other.attention.register_forward_hook(lambda _, given, out: (_swap(out[0], given[0].mean(dim=(2, 3))), out[1]))
        return other
    assert daam is not None
    if module == "omega":
        fused: list[Tensor] = []
        daam.omega.register_forward_hook(lambda _, given, out: fused.append(given[0]))
        daam.register_forward_hook(lambda _, given, out: (_swap(out[0], given[0] + fused.pop()), out[1]))
    else:
        getattr(daam, module).register_forward_hook(lambda _, given, out: (_swap(out[0], given[0]), *out[1:]))
    return other


def _swap(value: Tensor, stand_in: Tensor) -> Tensor:
    swapped: Tensor = _StandIn.apply(value.detach(), stand_in)
    return swapped


def bypass(bench: Bench, *, module: str) -> CheckOutcome:
    """Images that PGD breaks through the bypassed copy, and no white-box run did."""
    assert isinstance(bench.fast, MedDef)
    index = bench.some(bench.hardest, bench.plan.bypass_images)
    run = bench.count(bench.run(bypassed(bench.fast, module), bench.spec("pgd", stop_when_fooled=True), index=index))
    extra = int(run.fooled.sum())
    words = f"With {TITLES[module]} bypassed in the backward pass, PGD breaks {extra} more of {len(index)} images"
    if extra > bench.tolerance:
        return failed(bench.severity(extra), f"{words}: it hides gradients.", extra=extra, asked=len(index))
    return passed(f"{words}.", extra=extra, asked=len(index))


def _check(module: str, need: str) -> Check:
    run: Callable[[Bench], CheckOutcome] = partial(bypass, module=module)
    name = TITLES[module]
    return Check(
        group="defence",
        name=f"bypass_{module}",
        title=f"{name[0].upper()}{name[1:]} hides no gradient",
        severity="red",
        run=run,
        needs=(need,),
        raised_if=f"Raised if PGD breaks more images once the gradient goes past {name}.",
    )


ORDER = 90
CHECKS = (
    _check("afd", "afd"),
    _check("mfe", "mfe"),
    _check("msf", "msf"),
    _check("attention", "attention"),
    _check("omega", "daam"),
)
