"""Small classifiers for the tests of attacks, and a way to see all that an attack may not leave behind."""

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from meddef_core.attacks import ATTACKS, AttackResult, AttackSpec, run_attack
from meddef_core.attacks.spec import OnStep


def small_net(
    *, channels: int = 1, classes: int = 4, seed: int = 0, dtype: torch.dtype = torch.float32
) -> nn.Sequential:
    """A convolutional net with batch norm and dropout, in eval mode, that finds every class among `scans`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(channels, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(32, classes),
        )
        net.eval()
        with torch.no_grad():
            logits = net(scans(32, channels=channels))
            net[-1].weight /= logits.std(dim=0)[:, None] / 2
            net[-1].bias -= net(scans(32, channels=channels)).mean(dim=0)
    return net.to(dtype)


class LinearNet(nn.Module):
    """Logits are W x + b: everything about its adversarial images is known in closed form."""

    def __init__(self, *, pixels: int, classes: int = 2, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(classes, pixels, generator=generator))
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight.T


class Recorder(nn.Module):
    """Passes on to `net` and remembers every batch of images it was asked about; may fail at one call."""

    def __init__(self, net: nn.Module, *, fail_at: int | None = None) -> None:
        super().__init__()
        self.net = net
        self.seen: list[Tensor] = []
        self.fail_at = fail_at
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        if len(self.seen) == self.fail_at:
            raise ZeroDivisionError("the model itself failed")
        return self.net(x)


def scans(
    n: int = 6, *, channels: int = 1, size: int = 16, seed: int = 1, dtype: torch.dtype = torch.float32
) -> Tensor:
    """`(n, channels, size, size)` in [0, 1], with some pixels at both ends of the range."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(n, channels, size, size, generator=generator, dtype=dtype) * 1.4 - 0.2).clamp(0, 1)


def state_of(model: nn.Module) -> dict[str, Any]:
    """All that must not change: values, gradients, flags, modes and hooks, by name."""
    state: dict[str, Any] = {f"value {k}": v.clone() for k, v in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        state[f"grad {name}"] = copy.deepcopy(parameter.grad)
        state[f"frozen {name}"] = not parameter.requires_grad
    for name, module in model.named_modules():
        state[f"mode {name}"] = module.training
        state[f"hooks {name}"] = [*module._forward_hooks, *module._forward_pre_hooks, *module._backward_hooks]
    return state


def assert_same_state(model: nn.Module, before: dict[str, Any]) -> None:
    after = state_of(model)
    assert after.keys() == before.keys()
    for key, value in before.items():
        same = torch.equal(value, after[key]) if isinstance(value, Tensor) else value == after[key]
        assert same, f"{key} changed"


BUDGETS = {"linf": 12 / 255, "l2": 0.6, "l0": 0.1}
"""A budget of each norm that moves the small net's logits about as much."""


def spec_of(name: str, /, **changes: Any) -> AttackSpec:
    """A quick spec; `changes` replace its fields."""
    spec = AttackSpec(name=name, eps=BUDGETS[ATTACKS[name].norm], steps=5, samples=4, search_steps=2)
    return dataclasses.replace(spec, **changes)


def attack(net: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, *, on_step: OnStep | None = None) -> AttackResult:
    """`run_attack`, with a source model for an attack that needs one: a sibling of the small net."""
    source = None
    if ATTACKS[spec.name].needs_source:
        classes = [module.out_features for module in net.modules() if isinstance(module, nn.Linear)][-1]
        with torch.inference_mode(False):  # a net made in inference mode could give no gradient
            source = sibling_net(channels=x.shape[1], classes=classes, dtype=x.dtype)
    return run_attack(net, x, y, spec, source=source, on_step=on_step)


def sibling_net(
    *, channels: int = 1, classes: int = 4, seed: int = 0, dtype: torch.dtype = torch.float32
) -> nn.Sequential:
    """The small net of that seed, every weight moved: as alike as nets trained for one task, unlike two random nets."""
    net = small_net(channels=channels, classes=classes, seed=seed)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in net.parameters():
            if weight.ndim > 1:
                weight += 0.3 * weight.std() * torch.randn(weight.shape, generator=generator)
    return net.to(dtype)


def own_labels(net: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return net(x).argmax(dim=1)
