"""Momentum, Euclidean and averaged gradients, against other people's code and closed forms."""

import copy

import foolbox
import pytest
import torch
import torch.nn.functional as F
import torchattacks
from attack_nets import LinearNet, Recorder, own_labels, scans, small_net
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, default_spec, run_attack
from meddef_core.attacks.draws import draw_uniform
from meddef_core.attacks.result import l2_distance

EPS = 8 / 255


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def case(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor, Tensor]:
    net, x = small_net(channels=request.param), scans(12, channels=request.param)
    return net, x, own_labels(net, x)


class Noisy(nn.Module):
    """A net that adds noise to what it sees, from a generator of its own: a randomised defence."""

    def __init__(self, net: nn.Module, *, spread: float) -> None:
        super().__init__()
        self.net, self.spread, self.generator = net, spread, torch.Generator().manual_seed(0)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x + self.spread * torch.randn(x.shape, generator=self.generator, dtype=x.dtype))


# -- momentum


@pytest.mark.parametrize(("steps", "rel_step"), [(1, 1.0), (4, None), (10, None), (7, 0.6)])
def test_mi_fgsm_is_torchattacks_mi_fgsm(
    case: tuple[nn.Module, Tensor, Tensor], steps: int, rel_step: float | None
) -> None:
    """foolbox's is another attack: it sums signs, where the paper sums gradients over their L1 norm."""
    net, x, y = case
    spec = AttackSpec(name="mi_fgsm", eps=EPS, steps=steps, rel_step=rel_step, keep="last")
    alpha = (rel_step or 1 / steps) * EPS
    theirs = torchattacks.MIFGSM(copy.deepcopy(net), eps=EPS, alpha=alpha, steps=steps, decay=1.0)
    assert torch.allclose(run_attack(net, x, y, spec).adversarial, theirs(x, y), atol=1e-5)


# -- Euclidean


@pytest.mark.parametrize(("steps", "rel_step"), [(1, 0.5), (5, 0.4), (20, 0.125)])
def test_pgd_l2_is_foolbox_pgd_l2_from_the_same_start(
    case: tuple[nn.Module, Tensor, Tensor], steps: int, rel_step: float
) -> None:
    net, x, y = case
    recorder = Recorder(net)
    spec = AttackSpec(name="pgd_l2", eps=0.6, steps=steps, rel_step=rel_step, keep="last")
    found = run_attack(recorder, x, y, spec).adversarial

    class FromOurs(foolbox.attacks.L2PGD):
        def get_random_start(self, x0: Tensor, epsilon: float) -> Tensor:
            return type(x0)(recorder.seen[1])

    theirs = FromOurs(rel_stepsize=rel_step, steps=steps, random_start=True)
    assert torch.allclose(found, theirs(foolbox.PyTorchModel(net, (0, 1)), x, y, epsilons=0.6)[1], atol=1e-5)


def test_pgd_l2_breaks_no_fewer_than_torchattacks(case: tuple[nn.Module, Tensor, Tensor]) -> None:
    net, x, y = case
    success = run_attack(net, x, y, AttackSpec(name="pgd_l2", eps=0.3, steps=20)).success
    theirs = torchattacks.PGDL2(copy.deepcopy(net), eps=0.3, alpha=0.0375, steps=20)(x, y)
    assert int(success.sum()) >= int((net(theirs).argmax(dim=1) != y).sum())


def test_pgd_l2_finds_the_worst_case_of_a_linear_model_exactly() -> None:
    """Far from 0 and 1 it lies straight along the difference of weights, at the end of the budget."""
    net, x = LinearNet(pixels=2 * 36, seed=4), 0.3 + 0.4 * scans(9, channels=2, size=6)
    y = own_labels(net, x)
    direction = (net.weight[1 - y] - net.weight[y]).detach()
    worst = x + (0.5 * direction / direction.norm(dim=1, keepdim=True)).reshape(x.shape)
    result = run_attack(net, x, y, AttackSpec(name="pgd_l2", eps=0.5, steps=20, rel_step=1.0))
    assert torch.allclose(result.adversarial, worst, atol=1e-4)


