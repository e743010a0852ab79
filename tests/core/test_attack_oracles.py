"""Our attacks against other people's code, against closed forms and against brute force."""

import copy
import itertools
from typing import Any

import foolbox
import pytest
import torch
import torchattacks
from attack_nets import LinearNet, scans, small_net
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack

EPS = 8 / 255


def ours(net: nn.Module, x: Tensor, y: Tensor, name: str, **changes: Any) -> Tensor:
    """The last iterate: the other libraries do not keep the best."""
    return run_attack(net, x, y, AttackSpec(name=name, eps=EPS, keep="last", **changes)).adversarial


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor, Tensor]:
    net, x = small_net(channels=request.param), scans(12, channels=request.param)
    return net, x, net(x).argmax(dim=1)


def test_fgsm_is_torchattacks_and_foolbox_fgsm(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, x, y = case
    found = ours(net, x, y, "fgsm")
    # torchattacks flips train and eval on the model it is given: it gets its own.
    assert torch.allclose(found, torchattacks.FGSM(copy.deepcopy(net), eps=EPS)(x, y), atol=1e-5)
    theirs = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    assert torch.allclose(found, theirs(foolbox.PyTorchModel(net, (0, 1)), x, y, epsilons=EPS)[1], atol=1e-5)


@pytest.mark.parametrize(("steps", "rel_step"), [(1, 1.0), (4, 0.25), (10, 0.2), (7, 0.6)])
def test_bim_is_torchattacks_and_foolbox_bim_and_pgd(
    case: tuple[nn.Module, Tensor, Tensor], steps: int, rel_step: float
) -> None:
    net, x, y = case
    found = ours(net, x, y, "bim", steps=steps, rel_step=rel_step)
    alpha = rel_step * EPS
    for attack in (
        torchattacks.BIM(copy.deepcopy(net), eps=EPS, alpha=alpha, steps=steps),
        torchattacks.PGD(copy.deepcopy(net), eps=EPS, alpha=alpha, steps=steps, random_start=False),
    ):
        assert torch.allclose(found, attack(x, y), atol=1e-5)
    for kind in (foolbox.attacks.LinfBasicIterativeAttack, foolbox.attacks.LinfPGD):
        theirs = kind(rel_stepsize=rel_step, steps=steps, random_start=False)
        assert torch.allclose(found, theirs(foolbox.PyTorchModel(net, (0, 1)), x, y, epsilons=EPS)[1], atol=1e-5)


def test_targeted_bim_is_foolbox_targeted(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, x, y = case
    x, y = x[y != 1], y[y != 1]
    found = ours(net, x, y, "bim", steps=6, rel_step=0.3, target=1)
    theirs = foolbox.attacks.LinfBasicIterativeAttack(rel_stepsize=0.3, steps=6, random_start=False)
    criterion = foolbox.criteria.TargetedMisclassification(torch.ones_like(y))
    result = theirs(foolbox.PyTorchModel(net, (0, 1)), x, criterion, epsilons=EPS)[1]
    assert torch.allclose(found, result, atol=1e-5)


def test_pgd_breaks_no_fewer_than_theirs(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, x, y = case
    success = run_attack(net, x, y, AttackSpec(name="pgd", eps=EPS, steps=20)).success
    other = torchattacks.PGD(copy.deepcopy(net), eps=EPS, alpha=EPS / 8, steps=20)(x, y)
    assert success.sum() >= (net(other).argmax(dim=1) != y).sum()


@pytest.mark.parametrize("name", ["fgsm", "bim", "pgd"])
@pytest.mark.parametrize("loss", ["ce", "margin"])
def test_the_worst_case_of_a_linear_model_is_found_exactly(name: str, loss: str) -> None:
    """Two classes, z = W x: the worst image has each pixel at the end of its range that the weights favour."""
    net, x = LinearNet(pixels=2 * 36, seed=4), scans(9, channels=2, size=6)
    y = net(x).argmax(dim=1)
    direction = net.weight[1 - y] - net.weight[y]
    low, high = (x - EPS).clamp(min=0), (x + EPS).clamp(max=1)
    worst = torch.where(direction.reshape(x.shape) > 0, high, low)
    result = run_attack(net, x, y, AttackSpec(name=name, eps=EPS, loss=loss, steps=12))
    assert torch.allclose(result.adversarial, worst, atol=1e-6)
    logits = result.adversarial_logits
    margin = logits.gather(1, 1 - y[:, None]) - logits.gather(1, y[:, None])
    exact = (direction * worst.flatten(1)).sum(dim=1, keepdim=True)
    assert torch.allclose(margin, exact, atol=1e-4)


@pytest.mark.parametrize("target", [None, 0, 1, 2])
def test_pgd_finds_what_trying_all_corners_finds(target: int | None) -> None:
    """Three classes, six pixels: on a linear model the highest untargeted margin sits at one of the ball's 64 corners.

    The highest targeted margin, a minimum of linear functions, may lie between corners, so there PGD may find more.
    """
    net, x = LinearNet(pixels=6, classes=3, seed=1), torch.rand(60, 1, 2, 3, generator=torch.Generator().manual_seed(3))
    y = net(x).argmax(dim=1)
    if target is not None:
        x, y = x[y != target], y[y != target]
    spec = AttackSpec(name="pgd", eps=0.06, steps=20, restarts=8, loss="margin", target=target)
    result = run_attack(net, x, y, spec)
    corners = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=6))).reshape(64, 1, 1, 2, 3)
    logits = net((x + 0.06 * corners).clamp(0, 1).flatten(0, 1)).reshape(64, len(x), 3)
    reached = (logits.argmax(dim=2) != y) if target is None else logits.argmax(dim=2) == target
    missed, extra = reached.any(dim=0) & ~result.success, result.success & ~reached.any(dim=0)
    assert not missed.any()
    assert target is not None or not extra.any()
    assert reached.any() and not reached.any(dim=0).all()
