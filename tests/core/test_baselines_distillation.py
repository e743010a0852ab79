"""Defensive distillation: the loss by hand, logits that grow with the temperature, recipes, a run on a teacher."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from attack_nets import LinearNet, scans, state_of
from refusals import refused_as
from safetensors.torch import load_file
from tiny_models import save_tiny_model
from torch import Tensor, nn

from meddef_core.errors import ModelError, RecipeError
from meddef_core.training.loop import train
from meddef_core.training.losses import LossSettings
from meddef_core.training.objectives import distillation, make_loss
from meddef_core.training.recipe import Recipe, load_recipe
from meddef_core.training.settings import ObjectiveSettings

RECIPES = Path(__file__).parents[2] / "assets" / "recipes"


class Fixed(nn.Module):
    """Logits that do not depend on the image."""

    def __init__(self, logits: list[list[float]]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x: Tensor) -> Tensor:
        return self.logits


def test_the_loss_by_hand() -> None:
    """Two images, two classes, temperature 20: -sum_k p_k log softmax(z / 20)_k, averaged over the images."""
    teacher, student = Fixed([[math.log(3), 0.0], [0.0, 0.0]]), Fixed([[40.0, 0.0], [0.0, 20.0]])
    value = distillation(student, torch.zeros(2, 1, 4, 4), teacher=teacher, temperature=20.0)
    # The teacher says (3/4, 1/4) and (1/2, 1/2); the student's softened logits are (2, 0) and (0, 1).
    first = math.log(math.e**2 + 1) - 0.75 * 2
    second = math.log(math.e + 1) - 0.5
    assert value.item() == pytest.approx((first + second) / 2, abs=1e-6)
    value.backward()
    assert teacher.logits.grad is None
    probabilities, soft = teacher.logits.softmax(dim=1), (student.logits / 20).softmax(dim=1)
    torch.testing.assert_close(student.logits.grad, ((soft - probabilities) / 20 / 2).detach())


def test_the_student_learns_the_teachers_logits_times_the_temperature() -> None:
    """The minimum is where softmax(z / T) is the teacher's: at temperature 1 the student's softmax is saturated."""
    teacher, x = LinearNet(pixels=64), scans(40, size=8)
    student = LinearNet(pixels=64, seed=1)
    optimizer = torch.optim.LBFGS(student.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = distillation(student, x, teacher=teacher, temperature=20.0)
        loss.backward()
        return loss

    optimizer.step(closure)
    margins = [(net(x)[:, 1] - net(x)[:, 0]).detach() for net in (student, teacher)]
    assert float((margins[0] / margins[1]).median()) == pytest.approx(20, rel=0.05)


def test_the_objective_asks_for_the_teacher_and_leaves_it_alone() -> None:
    student, teacher, x = LinearNet(pixels=64), LinearNet(pixels=64, seed=1), scans(4, size=8)
    before = {key: str(value) for key, value in state_of(teacher).items()}
    objective = ObjectiveSettings(kind="distill", teacher="oct/undefended", temperature=5.0)
    settings: dict[str, Any] = {
        "inner": student,
        "eps": 0.0,
        "generator": torch.Generator(),
        "loss": LossSettings(class_weights=torch.tensor([1.0, 5.0]), label_smoothing=0.1),
    }
    y = torch.tensor([0, 1, 0, 1])
    value = make_loss(objective, x, y, teacher=teacher, **settings)(student)
    torch.testing.assert_close(value, distillation(student, x, teacher=teacher, temperature=5.0))
    value.backward()
    assert before == {key: str(value) for key, value in state_of(teacher).items()}
    with pytest.raises(ValueError, match="needs a teacher"):
        make_loss(objective, x, y, **settings)


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_the_recipes_differ_from_the_undefended_twins_in_network_and_objective_only(task: str) -> None:
    distilled, undefended = (load_recipe(RECIPES / f"{task}-{name}.yaml") for name in ("distilled", "undefended"))
    assert distilled.objective.teacher == f"{task}/undefended" and distilled.objective.temperature == 100
    assert distilled.model_config_of_task().is_baseline
    different = {"name", "title", "summary", "model", "objective"}
    assert distilled.model_dump(exclude=different) == undefended.model_dump(exclude=different)


def test_only_a_distilling_recipe_names_a_teacher() -> None:
    """Else a run begun before there was distillation could not go on: its recipe would no longer be the same."""
    for path in RECIPES.glob("*.yaml"):
        recipe = load_recipe(path)
        values = recipe.model_dump(mode="json")
        assert ("teacher" in values["objective"]) is ("temperature" in values["objective"])
        assert ("teacher" in values["objective"]) is (recipe.objective.kind == "distill")
        assert Recipe.model_validate(json.loads(json.dumps(values))) == recipe


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"objective.teacher": "null"}, "set objective.teacher"),
        ({"objective.temperature": "0.5"}, "'objective.temperature'"),
        ({"objective.temperature": "hot"}, "'objective.temperature'"),
        ({"objective.tutor": "oct/undefended"}, "'objective.tutor'"),
    ],
)
def test_bad_distilling_recipes_stop_with_one_sentence(overrides: dict[str, str], said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        load_recipe(RECIPES / "oct-distilled.yaml", overrides)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_a_run_distils_a_model_of_the_zoo(
    tiny_data: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path / "models"))
    save_tiny_model(tmp_path / "models", "oct/undefended", variant="resnet18")

    def run(name: str, **objective: object) -> dict[str, Tensor]:
        values = {
            "task": "oct",
            "name": "tiny",
            "title": "Tiny",
            "summary": "A test.",
            "epochs": 1,
            "batch": 8,
            "precision": "32-true",
            "model": {"variant": "resnet18", "width": 4, "pool": 4},
            "objective": {"kind": "distill", "teacher": "oct/undefended"} | objective,
        }
        train(Recipe.model_validate(values), data_dir=tiny_data, run_dir=tmp_path / name)
        return load_file(tmp_path / name / "best.safetensors")

    one, same, colder = run("one"), run("same"), run("colder", temperature=1)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["head.weight"], colder["head.weight"])
    with refused_as(RecipeError, "training.teacher-other-task"):
        save_tiny_model(tmp_path / "models", "chest/undefended")
        values = {"task": "chest", "name": "t", "title": "T", "summary": "S.", "epochs": 1, "model": {"width": 4}}
        wrong = Recipe.model_validate(values | {"objective": {"kind": "distill", "teacher": "oct/undefended"}})
        train(wrong, data_dir=tiny_data, run_dir=tmp_path / "wrong")
    with refused_as(ModelError, "zoo.there-no"):
        run("none", teacher="oct/none")
