"""Training: schedules by value, seeded augmentation, runs that learn, start where they are told and resume."""

import hashlib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from refusals import refused_as
from safetensors.torch import load_file
from tiny_models import save_tiny_model
from tiny_training import log_of, tiny_recipe

from meddef_core.errors import ModelError, RecipeError
from meddef_core.io.processes import LOCK
from meddef_core.model import MedDef
from meddef_core.training import loop
from meddef_core.training.augment import Augmentation, warped
from meddef_core.training.averaging import average_runs
from meddef_core.training.finished import open_run, read_run
from meddef_core.training.loop import StepReport, train
from meddef_core.training.run import make_optimizer
from meddef_core.training.schedules import ema_decay, epsilon_ramp, one_cycle
from meddef_core.training.sharing import BatchShare


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


@pytest.mark.parametrize("size", [(31, 47), (48, 20)])
def test_the_warp_is_that_of_an_affine_grid(size: tuple[int, int]) -> None:
    """Any affine map of any shape: turned, mirrored, stretched and shifted."""
    torch.manual_seed(0)
    x, theta = torch.rand(20, 1, *size), torch.eye(2, 3) + 0.4 * torch.randn(20, 2, 3)
    theta[::2, :, 0] *= -1
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    wanted = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    torch.testing.assert_close(warped(x, theta), wanted, atol=2e-5, rtol=0)


def test_a_stretch_changes_the_shape_and_not_the_area() -> None:
    still = {"flip": 0, "scale": 0, "degrees": 0, "shift": 0, "gain": 0, "offset": 0}
    x = torch.zeros(64, 1, 65, 65)
    x[:, :, 22:43, 22:43] = 1
    out = Augmentation(**still, aspect=0.5)(x, generator=torch.Generator().manual_seed(1))
    tall, wide = out[:, 0, :, 32].sum(1), out[:, 0, 32, :].sum(1)
    torch.testing.assert_close(tall * wide, torch.full((64,), 21.0**2), rtol=0.02, atol=0)
    ratio = (tall / wide).log()
    assert -0.55 < ratio.min() < -0.4 and 0.4 < ratio.max() < 0.55 and abs(ratio.mean()) < 0.15
    assert "aspect" not in Augmentation().model_dump() and Augmentation(aspect=0.5).model_dump()["aspect"] == 0.5


def test_a_rim_is_black_on_each_side_and_no_wider_than_asked() -> None:
    still = {"flip": 0, "scale": 0, "degrees": 0, "shift": 0, "gain": 0, "offset": 0}
    x = torch.ones(200, 1, 50, 50)
    out = Augmentation(**still, rim=0.2)(x, generator=torch.Generator().manual_seed(1))
    out = out.round(decimals=4)
    assert torch.equal(out.unique(), torch.tensor([0.0, 1.0])) and out[:, 0, 10:40, 10:40].all()
    for side in (out.mean(3), out.mean(3).flip(2), out.mean(2), out.mean(2).flip(2)):
        widths = (side[:, 0] == 0).long().cummin(1).values.sum(1)
        assert widths.min() == 0 and widths.max() == 10 and 4 < widths.float().mean() < 6
    assert "rim" not in Augmentation().model_dump() and Augmentation(rim=0.2).model_dump()["rim"] == 0.2


def test_augmentation_of_a_share_is_that_share_of_the_whole() -> None:
    x = torch.rand(6, 1, 16, 16)
    augmented = Augmentation(gamma=0.1, aspect=0.2, rim=0.2)
    whole = augmented(x, generator=torch.Generator().manual_seed(1))
    for share in (BatchShare(0, 2), BatchShare(1, 2)):
        part = augmented(share.of(x), generator=torch.Generator().manual_seed(1), share=share)
        torch.testing.assert_close(part, share.of(whole))


