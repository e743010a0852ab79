"""The paper's training: its schedule by value, its attacks by spec, a smoke run of each recipe."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tiny_training import log_of
from torch import Tensor, nn

from meddef_core.model import MedDef, MedDefConfig, parameter_count
from meddef_core.training.loop import train
from meddef_core.training.losses import LossSettings
from meddef_core.training.paper import Phase, make_paper_loss, next_caution, phase, spec_of
from meddef_core.training.recipe import load_recipe
from meddef_core.training.run import check_lists, prepare
from meddef_core.training.scoring import attacked_places
from meddef_core.training.settings import PaperSettings
from meddef_core.training.step import plan_step, take_step

RECIPES = Path(__file__).parents[2] / "assets" / "recipes"


@pytest.mark.parametrize(
    ("epoch", "eps", "weight"),
    [
        (0, 0.01, 0.2),
        (4, 0.015, 0.2),
        (7.999999, 0.02, 0.2),
        (8, 0.02, 0.2),
        (15.5, 0.025, 0.35),
        (22.999999, 0.04, 0.5),
        (23, 0.03, 0.5),
        (99, 0.03, 0.5),
    ],
)
def test_three_phases(epoch: float, eps: float, weight: float) -> None:
    assert phase(PaperSettings(), epoch) == pytest.approx((eps, weight), abs=1e-6)
    assert phase(PaperSettings(), epoch, caution=0.5) == pytest.approx((eps / 2, weight / 2), abs=1e-6)


def test_phases_may_be_left_out() -> None:
    assert phase(PaperSettings(warm_up_epochs=0), 0) == Phase(0.02, 0.2)
    assert phase(PaperSettings(warm_up_epochs=0, aggressive_epochs=0), 0) == Phase(0.03, 0.5)


def test_caution_when_validation_drops() -> None:
    caution, seen, best = 1.0, [], 0.0
    for score in (0.80, 0.78, 0.70, 0.60, 0.60, 0.79, 0.81, 0.82):
        caution = next_caution(caution, PaperSettings(), score=score, best=best)
        best = max(best, score)
        seen.append(caution)
    assert seen == [1, 1, 0.5, 0.25, 0.25, 0.5, 1, 1]


def test_attacks_as_the_paper_trains_with_them() -> None:
    settings = PaperSettings()
    for name in ("pgd", "bim"):
        spec = spec_of(settings, name, eps=0.01, seed=7)
        assert (spec.eps, spec.steps, spec.seed) == (0.01, 40, 7) and spec.rel_step == pytest.approx(1 / 6)
        capped = spec_of(settings, name, eps=0.04, seed=7)
        assert capped.rel_step is not None and capped.rel_step * 0.04 == pytest.approx(0.003)
    assert spec_of(settings, "fgsm", eps=0.01, seed=7).eps == 0.01
    spec = spec_of(settings, "jsma", eps=0.01, seed=7)
    assert (spec.eps, spec.theta) == (0.14, 0.1)


class Extremes(nn.Module):
    """Two logits that are the mean and the largest pixel of an image; remembers the images."""

    def forward(self, x: Tensor) -> Tensor:
        self.images = x
        return torch.stack([x.mean(dim=(1, 2, 3)), x.amax(dim=(1, 2, 3))], dim=1)


def test_the_loss_mixes_all_clean_with_the_attacked_share() -> None:
    torch.manual_seed(0)
    network = MedDef(MedDefConfig(classes=2, width=4, pool=4, afd=False, mfe=False, msf=False)).train()
    x, y = torch.rand(8, 1, 64, 64), torch.tensor([0, 1] * 4)
    loss = LossSettings(class_weights=torch.ones(2), label_smoothing=0.0)
    settings = PaperSettings(attacks=("fgsm", "pgd"), steps=2)
    loss_of = make_paper_loss(
        settings, x, y, inner=network, now=Phase(0.02, 0.2), loss=loss, generator=torch.Generator().manual_seed(0)
    )
    assert all(module.training for module in network.modules())
    judge = Extremes()
    value = loss_of(judge)
    clean, attacked = judge.images.split([8, 3])  # 35 % of eight
    torch.testing.assert_close(clean, x)
    distances = (attacked[:, None] - x).abs().amax(dim=(2, 3, 4))
    chosen = distances.argmin(dim=1)
    assert len(set(chosen.tolist())) == 3 and distances.amin(dim=1).min() > 0
    assert distances.amin(dim=1).max() <= 0.02 + 1e-6
    torch.testing.assert_close(value, 0.8 * loss(judge(x), y) + 0.2 * loss(judge(attacked), y[chosen]))


def test_part_of_the_validation_scans_is_attacked() -> None:
    assert attacked_places(10, share=0.7).sum() == 7 and attacked_places(12, share=0.7).sum() == 8
    assert attacked_places(7, share=1.0).all()
    halves = np.split(attacked_places(1000, share=0.7), 2)
    assert [half.sum() for half in halves] == [350, 350], "lists are sorted by class: each gives its share"


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_smoke_run(task: str, tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    recipe = load_recipe(
        RECIPES / f"paper-{task}.yaml",
        {
            "model.width": "4",
            "model.pool": "4",
            "model.variant": "without_daam",
            "epochs": "3",
            "batch": "16",
            "objective.paper.warm_up_epochs": "1",
            "objective.paper.aggressive_epochs": "1",
            "objective.paper.steps": "2",
            "objective.paper.jsma_share": "0.001",
            "validation.steps": "2",
            "validation.every": "1",
        },
    )
    result = train(recipe, data_dir=tiny_data, run_dir=tmp_path)
    lines = log_of(tmp_path)
    per_epoch = result.steps // 3
    assert lines[0]["eps"] == pytest.approx(0.01) and lines[per_epoch]["eps"] == pytest.approx(0.02)
    assert lines[-1]["eps"] in (pytest.approx(0.03), pytest.approx(0.015), pytest.approx(0.0075))
    assert {line["lr"] for line in lines} == {1e-4}
    assert (tmp_path / "best.safetensors").is_file() and result.best_score >= 0


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_a_step_at_full_width(task: str, tiny_data: Path, own_cache: Path) -> None:
    """The network as the paper has it; of the attacks only the number of steps is less."""
    changes = {"batch": "8", "objective.paper.steps": "2", "objective.paper.attacked_share": "1"}
    recipe = load_recipe(RECIPES / f"paper-{task}.yaml", changes)
    fabric = Fabric(accelerator="cpu", devices=1, precision=recipe.precision)
    run, _ = prepare(recipe, fabric, check_lists(recipe, tiny_data), data_dir=tiny_data, fresh=True)
    # The paper's count with one channel instead of three, and the last layer of its task.
    assert parameter_count(run.average) == pytest.approx(21.83e6, rel=1e-3)
    before = {key: value.clone() for key, value in run.inner.named_parameters()}
    assert np.isfinite(take_step(run, plan_step(run)))
    moved = [name for name, value in run.inner.named_parameters() if not torch.equal(value, before[name])]
    assert any(".afd." in name for name in moved) and len(moved) > 0.9 * len(before)


def test_the_recipes_give_the_papers_numbers() -> None:
    """Written out in the files, so that a reader sees them there; the defaults are the same."""
    for task, batch in (("oct", 64), ("chest", 32)):
        recipe = load_recipe(RECIPES / f"paper-{task}.yaml")
        assert recipe.objective.paper == PaperSettings() and recipe.batch == batch and recipe.epochs == 100
        assert (recipe.model.width, recipe.model.pool, recipe.model.activation) == (64, 1, "relu")
        assert (recipe.model.dropout, recipe.optimizer.lr, recipe.optimizer.weight_decay) == (0.3, 1e-4, 1e-4)
        assert recipe.optimizer.kind == "adam"