def test_pgd_l2_starts_are_uniform_in_the_ball() -> None:
    """In two dimensions a quarter of a disc lies within half its radius, and half of it on either side."""
    recorder = Recorder(LinearNet(pixels=2))
    x = 0.5 + 0.001 * torch.rand(2000, 1, 1, 2, generator=torch.Generator().manual_seed(0))
    run_attack(recorder, x, torch.zeros(2000, dtype=torch.int64), AttackSpec(name="pgd_l2", eps=0.2, steps=1))
    start = recorder.seen[1]
    length = l2_distance(start, x)
    assert length.max() <= 0.2 + 1e-6
    assert float((length < 0.1).float().mean()) == pytest.approx(0.25, abs=0.04)
    assert float((start > x).float().mean()) == pytest.approx(0.5, abs=0.04)


# -- averaged gradients


@pytest.mark.parametrize("samples", [1, 3, 4])
@pytest.mark.parametrize("stop_when_fooled", [False, True])
def test_eot_pgd_is_pgd_where_nothing_is_random(
    case: tuple[nn.Module, Tensor, Tensor], samples: int, stop_when_fooled: bool
) -> None:
    net, x, y = case
    changes = {"eps": EPS, "steps": 6, "restarts": 2, "stop_when_fooled": stop_when_fooled, "keep": "last"}
    pgd = run_attack(net, x, y, AttackSpec(name="pgd", **changes))
    eot = run_attack(net, x, y, AttackSpec(name="eot_pgd", samples=samples, **changes))
    assert torch.equal(eot.adversarial, pgd.adversarial)
    assert torch.equal(eot.success, pgd.success) and eot.steps_run == pgd.steps_run


def test_eot_pgd_steps_along_the_mean_gradient() -> None:
    net, x = small_net(dtype=torch.float64), scans(4, dtype=torch.float64)
    y = own_labels(net, x)
    spec = AttackSpec(name="eot_pgd", eps=EPS, steps=1, rel_step=0.5, samples=5, keep="last")
    found = run_attack(Noisy(net, spread=0.5), x, y, spec).adversarial
    noisy = Noisy(net, spread=0.5)
    noisy(x)  # the attack's first question is about the clean images
    start = (x + EPS * draw_uniform(x, seed=0, draw=0)).clamp(0, 1).requires_grad_()
    loss = sum(F.cross_entropy(noisy(start), y, reduction="sum") for _ in range(5))
    assert isinstance(loss, Tensor)
    moved = start.detach() + 0.5 * EPS * torch.autograd.grad(loss, start)[0].sign()
    expected = torch.minimum(torch.maximum(moved, x - EPS), x + EPS).clamp(0, 1)
    assert torch.allclose(found, expected, atol=1e-12)


def test_eot_pgd_breaks_no_fewer_than_torchattacks_on_a_random_model() -> None:
    net, x = small_net(), scans(40)
    y = own_labels(net, x)

    def broken(adversarial: Tensor) -> int:
        """By the votes of 20 answers: one answer alone is as random as the model."""
        judge = Noisy(net, spread=0.3)
        votes = torch.stack([F.one_hot(own_labels(judge, adversarial), 4) for _ in range(20)]).sum(dim=0)
        return int((votes.argmax(dim=1) != y).sum())

    spec = default_spec("eot_pgd", eps=EPS, steps=20, samples=8)
    found = broken(run_attack(Noisy(net, spread=0.3), x, y, spec).adversarial)
    other = torchattacks.EOTPGD(copy.deepcopy(net), eps=EPS, alpha=EPS / 8, steps=20, eot_iter=8)
    other.model = Noisy(net, spread=0.3)  # a generator cannot be copied
    theirs = broken(other(x, y))
    assert 0 < theirs < len(x)
    assert found >= theirs - 2
