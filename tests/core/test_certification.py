"""Certificates: exact radii of linear networks, size of the error, abstention, replay, and attacks that must fail."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused_as
from scipy.stats import binom, norm
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.certification import Smoothed, certified_radius, lower_bound, radii, smoothed
from meddef_core.certification.certify import SELECTION, certify_image
from meddef_core.certification.radius import largest_radius
from meddef_core.errors import ModelError
from meddef_core.io.worker import CancelledError
from meddef_core.model import VARIANTS, MedDef, MedDefConfig, average_on_grid
from meddef_core.model.folded import folded

GRID = (16, 8)
SIGMA = 0.25


class LinearOnGrid(nn.Module):
    """Two classes, the second where w . z > b: the smoothed network is the same rule, so all radii are known."""

    def __init__(self, weight: Tensor, *, bias: float) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight, requires_grad=False), bias

    def forward(self, z: Tensor) -> Tensor:
        score = (z * self.weight).sum(dim=(1, 2, 3)) - self.bias
        return torch.stack([-score, score], dim=1)


def linear(*, seed: int = 0, grid: tuple[int, int] = GRID, margin: float = 0.4) -> tuple[Smoothed, Tensor, Tensor]:
    """A smoothed linear network, its weights `(1, h, w)`, and an image `(1, 224, 224)` that far from its boundary."""
    generator = torch.Generator().manual_seed(seed)
    weight, image = torch.randn(1, *grid, generator=generator), torch.rand(1, 224, 224, generator=generator)
    centre = average_on_grid(image[None], grid)[0]
    bias = float((weight * centre).sum() - margin * weight.norm())
    return Smoothed(LinearOnGrid(weight, bias=bias), grid=grid, sigma=SIGMA, classes=2), weight, image


def flips(network: Smoothed, image: Tensor) -> bool:
    """Whether the smoothed linear network, by its formula, no longer answers the second class."""
    base = network.base
    assert isinstance(base, LinearOnGrid)
    score = (base.weight * average_on_grid(image[None], network.grid)).sum() - base.bias
    return bool(score < 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_radius_is_that_of_a_linear_network_and_never_more(seed: int) -> None:
    network, _, image = linear(seed=seed)
    found = certify_image(network, image, n=20_000, seed=seed)
    assert (found.index, found.certified) == (1, True)
    assert 0.95 * 0.4 < found.radius <= 0.4


@pytest.mark.parametrize("grid", [(16, 8), (8, 56), (14, 14)])
def test_radii_in_pixels_are_the_nearest_flips_of_a_linear_network(grid: tuple[int, int]) -> None:
    """In L2 the worst change spreads each cell's weight over its pixels; in L-infinity it is the weights' signs."""
    network, weight, image = linear(grid=grid)
    reach = radii(0.4, grid=grid)
    spread = nn.functional.interpolate(weight[None], size=(224, 224))[0]
    direction = spread / spread.norm()
    assert not flips(network, image - 0.999 * reach.l2 * direction)
    assert flips(network, image - 1.001 * reach.l2 * direction)
    nearest = float(0.4 * weight.norm() / weight.abs().sum())
    assert flips(network, image - 1.001 * nearest * spread.sign())
    assert not flips(network, image - 0.999 * nearest * spread.sign())
    assert reach.linf <= nearest


def test_the_radius_in_linf_is_reached_where_all_cells_weigh_alike() -> None:
    generator = torch.Generator().manual_seed(0)
    signs = torch.randn(1, *GRID, generator=generator).sign()
    image = torch.rand(1, 224, 224, generator=generator)
    bias = float((signs * average_on_grid(image[None], GRID)[0]).sum() - 0.4 * signs.norm())
    network = Smoothed(LinearOnGrid(signs, bias=bias), grid=GRID, sigma=SIGMA, classes=2)
    reach, spread = radii(0.4, grid=GRID), nn.functional.interpolate(signs[None], size=(224, 224))[0]
    assert not flips(network, image - 0.999 * reach.linf * spread)
    assert flips(network, image - 1.001 * reach.linf * spread)


@given(rows=st.sampled_from([8, 14, 56]), columns=st.sampled_from([8, 28, 32]), seed=st.integers(0, 2**16))
def test_no_change_moves_further_on_the_grid_than_the_radii_allow(rows: int, columns: int, seed: int) -> None:
    change = torch.randn(1, 1, 224, 224, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    moved = float(average_on_grid(change, (rows, columns)).norm())
    reach = radii(moved, grid=(rows, columns))
    assert float(change.abs().max()) >= reach.linf * (1 - 1e-9)
    assert float(change.norm()) >= reach.l2 * (1 - 1e-9)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("alpha", [0.001, 0.1])
def test_the_lower_limit_is_above_the_true_share_no_more_often_than_alpha(share: float, alpha: float) -> None:
    counts = np.arange(201)
    above = np.array([lower_bound(int(count), 200, alpha=alpha) > share for count in counts])
    assert binom.pmf(counts, 200, share)[above].sum() <= alpha * (1 + 1e-9)


def test_known_limits() -> None:
    assert lower_bound(0, 100, alpha=0.001) == 0
    assert lower_bound(1000, 1000, alpha=0.001) == pytest.approx(0.001 ** (1 / 1000))
    assert largest_radius(1000, alpha=0.001, sigma=0.25) == pytest.approx(0.25 * norm.ppf(0.001**0.001))
    farthest = radii(largest_radius(1000, alpha=0.001, sigma=0.25), grid=(56, 28))
    assert farthest.linf == pytest.approx(3.97 / 255, rel=1e-2)
    assert certified_radius(0.5, sigma=1.0) == certified_radius(0.2, sigma=1.0) == 0


def test_a_network_in_doubt_abstains() -> None:
    """At the boundary itself half of the votes go to each class."""
    network, _, image = linear(margin=0.0)
    found = certify_image(network, image, n=2000)
    assert not found.certified and found.radius == 0 and found.radii.linf == found.radii.l2 == 0
    assert abs(found.votes[1] - 1000) < 150


def test_the_class_is_chosen_by_other_draws_than_those_that_bound_it() -> None:
    network, _, image = linear()
    found = certify_image(network, image, n=1000, seed=3)
    generator = torch.Generator().manual_seed(3)
    first = network.votes(image, draws=SELECTION, generator=generator)
    assert found.selection_votes == tuple(first) and found.votes == tuple(
        network.votes(image, draws=1000, generator=generator)
    )
    assert found.bound == lower_bound(found.votes[1], 1000, alpha=0.001)


def test_the_same_seed_gives_the_same_certificate_and_another_one_other_votes() -> None:
    network, _, image = linear(margin=0.2)
    certify = partial(certify_image, network, image, n=1050)
    assert certify(seed=1) == certify(seed=1)
    assert certify(seed=1).votes != certify(seed=2).votes


def test_progress_is_told_and_a_certificate_can_be_stopped() -> None:
    network, _, image = linear()
    told: list[tuple[int, int]] = []
    certify_image(network, image, n=250, on_draws=lambda done, total: told.append((done, total)))
    assert told == [(100, 350), (200, 350), (300, 350), (350, 350)]
    told.clear()
    with refused_as(CancelledError, "certificate.certificate-stopped"):
        certify_image(
            network,
            image,
            n=1000,
            on_draws=lambda done, total: told.append((done, total)),
            cancelled=lambda: len(told) == 2,
        )
    assert len(told) == 2


@pytest.mark.parametrize("settings", [{"n": 0}, {"n": 10**8}, {"alpha": 0.0}, {"alpha": 0.5}, {"seed": -1}])
def test_settings_that_cannot_work_are_refused(settings: dict[str, float]) -> None:
    network, _, image = linear()
    with pytest.raises(ModelError):
        certify_image(network, image, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("network", [nn.Flatten(), MedDef(MedDefConfig(classes=2, width=4, pool=4))])
def test_a_network_that_was_not_trained_for_it_is_refused(network: nn.Module) -> None:
    with refused_as(ModelError, "certificate.model-not"):
        smoothed(network)


class Voted(nn.Module):
    """Logarithm of the mean probability over fixed draws: what expectation over transformation attacks."""

    def __init__(self, network: Smoothed, *, draws: int) -> None:
        super().__init__()
        self.network, self.base = network, network.base
        noise = torch.randn(draws, 1, 1, *network.grid, generator=torch.Generator().manual_seed(99))
        self.noise = nn.Buffer(network.sigma * noise)

    def forward(self, x: Tensor) -> Tensor:
        noisy = average_on_grid(x, self.network.grid) + self.noise
        each = self.base(noisy.flatten(0, 1)).softmax(dim=1).unflatten(0, (len(self.noise), len(x)))
        return each.mean(dim=0).clamp(min=1e-9).log()


@pytest.fixture(scope="module")
def trained() -> tuple[Smoothed, Tensor, Tensor]:
    """A small network that learned, under noise, which half of an image is brighter; images and labels."""
    torch.manual_seed(0)
    shape = MedDefConfig(classes=2, width=4, grid=GRID, noise=SIGMA, stem_stride=1, dropout=0.0, **VARIANTS["resnet18"])
    network = MedDef(shape)
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(64) % 2
    x = 0.3 + 0.2 * torch.rand(64, 1, 224, 224, generator=generator)
    lift = 0.02 + 0.1 * torch.rand(64, generator=generator)
    for place, (label, by) in enumerate(zip(y, lift, strict=True)):
        half = slice(0, 112) if label else slice(112, 224)
        x[place, :, half] += by
    centre = average_on_grid(x, GRID)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(40):
        noisy = centre + SIGMA * torch.randn(centre.shape, generator=generator)
        loss = nn.functional.cross_entropy(network(noisy), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return smoothed(network.eval().requires_grad_(False)), x, y


SPECS: list[Callable[[float, float], AttackSpec]] = [
    lambda linf, _: AttackSpec(name="pgd", eps=linf, steps=20, loss="margin"),
    lambda linf, _: AttackSpec(name="apgd_ce", eps=linf, steps=20),
    lambda linf, _: AttackSpec(name="mi_fgsm", eps=linf, steps=10),
    lambda linf, _: AttackSpec(name="square", eps=linf, steps=100),
    lambda _, l2: AttackSpec(name="pgd_l2", eps=l2, steps=20),
]


@pytest.mark.parametrize("make", SPECS)
def test_no_attack_on_the_vote_breaks_a_certified_scan_within_its_radius(
    trained: tuple[Smoothed, Tensor, Tensor], make: Callable[[float, float], AttackSpec]
) -> None:
    network, x, y = trained
    attacked = Voted(network, draws=32).eval()
    certified = 0
    for place in range(6):
        found = certify_image(network, x[place], n=2000, seed=place)
        if not found.certified or found.index != int(y[place]):
            continue
        certified += 1
        spec = make(0.999 * found.radii.linf, 0.999 * found.radii.l2)
        moved = run_attack(attacked, x[place : place + 1], y[place : place + 1], spec).adversarial
        votes = network.votes(moved[0], draws=2000, generator=torch.Generator().manual_seed(7))
        assert int(votes.argmax()) == int(y[place])
        assert not torch.equal(moved[0], x[place]), "the attack changed something"
    assert certified >= 3


def test_the_same_attack_breaks_scans_beyond_their_radius(trained: tuple[Smoothed, Tensor, Tensor]) -> None:
    """What must fail within the radius does work: ten times as far it changes the vote."""
    network, x, y = trained
    attacked = Voted(network, draws=32).eval()
    spec = AttackSpec(name="pgd", eps=0.3, steps=20, loss="margin")
    moved = run_attack(attacked, x[:4], y[:4], spec).adversarial
    broken = [
        int(network.votes(each, draws=500, generator=torch.Generator().manual_seed(7)).argmax()) != int(label)
        for each, label in zip(moved, y[:4], strict=True)
    ]
    assert all(broken)


def test_what_is_certified_is_the_folded_copy_and_the_network_stays_as_it_was() -> None:
    torch.manual_seed(0)
    network = MedDef(MedDefConfig(classes=3, width=4, grid=(56, 28), noise=0.2, stem_stride=2)).eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    vote = smoothed(network)
    z = torch.rand(4, 1, 56, 28)
    torch.testing.assert_close(vote.base(z), network(z), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(network(nn.functional.interpolate(z, size=(224, 224))), network(z), atol=1e-5, rtol=1e-4)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert math.isclose(vote.sigma, 0.2) and vote.grid == (56, 28)
    assert folded(network).entry is not None
