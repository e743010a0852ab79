"""JSMA against a search over all pairs, a closed form, and its own budget."""

import itertools

import pytest
import torch
from attack_nets import LinearNet, Recorder, own_labels, scans, small_net
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.attacks.methods.jsma import MOST_LISTED, choose_pairs, shortlist


def best_pair(alpha: Tensor, beta: Tensor, up: Tensor, down: Tensor) -> tuple[float, int, int, int]:
    """Score, values and sign of the most salient pair, by trying each; a score of 0 where there is none."""
    best = (0.0, 0, 0, 0)
    values = list(zip(alpha.tolist(), beta.tolist(), up.tolist(), down.tolist(), strict=True))
    for (i, (a1, b1, up1, down1)), (j, (a2, b2, up2, down2)) in itertools.combinations(enumerate(values), 2):
        a, b = a1 + a2, b1 + b2
        sign = 1 if a > 0 > b and up1 and up2 else -1 if a < 0 < b and down1 and down2 else 0
        if sign and -a * b > best[0]:
            best = (-a * b, i, j, sign)
    return best


def by_trying_all(
    alpha: Tensor, beta: Tensor, *, up: Tensor, down: Tensor, fresh: Tensor, room: int, pairs: int
) -> Tensor:
    moves = torch.zeros_like(alpha)
    for _ in range(pairs):
        free = (moves == 0) & (~fresh | (room >= 2))
        score, i, j, sign = best_pair(alpha, beta, up & free, down & free)
        if score == 0:
            break
        moves[[i, j]] = float(sign)
        room -= int(fresh[i]) + int(fresh[j])
    return moves


def slopes_of(net: nn.Module, image: Tensor, goal: int) -> tuple[Tensor, Tensor]:
    """Alpha and beta `(D,)` of one image, from its whole Jacobian."""
    jacobian = torch.autograd.functional.jacobian(lambda x: net(x[None])[0], image).flatten(1)
    return jacobian[goal], jacobian.sum(dim=0) - jacobian[goal]


