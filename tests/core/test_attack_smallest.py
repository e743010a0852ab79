"""The smallest budget that flips an image: a bracket that closes on it, never a claim without a fooling image."""

import dataclasses
import math

import pytest
import torch
from attack_nets import LinearNet, own_labels, scans, sibling_net, small_net, spec_of
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, AttackStep, run_attack
from meddef_core.attacks.result import DISTANCES
from meddef_core.attacks.smallest import SmallestFlip, smallest_flip
from meddef_core.errors import AttackError

BIM = AttackSpec(name="bim", eps=0.0, steps=5, loss="margin")


def grey_scans(n: int, *, size: int = 8) -> Tensor:
    """Far from both ends of the range, so that clamping to [0, 1] plays no part."""
    return 0.5 + 0.1 * (scans(n, size=size) - 0.5)


def test_a_linear_model_flips_where_arithmetic_says() -> None:
    net, x = LinearNet(pixels=64), grey_scans(6)
    difference = (net.weight[0] - net.weight[1]).detach()
    for image, label in zip(x.split(1), own_labels(net, x).split(1), strict=True):
        nearest = float((image.flatten() @ difference).abs() / difference.abs().sum())
        found = smallest_flip(net, image, label, BIM, low=0.0, high=0.4, tolerance=1e-4)
        assert found is not None
        assert nearest <= found.eps + 1e-6 and found.eps - nearest <= 1e-4 + 1e-6
        assert found.withstood < nearest + 1e-6


@pytest.mark.parametrize("name", ["fgsm", "pgd", "pgd_l2", "fab", "transfer"])
def test_what_is_found_flips_and_what_failed_lies_below(name: str) -> None:
    net, x = small_net(), scans(5)
    source = sibling_net() if name == "transfer" else None
    high = 4.0 if name == "pgd_l2" else 0.2
    flipped = 0
    for image, label in zip(x.split(1), own_labels(net, x).split(1), strict=True):
        found = smallest_flip(net, image, label, spec_of(name), low=0.0, high=high, tolerance=high / 50, source=source)
        if found is None:
            assert not run_attack(net, image, label, spec_of(name, eps=high), source=source).success.any()
            continue
        flipped += 1
        assert_bracket(found, net, image, label, high=high, norm="l2" if name == "pgd_l2" else "linf")
    assert flipped >= 2


def assert_bracket(
    found: SmallestFlip, net: nn.Module, image: Tensor, label: Tensor, *, high: float, norm: str
) -> None:
    assert net(found.adversarial).argmax() != label
    assert float(DISTANCES[norm](found.adversarial, image)[0]) == pytest.approx(found.eps, abs=1e-6)
    assert 0 <= found.withstood < found.eps <= high and found.eps - found.withstood <= high / 50
    assert found.trials[0].eps == high and found.trials[0].flipped
    assert all(trial.eps >= found.eps - 1e-6 for trial in found.trials if trial.flipped)
    below = [trial.eps for trial in found.trials if not trial.flipped and trial.eps < found.eps]
    assert found.withstood == max(below, default=0.0)
    assert len(found.trials) <= 2 + math.log2(50) + 2


def test_nothing_found_is_none_and_a_misread_image_needs_no_change() -> None:
    net, x = small_net(), scans(1)
    label = own_labels(net, x)
    assert smallest_flip(net, x, label, BIM, low=0.0, high=1e-5, tolerance=1e-6) is None
    found = smallest_flip(net, x, (label + 1) % 4, BIM, low=0.0, high=0.1, tolerance=1e-3)
    assert found is not None and found.eps == 0 == found.withstood and torch.equal(found.adversarial, x)


def test_it_can_be_cancelled_and_keeps_what_it_has() -> None:
    net, x = LinearNet(pixels=64), grey_scans(1)
    label = own_labels(net, x)

    def cancelled_after(calls: int) -> SmallestFlip | None:
        seen: list[AttackStep] = []

        def on_step(step: AttackStep) -> bool:
            seen.append(step)
            return len(seen) < calls

        spec = dataclasses.replace(BIM, rel_step=0.05, steps=30)
        return smallest_flip(net, x, label, spec, low=0.0, high=0.05, tolerance=1e-6, on_step=on_step)

    assert cancelled_after(1) is None
    whole, part = cancelled_after(10**6), cancelled_after(60)
    assert whole is not None and part is not None
    assert len(part.trials) < len(whole.trials) and whole.eps <= part.eps
    assert net(part.adversarial).argmax() != label


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"low": 0.2}, "lower end below"),
        ({"low": -0.1}, "epsilon must"),
        ({"high": 1.5}, "epsilon must"),
        ({"tolerance": 0.0}, "tolerance must"),
        ({"tolerance": math.nan}, "tolerance must"),
        ({"n": 2}, "one image at a time"),
    ],
)
def test_brackets_that_are_none_are_refused(changes: dict[str, float], sentence: str) -> None:
    n = int(changes.pop("n", 1))
    bracket = {"low": 0.0, "high": 0.2, "tolerance": 0.01, **changes}
    net, x = small_net(), scans(n)
    with pytest.raises(AttackError, match=sentence):
        smallest_flip(net, x, own_labels(net, x), BIM, **bracket)


# ---- iterates ----------------------------------------------------------------------------------------------------


def test_iterates_are_heard_only_when_asked_for_and_are_never_in_the_trace() -> None:
    net, x = small_net(), scans(3)
    y, heard = own_labels(net, x), []
    spec = spec_of("pgd", stop_when_fooled=True)
    plain = run_attack(net, x, y, spec, on_step=heard.append)
    assert all(step.images is None for step in heard)
    heard.clear()
    result = run_attack(net, x, y, spec, on_step=heard.append, iterates=True)
    assert torch.equal(plain.adversarial, result.adversarial)
    assert len(heard) == len(result.trace) and all(line.images is None for line in result.trace)
    for step in heard:
        assert step.images is not None and step.images.shape == x.shape
        assert float((step.images - x).abs().max()) <= spec.eps + 1e-6
        with torch.no_grad():
            assert torch.allclose(net(step.images).softmax(dim=1), step.probabilities, atol=1e-5)
    assert len({id(step.images) for step in heard}) == len(heard)
