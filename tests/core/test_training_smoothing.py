"""Training for smoothing: losses by their formulas, attacks inside their ball, runs that resume, the score by hand."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from scipy.stats import norm
from tiny_training import tiny_recipe
from torch import Tensor

from meddef_core.data.images import Images
from meddef_core.data.lists import ListedScan
from meddef_core.errors import RecipeError
from meddef_core.model import VARIANTS, MedDef, MedDefConfig, average_on_grid
from meddef_core.training.finished import read_run
from meddef_core.training.loop import StepReport, train
from meddef_core.training.losses import LossSettings
from meddef_core.training.recipe import load_recipe
from meddef_core.training.scoring import Judge, validation_score
from meddef_core.training.settings import ObjectiveSettings, SmoothingSettings
from meddef_core.training.smoothing import inconsistency, smooth_adv, smoothing_loss
from meddef_core.training.validation_settings import CertifiedValidation, ValidationSettings

GRID = (14, 8)
LOSS = LossSettings(class_weights=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1)
SMOOTH: dict[str, Any] = {
    "model": {"variant": "without_daam", "width": 4, "pool": 1, "grid": [14, 8], "noise": 0.2, "stem_stride": 1},
    "objective": {"kind": "smooth", "smoothing": {"draws": 2, "consistency": 5.0, "entropy": 0.5}},
    "validation": {"every": 1, "certified": {"draws": 20}},
}


def small_network() -> MedDef:
    torch.manual_seed(0)
    return MedDef(MedDefConfig(classes=3, width=4, grid=GRID, noise=0.2, stem_stride=1, **VARIANTS["resnet18"]))


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(6, 1, 224, 224, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_without_regulariser_the_loss_is_cross_entropy_of_noisy_grids() -> None:
    network, (x, y) = small_network().eval(), batch()
    objective = ObjectiveSettings(kind="smooth", smoothing=SmoothingSettings(draws=3))
    value = smoothing_loss(objective, x, y, inner=network, eps=0.0, loss=LOSS, generator=seeded())(network)
    noise = torch.randn(3, 6, 1, *GRID, generator=seeded())
    noisy = (average_on_grid(x, GRID) + 0.2 * noise).reshape(18, 1, *GRID)
    torch.testing.assert_close(value, LOSS(network(noisy), torch.cat([y, y, y])))


def test_weaker_noise_is_that_of_the_first_draw_scaled_image_by_image() -> None:
    network, (x, y) = small_network().eval(), batch()
    settings = SmoothingSettings(draws=2, weaker=True)
    seen: list[Tensor] = []
    value = smoothing_loss(
        ObjectiveSettings(kind="smooth", smoothing=settings),
        x,
        y,
        inner=network,
        eps=0.0,
        loss=LOSS,
        generator=seeded(),
    )
    value(lambda z: seen.append(z) or network(z))  # type: ignore[arg-type, func-returns-value]
    generator = seeded()
    noise = 0.2 * torch.randn(2, 6, 1, *GRID, generator=generator)
    scale = torch.rand(6, generator=generator)
    first, second = (seen[0] - average_on_grid(x, GRID).repeat(2, 1, 1, 1)).split(6)
    torch.testing.assert_close(first, noise[0] * scale[:, None, None, None], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(second, noise[1], atol=1e-6, rtol=1e-4)


def test_inconsistency_by_its_formula() -> None:
    logits = torch.randn(4, 5, 3, generator=seeded())
    p = logits.softmax(dim=2)
    mean = p.mean(dim=0)
    divergence = torch.stack([(mean * (mean / each).log()).sum(dim=1) for each in p]).mean(dim=0)
    entropy = -(mean * mean.log()).sum(dim=1)
    settings = SmoothingSettings(draws=4, consistency=5.0, entropy=0.5)
    torch.testing.assert_close(inconsistency(logits, settings), 5 * divergence + 0.5 * entropy)
    same = inconsistency(logits[:1].expand(4, -1, -1), settings)
    torch.testing.assert_close(same, -0.5 * (p[0] * p[0].log()).sum(dim=1))


@pytest.mark.parametrize("steps", [1, 4])
def test_smooth_adv_lowers_the_mean_probability_within_its_ball(steps: int) -> None:
    network, (x, y) = small_network().eval(), batch()
    grid = average_on_grid(x, GRID)
    noise = 0.2 * torch.randn(4, *grid.shape, generator=seeded())

    def hardness(z: Tensor) -> Tensor:
        mean = network((z + noise).flatten(0, 1)).softmax(dim=1).unflatten(0, (4, 6)).mean(dim=0)
        return F.nll_loss(mean.log(), y, reduction="none")

    moved = smooth_adv(network, grid, y, noise=noise, radius=0.5, steps=steps)
    assert (moved - grid).flatten(1).norm(dim=1).max() <= 0.5 + 1e-5
    assert (hardness(moved) > hardness(grid)).all()
    assert all(parameter.grad is None for parameter in network.parameters())


def test_an_attacked_objective_reaches_as_far_as_its_epsilon_does() -> None:
    """What an L-infinity attack of epsilon does to every pixel alike is on the rim of the ball on the grid."""
    x = torch.full((1, 1, 224, 224), 0.5)
    moved = average_on_grid(x + 2 / 255, GRID) - average_on_grid(x, GRID)
    assert float(moved.norm()) == pytest.approx(2 / 255 * math.sqrt(math.prod(GRID)), rel=1e-4)


def test_the_certified_score_by_hand() -> None:
    """A network that sees brightness alone: its votes are those of a normal distribution."""

    class Brightness(MedDef):
        def forward(self, x: Tensor) -> Tensor:
            over = x.mean(dim=(1, 2, 3)) - 0.5
            return torch.stack([-over, over, torch.full_like(over, -9.0)], dim=1)

    network = Brightness(small_network().config).eval()
    levels = np.array([0.45, 0.49, 0.51, 0.56, 0.48], dtype=np.float64)
    labels = [0, 0, 1, 1, 1]
    stored = np.round(np.tile(levels[:, None, None, None], (1, 1, 224, 224)) * 65535).astype(np.uint16)
    items = tuple(ListedScan(str(place), label, str(place), str(place)) for place, label in enumerate(labels))
    images = Images(stored, torch.tensor(labels), items)
    spread = 0.2 / math.sqrt(math.prod(GRID))
    settings = CertifiedValidation(draws=2000, linf=(0.0, 0.02))
    # The exact radius is the distance to 0.5: 0.05, 0.01, 0.01, 0.06 and wrong.
    expected = ((1 + 2 / 3) / 2 + (1 / 2 + 1 / 3) / 2) / 2
    assert norm.sf(0.02 / spread) * 2000 > 50, "the radius is far from what 2,000 draws can tell"
    found = validation_score(Judge(network), images, ValidationSettings(certified=settings), classes=3)
    assert found == pytest.approx(expected)


def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(
    tiny_data: Path, tmp_path: Path, own_cache: Path
) -> None:
    recipe = tiny_recipe(**SMOOTH)
    whole = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "whole")

    def stop(report: StepReport) -> None:
        if report.score is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, data_dir=tiny_data, run_dir=tmp_path / "cut", on_progress=stop)
    again = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "cut")
    assert 0 <= whole.best_score <= 1 and again.best_score == whole.best_score
    one, other = (load_file(tmp_path / name / "best.safetensors") for name in ("whole", "cut"))
    for key, value in one.items():
        torch.testing.assert_close(value, other[key])
    assert read_run(tmp_path / "cut").recipe.model_config_of_task().grid == (14, 8)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model.noise": "0"}, "go together"),
        ({"model.grid": "[15, 8]"}, "describes no network"),
        ({"model.grid": "null"}, "describes no network"),
        ({"model.pool": "2"}, "describes no network"),
        ({"validation.eps": "2/255"}, "remove one"),
        ({"objective.smoothing.draws": "1"}, "compare draws"),
        ({"objective.noise": "1.5"}, "does not read 'noise'"),
        ({"objective": "{kind: clean}"}, "go together"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    path = tmp_path / "smooth.yaml"
    path.write_text(tiny_recipe(**SMOOTH).model_dump_json(exclude_defaults=True))
    load_recipe(path)
    with pytest.raises(RecipeError, match=reason):
        load_recipe(path, changes)
