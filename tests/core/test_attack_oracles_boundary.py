"""FAB and Square against linear programming, closed forms and torchattacks."""

import copy

import numpy as np
import pytest
import torch
import torchattacks
from attack_nets import LinearNet, Recorder, own_labels, scans, small_net
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.attacks.methods.fab import nearest_on_plane
from meddef_core.attacks.methods.square import square_side

EPS = 8 / 255


def least_change(point: np.ndarray, normal: np.ndarray, gap: float) -> float | None:
    """The smallest L-infinity change that meets the plane inside the box, by linear programming; None if none does."""
    n = len(point)
    cost = np.append(np.zeros(n), 1.0)
    within = np.block([[np.eye(n), -np.ones((n, 1))], [-np.eye(n), -np.ones((n, 1))]])
    bounds = [(-p, 1 - p) for p in point] + [(0, None)]
    plane = np.append(normal, 0.0)[None]
    found = linprog(cost, A_ub=within, b_ub=np.zeros(2 * n), A_eq=plane, b_eq=[gap], bounds=bounds)
    return float(found.fun) if found.status == 0 else None


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 12), scale=st.floats(0.01, 3))
def test_the_projection_is_the_linear_programs(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    point = np.clip(rng.uniform(-0.3, 1.3, n), 0, 1)
    normal = rng.standard_normal(n) * (rng.random(n) < 0.8)
    gap = scale * rng.standard_normal()
    change = nearest_on_plane(
        torch.from_numpy(point)[None], normal=torch.from_numpy(normal)[None], gap=torch.tensor([gap]).double()
    )[0].numpy()
    assert (point + change >= -1e-12).all() and (point + change <= 1 + 1e-12).all()
    best = least_change(point, normal, gap)
    if best is None:  # the plane misses the box: as near as the box allows, on the right side
        corner = np.where(np.sign(gap) * normal > 0, 1 - point, np.where(normal == 0, 0, -point))
        assert change @ normal == pytest.approx(corner @ normal, abs=1e-6)
    else:
        assert change @ normal == pytest.approx(gap, abs=1e-6)
        assert np.abs(change).max() == pytest.approx(best, abs=1e-5)


def test_fab_finds_the_nearest_image_of_a_linear_model() -> None:
    """Where the box does not bind, that distance is |margin| over the L1 norm of the difference of the rows."""
    net = LinearNet(pixels=64)
    x = 0.5 + 0.02 * torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = own_labels(net, x)
    result = run_attack(net, x, y, AttackSpec(name="fab", eps=1.0, steps=20))
    margin = (net(x)[:, 0] - net(x)[:, 1]).abs()
    closed = margin / (net.weight[0] - net.weight[1]).abs().sum()
    assert result.success.all()
    assert torch.allclose(result.linf, closed, rtol=0.02)


@pytest.mark.parametrize("classes", [2, 4])
def test_fab_comes_as_near_as_torchattacks(classes: int) -> None:
    net, x = small_net(classes=classes), scans(30)
    y = own_labels(net, x)
    ours = run_attack(net, x, y, AttackSpec(name="fab", eps=1.0, steps=30))
    attack = torchattacks.FAB(copy.deepcopy(net), eps=1.0, steps=30, n_classes=classes, multi_targeted=True)
    theirs = attack(x, y)
    distance = (theirs - x).abs().flatten(1).amax(dim=1)
    assert ours.success.all()
    assert ours.linf.median() <= 1.05 * distance.median()


def test_fab_asks_for_one_gradient_a_step() -> None:
    net, x = small_net(classes=3), scans(4)
    recorder = Recorder(net)
    run_attack(recorder, x, own_labels(net, x), AttackSpec(name="fab", eps=0.1, steps=5))
    assert len(recorder.seen) <= 2 + 2 * 5 * 2 + 3  # clean and result; two classes, two passes a step; three halvings


def test_squares_shrink_as_in_the_paper() -> None:
    """p is 0.8 halved after 10, 50, 200, ... of 10,000 queries; the side is the root of that share of the image."""
    sides = [square_side(query, queries=10_000, height=224, width=224) for query in range(10_000)]
    assert sides == sorted(sides, reverse=True)
    for query, halvings in ((0, 0), (10, 0), (11, 1), (51, 2), (201, 3), (1001, 5), (8001, 9)):
        assert sides[query] == max(1, round((0.8 / 2**halvings) ** 0.5 * 224))
    assert square_side(999, queries=1000, height=4, width=9) == 1
    assert square_side(0, queries=1, height=3, width=30) == 3


def test_square_breaks_as_much_as_torchattacks() -> None:
    net, x = small_net(), scans(60)
    y = own_labels(net, x)
    ours = run_attack(net, x, y, AttackSpec(name="square", eps=EPS, steps=300, stop_when_fooled=True))
    theirs = torchattacks.Square(copy.deepcopy(net), eps=EPS, n_queries=300, loss="margin", seed=0)(x, y)
    broken = (own_labels(net, theirs) != y).sum()
    assert 0.2 < broken / len(x) < 0.98  # else the comparison says nothing
    assert ours.success.sum() >= broken - 2


def test_square_never_asks_for_a_gradient_and_lowers_the_margin() -> None:
    net, x = small_net(), scans(6)
    recorder = Recorder(net.requires_grad_(False))
    result = run_attack(recorder, x, own_labels(net, x), AttackSpec(name="square", eps=0.01, steps=50))
    assert len(recorder.seen) == 52
    changed = (result.adversarial - x).abs()
    assert changed.max() <= 0.01 + 1e-6 and (changed > 0).any()
