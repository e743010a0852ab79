"""DeepFool, Carlini-Wagner and HopSkipJump against closed forms, foolbox and torchattacks."""

import copy
import random
from collections.abc import Iterator

import foolbox
import numpy as np
import pytest
import torch
import torchattacks
from attack_nets import LinearNet, Recorder, own_labels, scans, small_net
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.attacks.methods.carlini_wagner import _TradeOff
from meddef_core.attacks.result import l2_distance, linf_distance

Case = tuple[LinearNet, Tensor, Tensor]


class Shifted(nn.Module):
    """A net whose logits are all lower by a constant: the same classifier."""

    def __init__(self, net: nn.Module, *, by: float) -> None:
        super().__init__()
        self.net, self.by = net, by
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x) - self.by


class LabelsOnly(nn.Module):
    """A net that tells nothing but its label, and passes no gradient."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            logits = self.net(x)
        return nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1]).to(x.dtype)


@pytest.fixture
def seeded() -> Iterator[None]:
    """The other libraries draw from global generators; ours never do."""
    state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        yield
    random.setstate(state[0])
    np.random.set_state(state[1])


def linear(*, classes: int = 2) -> Case:
    """Grey images, whose nearest fooling image is far from the ends of the range."""
    net = LinearNet(pixels=64, classes=classes)
    x = 0.5 + 0.02 * torch.randn(12, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return net, x, own_labels(net, x)


def distances_to_boundaries(case: Case, *, dual: int) -> Tensor:
    """`(B, K)`: each other class's gap over the dual norm of the difference of the rows; infinite for the label."""
    net, x, y = case
    with torch.no_grad():
        logits = net(x)
        gaps = logits.gather(1, y[:, None]) - logits
        return (gaps / (net.weight - net.weight[y][:, None]).norm(p=dual, dim=2)).scatter(1, y[:, None], torch.inf)


# -- closed form


@pytest.mark.parametrize("classes", [2, 5])
def test_deepfool_goes_straight_to_the_nearest_boundary_of_a_linear_model(classes: int) -> None:
    net, x, y = case = linear(classes=classes)
    result = run_attack(net, x, y, AttackSpec(name="deepfool", eps=10.0, steps=1))
    nearest = distances_to_boundaries(case, dual=2).min(dim=1)
    assert torch.equal(result.adversarial_prediction, nearest.indices)
    # 2 % and a ten-thousandth beyond the boundary.
    assert torch.allclose(result.l2, 1.02 * (nearest.values + 1e-4), rtol=1e-3)


@pytest.mark.parametrize("classes", [2, 5])
def test_carlini_wagner_finds_the_nearest_image_of_a_linear_model(classes: int) -> None:
    net, x, y = case = linear(classes=classes)
    result = run_attack(net, x, y, AttackSpec(name="cw_l2", eps=10.0, steps=100, search_steps=6))
    closed = distances_to_boundaries(case, dual=2).amin(dim=1)
    assert result.success.all()
    assert (result.l2 >= closed - 1e-5).all()
    assert (result.l2 <= 1.1 * closed).all() and result.l2.median() <= 1.02 * closed.median()


def test_carlini_wagner_finds_the_nearest_image_where_the_pixel_range_binds() -> None:
    """It is x + t w cut to [0, 1] at the smallest t that reaches the boundary, found by bisection."""
    net, x = LinearNet(pixels=64), scans(12, size=8)
    y = own_labels(net, x)
    direction = (net.weight[1 - y] - net.weight[y]).detach().view_as(x)
    low, high = torch.zeros(len(x), 1, 1, 1), torch.full((len(x), 1, 1, 1), 4.0)
    for _ in range(40):
        middle = (low + high) / 2
        crossed = own_labels(net, (x + middle * direction).clamp(0, 1)).ne(y).view_as(middle)
        low, high = torch.where(crossed, low, middle), torch.where(crossed, middle, high)
    nearest = l2_distance((x + high * direction).clamp(0, 1), x)
    result = run_attack(net, x, y, AttackSpec(name="cw_l2", eps=20.0, steps=100))
    assert result.success.all()
    assert (result.l2 >= nearest * (1 - 1e-4)).all()
    assert (result.l2 <= 1.25 * nearest).all() and result.l2.median() <= 1.05 * nearest.median()