@pytest.mark.parametrize(
    ("kind", "expected"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_optimizers_decay_kernels_only(kind: str, expected: type) -> None:
    recipe = tiny_recipe(optimizer={"kind": kind, "weight_decay": 0.1})
    optimizer = make_optimizer(MedDef(recipe.model_config_of_task()), recipe.optimizer)
    assert type(optimizer) is expected
    for group in optimizer.param_groups:
        assert all((p.ndim > 1) is (group["weight_decay"] == 0.1) for p in group["params"])


class Killed(Exception):
    pass


def test_an_interrupted_run_ends_with_the_same_weights(
    tiny_data: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY_SECONDS", 0.0)
    recipe = tiny_recipe(
        precision="bf16-mixed",
        optimizer={"kind": "sgd", "clip": None, "ema": 0},
        validation={"every": 2},
        objective={"kind": "trades", "eps": "2/255", "steps": 1, "awp": 0.01, "craft_mode": "eval"},
    )
    whole = train(recipe, data_dir=tiny_data, run_dir=tmp_path / "whole")

    def kill(report: StepReport) -> None:
        if report.step == 5:
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
    recipe = tiny_recipe(
        epochs=12,
        objective={"kind": "clean"},
        validation={"every": 6},
        optimizer={"ema": 0.9},
        model={"variant": "full", "width": 4, "pool": 4},
    )
    result = train(recipe, data_dir=tiny_data, run_dir=tmp_path)
    lines = log_of(tmp_path)
    assert [line["step"] for line in lines] == list(range(1, result.steps + 1))
    first, last = lines[0]["loss"], sum(line["loss"] for line in lines[-4:]) / 4
    assert last < first
    assert result.best_score > 0.5, "four stripe widths are easy; a quarter would be chance"
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        LOCK,
        "recipe.json",
        "log.jsonl",
        "state.safetensors",
        "best.safetensors",
    }


def test_weights_are_perturbed_under_autocast_too(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    """Autocast remembers the bf16 copies it made of the weights; the perturbed pass must not be given those."""
    losses = []
    for awp in (0.0, 0.05):
        recipe = tiny_recipe(
            epochs=1,
            batch=32,
            precision="bf16-mixed",
            model={"variant": "without_daam", "width": 4, "pool": 4, "dropout": 0},
            objective={"kind": "n_fgsm", "eps": "2/255", "awp": awp},
        )
        train(recipe, data_dir=tiny_data, run_dir=tmp_path / str(awp))
        losses.append(log_of(tmp_path / str(awp))[0]["loss"])
    assert losses[1] > losses[0] + 0.01


def test_a_run_folder_belongs_to_one_recipe(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    train(tiny_recipe(epochs=1, batch=32), data_dir=tiny_data, run_dir=tmp_path)
    with refused_as(RecipeError, "training.state-other-recipe"):
        train(tiny_recipe(epochs=2, batch=32), data_dir=tiny_data, run_dir=tmp_path)
    (tmp_path / "state.safetensors").write_bytes(b"cut")
    with refused_as(RecipeError, "training.state-damaged"):
        train(tiny_recipe(epochs=1, batch=32), data_dir=tiny_data, run_dir=tmp_path)


@pytest.fixture(scope="module")
def earlier(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of OCT's four classes."""
    folder = tmp_path_factory.mktemp("earlier")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDDEF_CACHE_DIR", str(folder / "cache"))
        train(tiny_recipe(epochs=1, batch=32), data_dir=tiny_data, run_dir=folder / "run")
    return folder / "run"


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_run_starts_from_another(
    earlier: Path, tiny_data: Path, tmp_path: Path, own_cache: Path, as_folder: bool
) -> None:
    start = earlier if as_folder else earlier / "best.safetensors"
    # A learning rate of next to nothing: the weights show where the run started.
    recipe = tiny_recipe(epochs=1, batch=32, init=start, optimizer={"lr": 1e-12, "weight_decay": 0})
    train(recipe, data_dir=tiny_data, run_dir=tmp_path / "run")
    one, other = (load_file(folder / "best.safetensors") for folder in (earlier, tmp_path / "run"))
    for key, value in one.items():
        if "running_" not in key and "num_batches" not in key:
            torch.testing.assert_close(value, other[key], atol=1e-6, rtol=0)
    assert log_of(tmp_path / "run")[0]["start"].endswith("every layer.")
    assert (
        read_run(tmp_path / "run").init_sha256
        == hashlib.sha256((earlier / "best.safetensors").read_bytes()).hexdigest()
    )
    assert read_run(earlier).init_sha256 is None


def test_a_run_starts_from_another_task(earlier: Path, tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    recipe = tiny_recipe(task="chest", epochs=1, batch=32, init=earlier, optimizer={"lr": 1e-12, "weight_decay": 0})
    train(recipe, data_dir=tiny_data, run_dir=tmp_path / "run")
    one, other = (load_file(folder / "best.safetensors") for folder in (earlier, tmp_path / "run"))
    torch.testing.assert_close(one["head.0.weight"], other["head.0.weight"], atol=1e-6, rtol=0)
    assert one["head.3.weight"].shape[0] == 4 and other["head.3.weight"].shape[0] == 2
    assert "all but the last layer" in log_of(tmp_path / "run")[0]["start"]


def test_a_run_starts_from_a_model_of_the_zoo(
    tiny_data: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path / "models"))
    card = save_tiny_model(tmp_path / "models", "oct/tiny")
    same = {"variant": "full", "width": 8, "pool": 2}
    run = tmp_path / "run"
    train(tiny_recipe(epochs=1, batch=32, init="oct/tiny", model=same), data_dir=tiny_data, run_dir=run)
    assert "Started from oct/tiny" in log_of(run)[0]["start"]
    assert open_run(run).card.training["init_sha256"] == card.weights.sha256
    with refused_as(RecipeError, "training.no-starting-weights"):
        train(tiny_recipe(init="oct/none"), data_dir=tiny_data, run_dir=tmp_path / "none")


def test_starting_weights_must_fit(earlier: Path, tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    with refused_as(RecipeError, "training.start-other-network") as caught:
        wider = tiny_recipe(init=earlier, model={"variant": "without_daam", "width": 8, "pool": 4})
        train(wider, data_dir=tiny_data, run_dir=tmp_path / "three")
    assert "\n" not in str(caught.value)
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    with refused_as(RecipeError, "training.start-unreadable"):
        train(tiny_recipe(init=tmp_path / "broken.safetensors"), data_dir=tiny_data, run_dir=tmp_path / "four")


def test_runs_are_averaged(earlier: Path, tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    second = tmp_path / "second"
    train(tiny_recipe(epochs=1, batch=32, init=earlier, seed=1), data_dir=tiny_data, run_dir=second)
    result = average_runs([earlier, second], data_dir=tiny_data, output=tmp_path / "mean")
    one, other, mean = (load_file(f / "best.safetensors") for f in (earlier, second, tmp_path / "mean"))
    for key, value in mean.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (one[key] + other[key]) / 2)
    assert 0 <= result.score <= 1 and len(result.scores) == 2
    parents = [hashlib.sha256((run / "best.safetensors").read_bytes()).hexdigest() for run in (earlier, second)]
    assert open_run(tmp_path / "mean").card.training["averaged"] == parents
    before = (second / "best.safetensors").read_bytes()
    with refused_as(RecipeError, "training.average-folder-taken"):
        average_runs([earlier, second], data_dir=tiny_data, output=second)
    assert (second / "best.safetensors").read_bytes() == before
    with refused_as(RecipeError, "training.average-one-run"):
        average_runs([earlier], data_dir=tiny_data, output=tmp_path / "mean")
    with refused_as(ModelError, "training.no-chosen-weights"):
        average_runs([earlier, tmp_path], data_dir=tiny_data, output=tmp_path / "other")
