"""Whether the attack code does what it says: stops on faults, changes nothing for nothing, and uses its budget."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from meddef_core.auditing.bench import Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, failed, overstated, passed
from meddef_core.text import Text


def harness_tells_errors(bench: Bench) -> CheckOutcome:
    """The harness on models that raise, or turn NaN, once the attack is under way: it must not carry on."""
    faults = {"raises": _Raises(bench.fast), "returns NaN": _TurnsNaN(bench.fast)}
    hidden = [name for name, model in faults.items() if not _refuses(bench, model)]
    if hidden:
        return failed(
            "red",
            f"The attack goes on with a model that {hidden[0]} as if nothing had happened: images that could "
            "not be attacked would count as robust.",
            hidden=len(hidden),
        )
    return passed(Text("audit.attack-stops", "The attack stops when the model raises or returns NaN."), hidden=0)


class _Raises(nn.Module):
    """Fails as soon as a gradient is wanted."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            raise ZeroDivisionError("a fault planted by the audit")
        logits: Tensor = self.network(x)
        return logits


class _TurnsNaN(_Raises):
    """Returns NaN as soon as a gradient is wanted."""

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits * torch.nan if x.requires_grad else logits


def _refuses(bench: Bench, model: nn.Module) -> bool:
    with _any_error() as raised:
        bench.run(model, bench.spec("pgd", steps=1), index=torch.arange(1))
    return bool(raised)


@contextmanager
def _any_error() -> Iterator[list[Exception]]:
    raised: list[Exception] = []
    try:
        yield raised
    except Exception as error:  # a harness may turn the planted fault into any error of its own
        raised.append(error)


def epsilon_zero(bench: Bench) -> CheckOutcome:
    """The harness with no budget against the clean images."""
    run = bench.attack("pgd", index=torch.arange(len(bench)), eps=0.0, steps=1)
    differing = int((run.logits.argmax(dim=1) != bench.logits.argmax(dim=1)).sum())
    if differing:
        return failed(
            "red",
            f"With an epsilon of 0 the attack changes {differing} of {len(bench)} predictions.",
            differing=differing,
        )
    return passed(
        Text("audit.epsilon-0", "With an epsilon of 0 every prediction is as without an attack."), differing=0
    )


def pixel_budget(bench: Bench) -> CheckOutcome:
    """The largest change that was made against epsilon."""
    run, eps = bench.base, bench.subject.eps
    if len(run.index) == 0:
        return failed("red", "No image is read rightly, so there is nothing to attack.", largest_change=0.0, eps=eps)
    moved = float(run.moved.max())
    figures = {"largest_change": moved, "eps": eps}
    if moved > 1.01 * eps + 1e-6 or moved < 0.99 * eps:
        words, flaw = ("less", overstated) if moved < eps else ("more", failed)
        return flaw(
            "red",
            f"The attack moves pixels by at most {moved:.4f}, {words} than the epsilon of {eps:.4f} that is "
            "claimed: its epsilon is not in pixel units, or it does not use it.",
            **figures,
        )
    return passed(f"The attack moves pixels by {moved:.4f}, all of epsilon and no more.", **figures)


ORDER = 30
CHECKS = (
    Check(
        group="contract",
        name="harness_tells_errors",
        title=Text("audit.exceptions-propagate", "Exceptions propagate"),
        severity="red",
        run=harness_tells_errors,
        raised_if="Raised if the attack carries on with a model that raises or returns NaN.",
    ),
    Check(
        group="contract",
        name="epsilon_zero",
        title=Text("audit.epsilon-0-gives", "Epsilon 0 gives clean accuracy"),
        severity="red",
        run=epsilon_zero,
        raised_if="Raised if an attack with an epsilon of 0 changes any prediction.",
    ),
    Check(
        group="contract",
        name="pixel_budget",
        title=Text("audit.epsilon-pixel", "Epsilon in pixel units, all of it used"),
        severity="red",
        run=pixel_budget,
        raised_if="Raised if the attack's largest change of a pixel is not epsilon.",
    ),
)