def test_hop_skip_jump_comes_near_the_nearest_image_of_a_linear_model() -> None:
    net, x, y = case = linear()
    result = run_attack(net, x, y, AttackSpec(name="hop_skip_jump", eps=1.0, steps=8, samples=100))
    closed = distances_to_boundaries(case, dual=1).amin(dim=1)
    assert result.success.all()
    assert (result.linf >= closed - 1e-6).all() and result.linf.median() <= 1.5 * closed.median()


@pytest.mark.parametrize(("name", "dual"), [("deepfool", 2), ("cw_l2", 2), ("hop_skip_jump", 1)])
def test_the_budget_decides_who_is_fooled(name: str, dual: int) -> None:
    """No image that lies further from the boundary than the budget, and all of those well within."""
    net, x, y = case = linear()
    closed = distances_to_boundaries(case, dual=dual).amin(dim=1)
    eps = float(closed.median())
    spec = AttackSpec(name=name, eps=eps, steps=8 if name == "hop_skip_jump" else 60, samples=60)
    success = run_attack(net, x, y, spec).success
    assert not success[closed > eps * 1.001].any()
    assert success[closed < eps / 2].all()


# -- other people's code


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_deepfool_is_foolbox_deepfool(classes: int, channels: int) -> None:
    net, x = small_net(classes=classes, channels=channels), scans(12, channels=channels)
    y = own_labels(net, x)
    found = run_attack(net, x, y, AttackSpec(name="deepfool", eps=10.0, steps=50)).adversarial
    theirs = foolbox.attacks.L2DeepFoolAttack(steps=50, overshoot=0.02)
    assert torch.allclose(found, theirs.run(foolbox.PyTorchModel(net, (0, 1), device="cpu"), x, y), atol=1e-5)


def test_deepfool_comes_as_near_as_torchattacks() -> None:
    net, x = small_net(), scans(12)
    y = own_labels(net, x)
    ours = run_attack(net, x, y, AttackSpec(name="deepfool", eps=10.0, steps=50))
    theirs = torchattacks.DeepFool(copy.deepcopy(net), steps=50)(x, y)
    assert ours.success.all() and ours.l2.median() <= 1.02 * l2_distance(theirs.detach(), x).median()


@pytest.mark.parametrize("target", [None, 1])
def test_carlini_wagner_comes_as_near_as_foolbox(target: int | None) -> None:
    net, x = small_net(), scans(10)
    y = own_labels(net, x)
    x, y = x[y != 1], y[y != 1]
    ours = run_attack(net, x, y, AttackSpec(name="cw_l2", eps=10.0, steps=60, search_steps=6, target=target))
    goal = foolbox.criteria.Misclassification(y)
    if target is not None:
        goal = foolbox.criteria.TargetedMisclassification(torch.full_like(y, target))
    attack = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=6, steps=60, stepsize=0.01, initial_const=1.0, abort_early=False
    )
    theirs = attack.run(foolbox.PyTorchModel(net, (0, 1), device="cpu"), x, goal)
    assert ours.success.all()
    assert ours.l2.median() <= 1.02 * l2_distance(theirs, x).median()


def test_hop_skip_jump_comes_as_near_as_foolbox_for_as_many_queries(seeded: None) -> None:
    net, x = small_net(), scans(8)
    y = own_labels(net, x)
    counted = Recorder(net)
    ours = run_attack(counted, x, y, AttackSpec(name="hop_skip_jump", eps=1.0, steps=6, samples=60))
    asked = sum(map(len, counted.seen))
    counted = Recorder(net)
    attack = foolbox.attacks.HopSkipJumpAttack(steps=6, initial_gradient_eval_steps=60, constraint="linf")
    theirs = attack.run(foolbox.PyTorchModel(counted, (0, 1), device="cpu"), x, y)
    assert ours.success.all()
    assert asked <= 1.2 * sum(map(len, counted.seen))
    assert ours.linf.median() <= 1.5 * linf_distance(theirs, x).median()


# -- what the papers say of them


