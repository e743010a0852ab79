"""Recipes: the shipped ones are valid, nonsense stops before the first step, earlier runs' still mean the same."""

import json
import shutil
from pathlib import Path

import pytest
from refusals import refused_as
from tiny_training import tiny_recipe

from meddef_core.errors import DataError, RecipeError
from meddef_core.training.loop import train
from meddef_core.training.recipe import Recipe, load_recipe

RECIPES = sorted((Path(__file__).parents[2] / "assets" / "recipes").glob("*.yaml"))
MEDDEF = next(path for path in RECIPES if path.stem == "oct-meddef")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid(path: Path) -> None:
    recipe = load_recipe(path)
    assert path.stem in (f"{recipe.task}-{recipe.name}", f"{recipe.name}-{recipe.task}")
    assert Recipe.model_validate(json.loads(recipe.model_dump_json())) == recipe


def test_overrides_reach_nested_keys() -> None:
    changes = {"objective.eps": "4/255", "epochs": "3", "validation.eps": "0.01", "alarm.gap": "0.5"}
    recipe = load_recipe(MEDDEF, changes)
    assert recipe.objective.eps == pytest.approx(4 / 255) and recipe.epochs == 3 and recipe.validation.eps == 0.01
    assert recipe.alarm is not None and recipe.alarm.gap == 0.5


def test_a_recipe_is_written_as_before_there_were_the_keys_it_does_not_use() -> None:
    """Else a run begun with an earlier version could not go on: its recipe would no longer be the same."""
    values = tiny_recipe().model_dump(mode="json")
    assert list(values["objective"]) == [
        "kind",
        "eps",
        "eps_warm_up",
        "noise",
        "steps",
        "clean_share",
        "label_smoothing",
    ]
    assert list(values["optimizer"]) == ["lr", "weight_decay", "warm_up", "clip", "ema"]
    assert list(values["validation"]) == ["every", "start", "eps", "steps"]
    assert not {"alarm", "pruning"} & set(values)
    used = tiny_recipe(alarm={}, objective={"kind": "trades", "eps": 0.01, "awp": 0.01}, optimizer={"kind": "sgd"})
    values = used.model_dump(mode="json")
    assert values["alarm"] and values["objective"]["awp"] == 0.01 and values["objective"]["beta"] == 6
    assert values["optimizer"]["kind"] == "sgd" and Recipe.model_validate(values) == used


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_what_a_run_wrote_down_is_a_recipe(tmp_path: Path, path: Path) -> None:
    """It holds keys that its objective does not read, at their defaults."""
    (tmp_path / "recipe.json").write_text(load_recipe(path).model_dump_json())
    assert load_recipe(tmp_path / "recipe.json") == load_recipe(path)


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
        ({"objective.beta": "0"}, "'objective.beta'"),
        ({"objective.awp": "1"}, "'objective.awp'"),
        ({"objective.awp": "0.01", "objective.kind": "clean"}, "awp goes with an objective that attacks"),
        ({"objective.craft_mode": "test"}, "'objective.craft_mode'"),
        ({"objective.paper.attacks": "[fgsm, magic]"}, "'magic' is no attack to train on"),
        ({"objective.paper.attacks": "[noise]"}, "'noise' is no attack to train on"),
        ({"objective.paper.attacked_share": "0"}, "'objective.paper.attacked_share'"),
        ({"alarm": "{gap: 1}"}, "'alarm.gap'"),
        ({"alarm": "{}", "objective.kind": "clean"}, "contradicts itself: the alarm watches"),
        ({"optimizer.kind": "lion"}, "'optimizer.kind'"),
        ({"optimizer.lr": "-1"}, "'optimizer.lr'"),
        ({"validation.attacked_share": "2"}, "'validation.attacked_share'"),
        ({"model.width": "7"}, "multiple of 4"),
        ({"model.variant": "best"}, "variant must be one of"),
        ({"epochs.more": "1"}, "no sub-keys"),
        ({"epochs": "[1"}, "not valid YAML"),
        ({"optimizer.lr": ".inf"}, "'optimizer.lr'"),
        ({"objective.noise": ".nan"}, "'objective.noise'"),
        ({"augmentation.gamma": ".inf"}, "'augmentation.gamma'"),
        ({"objective.beta": "3"}, "n_fgsm does not read 'beta'; remove it"),
        ({"objective.kind": "trades", "objective.clean_share": "0.5"}, "trades does not read 'clean_share'"),
        ({"objective.kind": "clean", "alarm": "null"}, "clean does not read 'eps'"),
    ],
)
def test_bad_recipes_stop_with_one_sentence(overrides: dict[str, str], said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        load_recipe(MEDDEF, overrides)
    assert "\n" not in str(caught.value)


def test_unreadable_recipes_are_refused(tmp_path: Path) -> None:
    with refused_as(RecipeError, "training.recipe-unreadable"):
        load_recipe(tmp_path / "none.yaml")
    for content, said in (("a: [1", "not valid YAML"), ("- 1", "keys and values")):
        (tmp_path / "bad.yaml").write_text(content)
        with pytest.raises(RecipeError, match=said):
            load_recipe(tmp_path / "bad.yaml")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 64}, "A batch of 64 is more than the 32 training scans"),
        ({"objective": {"kind": "pgd"}}, "attacks with epsilon 0"),
    ],
)
def test_numbers_that_do_not_go_with_the_lists_stop_it(
    tiny_data: Path, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    assert_stopped(tiny_data, tmp_path / "run", said=said, **changes)


def test_a_batch_is_divided_evenly_or_not_at_all(tiny_data: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be divided evenly among 3"):
        train(tiny_recipe(), data_dir=tiny_data, run_dir=tmp_path / "run", devices=3)
    assert not (tmp_path / "run").exists()


def test_missing_and_leaking_data_stop_it(tiny_data: Path, tmp_path: Path) -> None:
    assert_stopped(tmp_path, tmp_path / "run", said="it needs train/ and test/", error=DataError)
    data = tmp_path / "data"
    shutil.copytree(tiny_data / "oct", data / "oct")
    # Another scan of a patient who is on the training list.
    (data / "oct" / "val" / "CNV" / "CNV-101-1.jpeg").rename(data / "oct" / "val" / "CNV" / "CNV-1-2.jpeg")
    assert_stopped(data, tmp_path / "run", said="stand in both train and val", error=DataError)
    shutil.rmtree(data / "oct" / "train" / "DME")
    assert_stopped(data, tmp_path / "run", said="No scans of class DME", error=DataError)


def assert_stopped(
    data_dir: Path, run_dir: Path, *, said: str, error: type[Exception] = RecipeError, **changes: object
) -> None:
    with pytest.raises(error, match=said) as caught:
        train(tiny_recipe(**changes), data_dir=data_dir, run_dir=run_dir)
    assert "\n" not in str(caught.value) and not run_dir.exists()
