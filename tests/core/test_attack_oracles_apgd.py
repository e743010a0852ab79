"""Auto-PGD against torchattacks, its paper's algorithm written down again, closed forms and brute force."""

import copy
import math
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
import torchattacks
from attack_nets import LinearNet, Recorder, own_labels, scans
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.attacks.methods.apgd import checkpoints

EPS = 8 / 255
APGD = ("apgd_ce", "apgd_margin", "apgd_targeted")


class Bumpy(nn.Module):
    """Logits that go up and down within a budget: sign steps overshoot, so the step size matters."""

    def __init__(self, *, pixels: int, classes: int = 4, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.inner = nn.Parameter(torch.randn(32, pixels, generator=generator))
        self.outer = nn.Parameter(torch.randn(classes, 32, generator=generator))
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(2 * x.flatten(1) @ self.inner.T) @ self.outer.T


def bumpy_case(n: int, *, seed: int) -> tuple[nn.Module, Tensor, Tensor]:
    net, x = Bumpy(pixels=64, seed=seed).double(), scans(n, size=8, dtype=torch.float64)
    return net, x, own_labels(net, x)


@pytest.mark.parametrize("steps", [*range(1, 41), 50, 100, 1000])
def test_apgd_checkpoints_are_the_papers(steps: int) -> None:
    """w_j = ceil(p_j N) with p_(j+1) = p_j + max(p_j - p_(j-1) - 0.03, 0.06), in exact fractions."""
    shares = [Fraction(0), Fraction(22, 100)]
    while shares[-1] <= 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - Fraction(3, 100), Fraction(6, 100)))
    expected = sorted({math.ceil(share * steps) for share in shares[1:]})
    assert list(checkpoints(steps)) == [step for step in expected if step < steps]


def test_apgd_checkpoints_for_a_hundred_steps() -> None:
    assert checkpoints(100) == (22, 41, 57, 70, 80, 87, 93, 99)


def algorithm_1(net: nn.Module, x: Tensor, y: Tensor, start: Tensor, *, eps: float, steps: int) -> list[Tensor]:
    """Croce and Hein's algorithm 1 for one image and cross-entropy, line by line: all images it asks about.

    As in the authors' own code, checkpoint w_j is looked at as soon as iterate w_j is known.
    """

    def f(image: Tensor) -> Tensor:
        return F.cross_entropy(net(image), y)

    def project(image: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(image, (x - eps).clamp(0, 1)), (x + eps).clamp(0, 1))

    eta, looks, halved = 2 * eps, (0, *checkpoints(steps)), False
    images, values, asked = [start], [f(start)], [start]
    best, highest, checked = start, f(start), f(start)
    for k in range(steps):
        leaf = images[k].clone().requires_grad_()
        moved = ahead = project(images[k] + eta * torch.autograd.grad(f(leaf), leaf)[0].sign())
        if k > 0:
            moved = project(images[k] + 0.75 * (ahead - images[k]) + 0.25 * (images[k] - images[k - 1]))
        images.append(moved)
        values.append(f(moved))
        asked.append(moved)
        if values[-1] > highest:
            best, highest = moved, values[-1]
        if k + 1 in looks:
            since = looks[looks.index(k + 1) - 1]
            rises = sum(bool(values[i + 1] > values[i]) for i in range(since, k + 1))
            halved = rises < 0.75 * (k + 1 - since) or (not halved and bool(highest == checked))
            checked = highest
            if halved:
                eta, images[-1], values[-1] = eta / 2, best, highest
    return asked