@pytest.mark.parametrize("seed", range(12))
def test_the_pairs_are_those_of_a_search_over_all(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    n = 12 + 2 * seed
    alpha, beta = torch.randn(2, n, generator=generator, dtype=torch.float64)
    if seed % 3 == 0:
        beta = 0.3 * beta - alpha  # as in a net whose logits hardly change in sum
    up, down, fresh = torch.rand(3, n, generator=generator) < 0.7
    case = {"up": up, "down": down, "fresh": fresh, "room": seed % 6, "pairs": 1 + seed % 5}
    expected = by_trying_all(alpha, beta, **case)
    assert torch.equal(choose_pairs(alpha, beta, **case), expected)
    assert int((expected[fresh] != 0).sum()) <= case["room"]


def test_a_second_round_goes_on_where_the_first_ended() -> None:
    """More pairs than one round takes: every value that helps moves, the right way."""
    alpha = torch.linspace(-1, 1, 400).double()
    everywhere = torch.ones(400, dtype=torch.bool)
    moves = choose_pairs(alpha, -alpha, up=everywhere, down=everywhere, fresh=everywhere, room=400, pairs=200)
    assert torch.equal(moves, alpha.sign())


@pytest.mark.parametrize(("size", "classes", "seed"), [(6, 2, 0), (6, 4, 1), (8, 7, 2), (8, 3, 3), (10, 4, 4)])
def test_one_pair_a_step_is_the_papers_algorithm(size: int, classes: int, seed: int) -> None:
    """Every image on the way, beside an attack that tries all pairs of the whole Jacobian."""
    net = small_net(classes=classes, seed=seed, dtype=torch.float64)
    x = scans(1, size=size, seed=seed, dtype=torch.float64)
    y = own_labels(net, x)
    goal = int(net(x)[0].index_fill(0, y, -torch.inf).argmax())
    recorder = Recorder(net)
    steps, theta = 4, 0.3
    run_attack(recorder, x, y, AttackSpec(name="jsma", eps=2 * steps / size**2 + 1e-9, steps=steps, theta=theta))
    image, clean = x[0], x[0]
    for step in range(steps):
        alpha, beta = slopes_of(net, image, goal)
        flat, from_ = image.flatten(), clean.flatten()
        move = by_trying_all(
            alpha,
            beta,
            up=(flat < 1) & (flat >= from_),
            down=(flat > 0) & (flat <= from_),
            fresh=flat == from_,
            room=2 * steps - int((flat != from_).sum()),
            pairs=1,
        )
        image = (image + theta * move.view_as(image)).clamp(0, 1)
        assert torch.allclose(recorder.seen[step + 2][0], image, atol=1e-12)  # after the clean batch and the start


def every_score(alpha: Tensor, beta: Tensor, *, up: Tensor, down: Tensor) -> Tensor:
    """|alpha beta| of every pair, above the diagonal, negative where the pair is to fall, 0 where it may not move."""
    both, rest = alpha[:, None] + alpha, beta[:, None] + beta
    rises = (both > 0) & (rest < 0) & up[:, None] & up
    falls = (both < 0) & (rest > 0) & down[:, None] & down
    return (both * rest.abs() * (rises | falls)).triu(diagonal=1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("opposed", [-0.9, 0.0, 0.9])
def test_the_shortlist_misses_no_best_pair(seed: int, opposed: float) -> None:
    """Among 1,500 values, of slopes that go together, are independent or nearly opposite: beside all pairs."""
    generator = torch.Generator().manual_seed(seed)
    alpha, noise = torch.randn(2, 1500, generator=generator)
    beta = (1 - abs(opposed)) * noise - opposed * alpha
    up, down = torch.rand(2, 1500, generator=generator) < 0.8
    moves = choose_pairs(alpha, beta, up=up, down=down, fresh=torch.ones_like(up), room=1500, pairs=10)
    scores = every_score(alpha, beta, up=up, down=down)
    expected = torch.zeros_like(alpha)
    for _ in range(10):
        pair = list(divmod(int(scores.abs().argmax()), 1500))
        expected[pair] = scores[pair[0], pair[1]].sign()
        scores[pair] = 0
        scores[:, pair] = 0
    assert torch.equal(moves, expected)
    if opposed >= 0:
        ranked = alpha.argsort(descending=True)
        assert len(shortlist(alpha, -beta, ranked=ranked[up[ranked]], pairs=1)) < 75


def test_memory_is_bounded_where_no_value_beats_another() -> None:
    """The goal's slopes almost those of the others: nearly every value belongs on the list."""
    generator = torch.Generator().manual_seed(0)
    alpha = torch.randn(150_528, generator=generator)
    beta = alpha + 1e-4 * torch.randn(150_528, generator=generator)
    everywhere = torch.ones(150_528, dtype=torch.bool)
    assert len(shortlist(alpha, -beta, ranked=alpha.argsort(descending=True), pairs=8)) == MOST_LISTED
    moves = choose_pairs(alpha, beta, up=everywhere, down=everywhere, fresh=everywhere, room=100, pairs=8)
    assert int((moves != 0).sum()) == 16


def test_on_a_linear_model_the_steepest_values_move() -> None:
    """Two classes of opposite weights: |alpha beta| is alpha squared, so the pair is the steepest two of one sign."""
    net = LinearNet(pixels=64)
    net.weight.data[1] = -net.weight.data[0]
    x = torch.full((1, 1, 8, 8), 0.5)
    y = own_labels(net, x)
    slope = net.weight.data[1 - y[0]]
    result = run_attack(net, x, y, AttackSpec(name="jsma", eps=2 / 64, steps=1, theta=0.2, keep="last"))
    rising, falling = slope.topk(2), (-slope).topk(2)
    steepest = rising if rising.values.sum() > falling.values.sum() else falling
    expected = torch.zeros(64).index_put((steepest.indices,), 0.2 * slope[steepest.indices].sign())
    assert torch.allclose((result.adversarial - x).flatten(), expected, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("steps", "eps"), [(1, 0.0), (4, 0.011), (1, 0.1), (4, 0.1), (40, 0.1), (4, 1.0)])
def test_the_budget_counts_values_not_moves(channels: int, steps: int, eps: float) -> None:
    """At most floor(eps D) values change, each of them by whole steps of theta until it reaches 0 or 1."""
    net, x = small_net(channels=channels), scans(3, channels=channels, size=10)
    y = own_labels(net, x)
    result = run_attack(net, x, y, AttackSpec(name="jsma", eps=eps, steps=steps, theta=0.25, keep="last"))
    moved = (result.adversarial - x).flatten(1)
    assert int((moved != 0).sum(dim=1).max()) <= int(eps * moved.shape[1])
    inside = (result.adversarial.flatten(1) > 0) & (result.adversarial.flatten(1) < 1)
    whole = (moved / 0.25 - (moved / 0.25).round()).abs() < 1e-5
    assert (whole | ~inside).all()
    if steps == 40:
        assert moved.abs().max() > 0.26  # values already changed moved on when the budget was spent
