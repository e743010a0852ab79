"""Training: schedules by value, attacks inside their ball, recipes that refuse nonsense, runs that resume."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from meddef_core.errors import RecipeError
from meddef_core.training import loop
from meddef_core.training.augment import Augmentation
from meddef_core.training.loop import StepReport, train
from meddef_core.training.objectives import Kind, LossSettings, n_fgsm, objective_loss, pgd
from meddef_core.training.recipe import Recipe, load_recipe
from meddef_core.training.schedules import ema_decay, epsilon_ramp, one_cycle

RECIPES = sorted((Path(__file__).parents[2] / "assets" / "recipes").glob("*.yaml"))


def test_one_cycle_rises_and_falls() -> None:
    rates = [one_cycle(p, peak=2.0, warm_up=0.25) for p in (0, 0.125, 0.25, 0.625, 1.0)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 1.0, 0.0])


def test_epsilon_ramp_and_average_decay() -> None:
    assert [epsilon_ramp(p, eps=0.04, warm_up=0.5) for p in (0, 0.25, 0.5, 1)] == pytest.approx([0, 0.02, 0.04, 0.04])
    assert epsilon_ramp(0, eps=0.04, warm_up=0) == 0.04
    assert ema_decay(0, decay=0.99) == pytest.approx(0.1) and ema_decay(10**6, decay=0.99) == 0.99


def test_augmentation_is_seeded_and_can_do_nothing() -> None:
    x = torch.rand(3, 1, 32, 32)
    one, same, other = (Augmentation()(x, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    torch.testing.assert_close(one, same)
    assert not torch.allclose(one, other) and one.min() >= 0 and one.max() <= 1
    still = Augmentation(flip=0, scale=0, degrees=0, shift=0, gain=0, offset=0)
    torch.testing.assert_close(still(x, generator=torch.Generator()), x, atol=1e-5, rtol=0)
    mirrored = Augmentation(flip=1, scale=0, degrees=0, shift=0, gain=0, offset=0)
    torch.testing.assert_close(mirrored(x, generator=torch.Generator()), x.flip(3), atol=1e-4, rtol=0)


def linear_problem() -> tuple[nn.Module, torch.Tensor, torch.Tensor, LossSettings]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    settings = LossSettings(class_weights=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1)
    return network, torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2]), settings


def test_n_fgsm_adds_noise_and_one_full_step() -> None:
    network, x, y, loss = linear_problem()
    adversarial = n_fgsm(network, x, y, eps=0.05, noise=2.0, loss=loss, generator=torch.Generator().manual_seed(0))
    noise = (torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1) * 0.1
    start = (x + noise).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(network(start), y), start)
    torch.testing.assert_close(adversarial, (x + noise + 0.05 * gradient.sign()).clamp(0, 1))


def test_pgd_stays_in_the_ball_and_raises_the_loss() -> None:
    network, x, y, loss = linear_problem()
    adversarial = pgd(network, x, y, eps=0.05, steps=5, loss=loss, generator=torch.Generator().manual_seed(0))
    assert (adversarial - x).abs().max() <= 0.05 + 1e-6 and adversarial.min() >= 0 and adversarial.max() <= 1
    assert loss(network(adversarial), y) > loss(network(x), y)


@pytest.mark.parametrize("kind", ["clean", "n_fgsm", "pgd"])
def test_every_objective_teaches_and_leaves_no_stray_gradient(kind: Kind) -> None:
    network, x, y, loss = linear_problem()
    value = objective_loss(
        kind, network, x, y, inner=network, eps=0.03, noise=2.0, steps=2, clean_share=0.5, loss=loss,
        generator=torch.Generator().manual_seed(0),
    )
    assert all(p.grad is None for p in network.parameters())
    value.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid(path: Path) -> None:
    recipe = load_recipe(path)
    assert f"{recipe.task}-{recipe.name}" == path.stem


def test_overrides_reach_nested_keys() -> None:
    recipe = load_recipe(RECIPES[0], {"objective.eps": "4/255", "epochs": "3", "validation.eps": "0.01"})
    assert recipe.objective.eps == pytest.approx(4 / 255) and recipe.epochs == 3 and recipe.validation.eps == 0.01


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"epoch": "3"}, "'epoch'"),
        ({"task": "mri"}, "task must be one of"),
        ({"protocol": "random"}, "protocol must be one of"),
        ({"epochs": "0"}, "'epochs'"),
        ({"objective.kind": "magic"}, "'objective.kind'"),
        ({"objective.eps": "3"}, "'objective.eps'"),
        ({"objective.eps": "two"}, "epsilon"),
        ({"model.width": "7"}, "multiple of 4"),
        ({"model.variant": "best"}, "variant must be one of"),
        ({"epochs.more": "1"}, "no sub-keys"),
        ({"epochs": "[1"}, "not valid YAML"),
    ],
)
def test_bad_recipes_stop_with_one_sentence(overrides: dict[str, str], said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        load_recipe(RECIPES[0], overrides)
    assert "\n" not in str(caught.value)


def test_unreadable_recipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="check the path"):
        load_recipe(tmp_path / "none.yaml")
    for content, said in (("a: [1", "not valid YAML"), ("- 1", "keys and values")):
        (tmp_path / "bad.yaml").write_text(content)
        with pytest.raises(RecipeError, match=said):
            load_recipe(tmp_path / "bad.yaml")


def tiny_recipe(**changes: object) -> Recipe:
    values: dict[str, object] = {
        "task": "oct", "name": "tiny", "title": "Tiny", "summary": "A test.", "epochs": 4, "batch": 8,
        "precision": "32-true", "model": {"width": 4, "pool": 4},
        "objective": {"kind": "n_fgsm", "eps": "2/255"}, "validation": {"every": 1, "eps": "2/255", "steps": 2},
    }
    return Recipe.model_validate(values | changes)


class Killed(Exception):
    pass


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_an_interrupted_run_ends_with_the_same_weights(
    tiny_data: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY_SECONDS", 0.0)
    recipe = tiny_recipe(precision=precision)
    whole = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "whole")

    def kill(report: StepReport) -> None:
        if report.step == 9:
            raise Killed

    with pytest.raises(Killed):
        train(recipe, data_dir=tiny_data, run_dir=tmp_path / "cut", on_progress=kill)
    resumed = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "cut")
    assert (resumed.steps, resumed.best_step, resumed.best_score) == (whole.steps, whole.best_step, whole.best_score)
    for name in ("state.safetensors", "best.safetensors"):
        one, other = load_file(tmp_path / "whole" / name), load_file(tmp_path / "cut" / name)
        assert one.keys() == other.keys()
        for key, value in one.items():
            torch.testing.assert_close(value, other[key], atol=1e-6, rtol=1e-5)


def test_a_run_learns_and_logs_every_step(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    recipe = tiny_recipe(epochs=15, objective={"kind": "clean"}, validation={"every": 5}, optimizer={"ema": 0.9})
    result = train(recipe, data_dir=tiny_data, run_dir=tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, result.steps + 1))
    first, last = lines[0]["loss"], sum(line["loss"] for line in lines[-4:]) / 4
    assert last < first
    assert result.best_score > 0.5, "four stripe widths are easy; a quarter would be chance"
    assert not list(tmp_path.glob("*.tmp"))


def test_a_run_folder_belongs_to_one_recipe(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    train(tiny_recipe(epochs=1), data_dir=tiny_data, run_dir=tmp_path)
    with pytest.raises(RecipeError, match="another recipe"):
        train(tiny_recipe(epochs=2), data_dir=tiny_data, run_dir=tmp_path)
    (tmp_path / "state.safetensors").write_bytes(b"cut")
    with pytest.raises(RecipeError, match="damaged"):
        train(tiny_recipe(epochs=1), data_dir=tiny_data, run_dir=tmp_path)


def test_starting_weights_must_fit(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    train(tiny_recipe(epochs=1), data_dir=tiny_data, run_dir=tmp_path / "one")
    start = tmp_path / "one" / "best.safetensors"
    train(tiny_recipe(epochs=1, init=start), data_dir=tiny_data, run_dir=tmp_path / "two")
    with pytest.raises(RecipeError, match="do not fit"):
        wider = tiny_recipe(epochs=1, init=start, model={"width": 8, "pool": 4})
        train(wider, data_dir=tiny_data, run_dir=tmp_path / "three")
