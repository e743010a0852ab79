"""For every check of the audit a case that it must fail: a model, attack code or images with just that flaw."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from audit_nets import honest
from torch import Tensor, nn

from meddef_core.attacks import AttackResult, AttackSpec, run_attack
from meddef_core.auditing.broken.defences import BROKEN
from meddef_core.auditing.broken.nets import Detached, Quantiser, SaturatedLogits, Wrapper
from meddef_core.auditing.checks.defence import TITLES
from meddef_core.model import MedDef


def _harness(change: Callable[[AttackSpec], AttackSpec]) -> Callable[..., AttackResult]:
    return lambda model, x, y, spec, **more: run_attack(model, x, y, change(spec), **more)


def _timid(spec: AttackSpec) -> AttackSpec:
    """PGD whose usual step is far too small."""
    return replace(spec, rel_step=spec.rel_step or 0.02)


def _hasty(spec: AttackSpec) -> AttackSpec:
    """PGD that stops after half of the steps, and does not get far in them."""
    return replace(spec, steps=max(1, spec.steps // 8), rel_step=1.0) if spec.name == "pgd" else spec


def _other_epsilon(spec: AttackSpec) -> AttackSpec:
    return replace(spec, eps=spec.eps if spec.eps > 0 else 0.1)


def _shrinking(spec: AttackSpec) -> AttackSpec:
    """An attack that gets lazier the larger its budget."""
    return replace(spec, eps=min(spec.eps, 0.0003 / max(spec.eps, 1e-9)))


def _unlucky(spec: AttackSpec) -> AttackSpec:
    """Works from some seeds only."""
    return spec if spec.seed else replace(spec, steps=1, rel_step=1e-3)


class SelfAdapting(Wrapper):
    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = x.detach().clone().requires_grad_()
            (gradient,) = torch.autograd.grad(super().forward(leaf).logsumexp(dim=1).sum(), leaf)
        return super().forward(x - 0.001 * gradient.sign())


class SwallowsNaN(Wrapper):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.nan_to_num())


class OneMore(Wrapper):
    def forward(self, x: Tensor) -> Tensor:
        return F.pad(super().forward(x), (0, 1), value=-50.0)


class GoesBack(Wrapper):
    """Fooled in a shell of the ball only: iterates pass through it."""

    def forward(self, x: Tensor) -> Tensor:
        moved = (x * 255 - (x * 255).round()).abs().flatten(1).mean(dim=1).detach()
        wrong = (moved > 0.2) & (moved < 0.3)
        logits = super().forward(x)
        return torch.where(wrong[:, None], logits.roll(1, dims=1), logits)


class Edgy(Wrapper):
    """Right on clean images, and on the noise around them wrong."""

    def forward(self, x: Tensor) -> Tensor:
        off = (x * 255 - (x * 255).round()).abs().flatten(1).amax(dim=1) > 0.1
        logits = super().forward(x)
        return torch.where(off[:, None], logits.roll(1, dims=1), logits)


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return -300 * gradients[0]


def misleading(module: str) -> MedDef:
    """MedDef with a module whose gradient points the wrong way, strongly enough to decide."""
    network = copy.deepcopy(honest("meddef").network)
    assert isinstance(network, MedDef) and network.daam is not None
    part = network.attention if module == "attention" else getattr(network.daam, module)
    assert isinstance(part, nn.Module)

    def reverse(_: nn.Module, given: Any, out: Any) -> Any:
        return (_Reverse.apply(out[0]), *out[1:]) if isinstance(out, tuple) else _Reverse.apply(out)

    part.register_forward_hook(reverse)
    return network


def shut() -> MedDef:
    network = copy.deepcopy(honest("meddef").network)
    assert isinstance(network, MedDef) and network.daam is not None and network.daam.afd is not None
    assert network.daam.afd.conv2.bias is not None
    network.daam.afd.conv2.bias.fill_(-20.0)
    return network


class Case(NamedTuple):
    """A subject at which a check must fail: of "grey" unless told, with these fields changed."""

    change: Callable[[], dict[str, Any]]
    base: str = "grey"


def _around(wrap: Callable[[nn.Module], nn.Module], **changes: Any) -> Case:
    return Case(lambda: {"network": wrap(honest("grey").network), **changes})


def _broken(name: str) -> Case:
    broken = BROKEN[name]
    return _around(broken.build, harness=broken.harness)


def _with(change: Callable[[AttackSpec], AttackSpec], **changes: Any) -> Case:
    return Case(lambda: {"harness": _harness(change), **changes})


def _with_other(role: str) -> Case:
    """A quantiser, which hides the gradient, beside the network in it, which does not."""
    return Case(lambda: {"network": Quantiser(honest("grey").network), role: honest("grey").network})


def _misled(module: str) -> Case:
    return Case(lambda: {"network": misleading(module)}, base="meddef")


def _few(name: str, images: int) -> dict[str, Any]:
    return {"x": honest(name).x[:images], "y": honest(name).y[:images]}


TABLE: dict[str, Case] = {
    "eval_mode": Case(lambda: {"network": copy.deepcopy(honest("grey").network).train()}),
    "batch_neighbours": _broken("batch_neighbours"),
    "forwards_agree": _broken("noisy_logits"),
    "no_hidden_gradients": _around(SelfAdapting),
    "outputs_logits": _broken("probabilities"),
    "class_count": _around(OneMore),
    "pixel_range": _broken("normalised_inputs"),
    "better_than_guessing": _broken("constant"),
    "errors_show": _broken("nan_under_attack"),
    "nan_propagates": _around(SwallowsNaN),
    "harness_tells_errors": _broken("swallowed_exception"),
    "epsilon_zero": _with(_other_epsilon),
    "pixel_budget": _broken("normalised_epsilon"),
    "gradient_present": _broken("quantiser"),
    "softmax_open": _broken("saturated_logits"),
    "finite_differences": _broken("wrong_gradient"),
    "no_jumps": _broken("k_winners"),
    "noise_stability": _around(Edgy),
    "nearby_gradients": _broken("rippled"),
    "open_gates": Case(lambda: {"network": shut()}, base="meddef"),
    "stronger_than_fgsm": _with(_timid),
    "falls_with_epsilon": _with(_shrinking),
    "reaches_zero": _broken("quantiser"),
    "several_classes": _broken("constant"),
    "beats_noise": _broken("clean_images"),
    "more_steps": _with(_hasty, eps=4 / 255),
    "more_restarts": _with(_unlucky),
    "other_loss": _around(SaturatedLogits),
    "step_sizes": _with(_timid),
    "last_iterate": _around(GoesBack),
    "square": _around(Detached, eps=6 / 255),
    "decision": _around(Detached, eps=24 / 255),
    "transfer_twin": _with_other("twin"),
    "transfer_independent": _with_other("independent"),
    "known_optimum": _broken("clean_images"),
    "other_implementation": _broken("clean_images"),
    "twin_falls": Case(lambda: {"twin": honest("robust").network, "harness": BROKEN["clean_images"].harness}),
    "seeds_agree": _with(_unlucky),
    "better_than_twin": Case(lambda: {"twin": honest("grey").network, **_few("robust", 8)}, base="robust"),
    "enough_images": Case(lambda: _few("grey", 4)),
    **{f"bypass_{module}": _misled(module) for module in TITLES},
}