@pytest.mark.parametrize("target", [None, 1])
@pytest.mark.parametrize("by", [50.0, -50.0])
def test_carlini_wagner_does_not_mind_the_level_of_the_logits(target: int | None, by: float) -> None:
    """The margin is a difference. (torchattacks masks the label's logit with a 0, which beats all negative ones.)"""
    net, x = small_net(dtype=torch.float64), scans(8, dtype=torch.float64)
    y = own_labels(net, x)
    x, y = x[y != 1], y[y != 1]
    shifted = Shifted(net, by=by)
    assert bool((shifted(x) < 0).all()) == (by > 0)
    spec = AttackSpec(name="cw_l2", eps=10.0, steps=30, search_steps=3, target=target)
    expected, found = run_attack(net, x, y, spec), run_attack(shifted, x, y, spec)
    assert expected.success.all()
    assert torch.allclose(found.adversarial, expected.adversarial, atol=1e-8)


def test_carlini_wagner_moves_pixels_off_the_ends_of_the_range() -> None:
    """Black pixels are at infinite w; a scan of nothing else can still be changed."""
    net = LinearNet(pixels=64)
    x = torch.zeros(2, 1, 8, 8)

    class Biased(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return net(images) + torch.tensor([0.2, 0.0])

    spec = AttackSpec(name="cw_l2", eps=3.0, steps=100)
    result = run_attack(Biased().eval(), x, torch.zeros(2, dtype=torch.int64), spec)
    rising = (net.weight[1] - net.weight[0]).clamp(min=0).norm()
    assert result.success.all()
    assert result.l2.max() <= 1.5 * 0.2 / rising


def test_the_trade_off_grows_tenfold_and_is_then_bisected() -> None:
    start = torch.tensor([1.0, 1.0])
    search = _TradeOff(start, torch.zeros(2), torch.full((2,), torch.inf))
    values = []
    for reached in ([False, True], [True, True], [False, False]):
        search = search.next(torch.tensor(reached))
        values.append(search.value.tolist())
    assert values == [[10.0, 0.5], [5.5, 0.25], [7.75, 0.375]]


def test_deepfool_stops_each_image_where_it_fools() -> None:
    """An image fooled beyond the budget is no success, and is not driven on either."""
    net, x = small_net(), scans(20)
    y = own_labels(net, x)
    recorder = Recorder(net)
    near, far = (
        run_attack(asked, x, y, AttackSpec(name="deepfool", eps=eps)) for asked, eps in ((recorder, 0.2), (net, 10.0))
    )
    assert torch.equal(near.success, far.l2 <= 0.2) and near.success.any() and not near.success.all()
    assert torch.equal(near.adversarial[near.success], far.adversarial[near.success])
    sizes = [len(images) for images in recorder.seen[1:-1]]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) < 20


def test_hop_skip_jump_needs_labels_only() -> None:
    net, x = small_net(), scans(4)
    y = own_labels(net, x)
    spec = AttackSpec(name="hop_skip_jump", eps=0.3, steps=3, samples=30)
    assert torch.equal(run_attack(LabelsOnly(net), x, y, spec).adversarial, run_attack(net, x, y, spec).adversarial)


def test_hop_skip_jump_leaves_an_image_alone_where_no_noise_fools() -> None:
    class Sure(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.tensor([1.0, 0.0]).expand(len(images), 2)

    x, spec = scans(3), AttackSpec(name="hop_skip_jump", eps=0.5)
    result = run_attack(Sure().eval(), x, torch.zeros(3, dtype=torch.int64), spec)
    assert not result.success.any() and torch.equal(result.adversarial, x)
    assert result.steps_run == spec.steps


def test_hop_skip_jump_spends_more_queries_with_each_iteration() -> None:
    net, x = small_net(), scans(1)
    asked = []
    for steps in (1, 4, 5):
        recorder = Recorder(net)
        run_attack(recorder, x, own_labels(net, x), AttackSpec(name="hop_skip_jump", eps=1.0, steps=steps, samples=40))
        asked.append(sum(len(images) for images in recorder.seen if len(images) > 1))
    tried = asked[0] - 40
    assert asked == [tried + 40, tried + 40 + 56 + 69 + 80, tried + 40 + 56 + 69 + 80 + 89]


@pytest.mark.parametrize("name", ["deepfool", "hop_skip_jump"])
def test_stopping_ends_the_search_early(name: str) -> None:
    net, x = small_net(), scans(3)
    spec = {"name": name, "eps": 1.0, "steps": 6, "samples": 20}
    y = own_labels(net, x)
    assert run_attack(net, x, y, AttackSpec(**spec)).steps_run == 6
    stopped = run_attack(net, x, y, AttackSpec(**spec, stop_when_fooled=True))
    assert stopped.success.all() and stopped.steps_run < 6