def test_apgd_takes_the_papers_steps_image_by_image() -> None:
    net, x, y = bumpy_case(6, seed=2)
    recorder = Recorder(net)
    run_attack(recorder, x, y, AttackSpec(name="apgd_ce", eps=0.05, steps=40))
    found = torch.stack(recorder.seen[1:-1])
    for i in range(len(x)):
        expected = algorithm_1(net, x[i : i + 1], y[i : i + 1], found[0, i : i + 1], eps=0.05, steps=40)
        assert torch.allclose(found[:, i], torch.cat(expected), atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_apgd_breaks_no_fewer_than_torchattacks(seed: int) -> None:
    net, x, y = bumpy_case(60, seed=seed)
    success = run_attack(net, x, y, AttackSpec(name="apgd_ce", eps=0.006, steps=30)).success
    theirs = torchattacks.APGD(copy.deepcopy(net), eps=0.006, steps=30, loss="ce")(x, y)
    broken = int((net(theirs).argmax(dim=1) != y).sum())
    assert 0.2 * len(x) < broken < 0.8 * len(x)
    assert int(success.sum()) >= broken - 1


@pytest.mark.parametrize("name", APGD)
def test_apgd_breaks_no_fewer_than_pgd(name: str) -> None:
    net, x, y = bumpy_case(60, seed=0)
    found = run_attack(net, x, y, AttackSpec(name=name, eps=0.006, steps=30)).success
    pgd = run_attack(net, x, y, AttackSpec(name="pgd", eps=0.006, steps=30)).success
    assert int(found.sum()) >= int(pgd.sum()) - 1


@pytest.mark.parametrize("name", APGD)
def test_apgd_finds_the_worst_case_of_a_linear_model_exactly(name: str) -> None:
    """Two classes, z = W x: the worst image has each pixel at the end of its range that the weights favour."""
    net, x = LinearNet(pixels=2 * 36, seed=4), scans(9, channels=2, size=6)
    y = own_labels(net, x)
    direction = (net.weight[1 - y] - net.weight[y]).detach().reshape(x.shape)
    worst = torch.where(direction > 0, (x + EPS).clamp(max=1), (x - EPS).clamp(min=0))
    result = run_attack(net, x, y, AttackSpec(name=name, eps=EPS, steps=12))
    assert torch.allclose(result.adversarial, worst, atol=1e-6)


@pytest.mark.parametrize(("name", "runs"), [("apgd_ce", 2), ("apgd_margin", 2), ("apgd_targeted", 6)])
def test_apgd_asks_for_a_start_and_its_steps_only(name: str, runs: int) -> None:
    net, x, y = bumpy_case(4, seed=0)
    slopes: list[Tensor] = []
    recorder = Recorder(net)

    def count(_: nn.Module, __: object, logits: Tensor) -> None:
        if logits.requires_grad:
            logits.register_hook(slopes.append)

    recorder.register_forward_hook(count)
    run_attack(recorder, x, y, AttackSpec(name=name, eps=0.01, steps=7, restarts=2))
    assert len(recorder.seen) == 2 + runs * 8  # clean and result; a start and seven steps a run
    assert len(slopes) == runs * 7


@pytest.mark.parametrize("name", APGD)
def test_fooled_images_cost_apgd_nothing_more(name: str) -> None:
    net, x, y = bumpy_case(30, seed=1)
    counts, found = [], []
    for stop in (False, True):
        recorder = Recorder(net)
        spec = AttackSpec(name=name, eps=0.006, steps=20, stop_when_fooled=stop)
        found.append(run_attack(recorder, x, y, spec))
        counts.append(sum(len(batch) for batch in recorder.seen))
    assert torch.equal(found[0].success, found[1].success)
    assert torch.equal(found[0].first_fooled, found[1].first_fooled)
    runs = found[0].steps_run // 20
    assert counts[0] == (2 + runs * 21) * len(x)
    # Until step s an image is asked about s times, and once more at the start of each run.
    last = [runs * 20 if step < 0 else step for step in found[1].first_fooled.tolist()]
    assert counts[1] <= 2 * len(x) + sum(step + math.ceil(step / 20) for step in last) < counts[0]


class Decoys(nn.Module):
    """Class 0 at 0.5. The last class gets past it with all the budget; those between lead it, and never do."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.level = torch.tensor([0.5, *[0.4] * (classes - 2), 0.1])
        self.slope = torch.tensor([0.0, *[0.1] * (classes - 2), 1.4])
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.level + self.slope * (x.flatten(1) - 0.5)


@pytest.mark.parametrize("classes", range(2, 9))
def test_apgd_targeted_reaches_the_class_that_decoys_hide(classes: int) -> None:
    net, x = Decoys(classes), torch.full((30, 1, 1, classes), 0.5)
    x[:, 0, 0, 0] = torch.linspace(0, 1, len(x))  # class 0 does not see it: 30 images that start apart
    y = own_labels(net, x)
    each = run_attack(net, x, y, AttackSpec(name="apgd_targeted", eps=0.3, steps=10))
    best = run_attack(net, x, y, AttackSpec(name="apgd_margin", eps=0.3, steps=10))
    assert each.success.all() and (each.adversarial_prediction == classes - 1).all()
    assert each.steps_run == 10 * (classes - 1)
    assert best.success.all() if classes == 2 else best.success.float().mean() < 0.5


def test_apgd_with_a_loss_of_its_own_judges_misread_images_by_it() -> None:
    """A clean image that fools already competes by the attack's loss, not by the one the spec names."""
    net, x, y = bumpy_case(20, seed=0)
    for name, other in (("apgd_ce", "margin"), ("apgd_margin", "ce")):
        results = [
            run_attack(net, x, (y + 1) % 4, AttackSpec(name=name, eps=0.003, steps=1, loss=loss)).adversarial
            for loss in (name.removeprefix("apgd_"), other)
        ]
        assert torch.equal(*results)
