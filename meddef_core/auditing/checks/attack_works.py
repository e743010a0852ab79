"""Whether the attack code, whatever the model, finds what is known to be there."""

import torch
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec
from meddef_core.auditing.bench import Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, failed, overstated, passed
from meddef_core.text import Text

KNOWN_EPS = 8 / 255
"""Epsilon at which every undefended network of this kind falls; at 4/255 one trained with augmentation may not."""


class SignSum(nn.Module):
    """Logits (0, s . (x - 1/2)) with s of signs: the smallest change that fools is known exactly."""

    signs: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("signs", torch.randint(0, 2, shape, generator=generator) * 2.0 - 1)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        score = ((x - 0.5) * self.signs).flatten(1).mean(dim=1)
        return torch.stack([torch.zeros_like(score), score], dim=1)


def known_optimum(bench: Bench) -> CheckOutcome:
    """The harness on a linear model and images at known distances from its boundary."""
    eps = min(bench.subject.eps, 0.25)
    model = SignSum((bench.x.shape[1], 16, 16))
    # Distances to the boundary, as shares of epsilon; none so near 1 that rounding would decide.
    share = torch.cat([torch.linspace(0.05, 0.95, 10), torch.linspace(1.05, 1.95, 10)])
    share = torch.cat([share, -share])
    x = 0.5 + (share * eps).view(-1, 1, 1, 1) * model.signs
    spec = AttackSpec(name="pgd", eps=eps, steps=bench.plan.steps)
    result = bench.subject.harness(model, x, (share > 0).long(), spec)
    within = share.abs() < 1
    found, phantom = int((result.success & within).sum()), int((result.success & ~within).sum())
    words = f"On a linear model the attack breaks {found} of {int(within.sum())} images that can be broken"
    figures = {"found": found, "possible": int(within.sum()), "impossible": phantom}
    if phantom:
        return failed("red", f"{words}, and {phantom} that cannot: it exceeds epsilon.", **figures)
    if found < int(within.sum()):
        return overstated("red", f"{words}: the attack code itself is too weak.", **figures)
    return passed(f"{words}, and none other.", **figures)


def twin_falls(bench: Bench) -> CheckOutcome:
    """The harness on the undefended counterpart at 8/255."""
    twin = bench.subject.twin
    assert twin is not None
    index = bench.some(torch.arange(len(bench)), bench.plan.bypass_images)
    with torch.no_grad():
        index = index[twin(bench.x[index]).argmax(dim=1) == bench.y[index]]
    spec = bench.spec("pgd", eps=KNOWN_EPS, stop_when_fooled=True, steps=2 * bench.plan.steps)
    run = bench.run(twin, spec, index=index)
    left = int((~run.fooled).sum())
    words = f"At 8/255, {left} of {len(index)} images are robust on the undefended counterpart"
    figures = {"left": left, "n": len(index)}
    if left > max(1, len(index) // 8):
        return overstated(bench.severity(left), f"{words}: the attack fails where it must succeed.", **figures)
    return passed(f"{words}.", **figures)


ORDER = 50
CHECKS = (
    Check(
        group="attack",
        name="known_optimum",
        title=Text("audit.finds-known", "Finds a known optimum"),
        severity="red",
        run=known_optimum,
        raised_if="Raised if the attack misses images of a linear model whose smallest fooling change is known.",
    ),
    Check(
        group="attack",
        name="twin_falls",
        title=Text("audit.undefended-counterpart", "Undefended counterpart falls"),
        severity="red",
        run=twin_falls,
        needs=("twin",),
        raised_if="Raised if the same attack code leaves over an eighth of the counterpart's images at 8/255.",
    ),
)
