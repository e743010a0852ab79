"""Catastrophic overfitting: when the alarm sounds, what a run does about it, and that it really happens."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tiny_training import log_of, tiny_recipe

from meddef_core.errors import RecipeError
from meddef_core.training.alarm import MOST_ALARMS, Probe, escalated, sounds
from meddef_core.training.loop import StepReport, train
from meddef_core.training.settings import ObjectiveSettings
from meddef_core.training.validation_settings import AlarmSettings


@pytest.mark.parametrize(
    ("fgsm", "pgd", "best_pgd", "expected"),
    [
        (0.80, 0.70, 0.72, False),  # as it should be
        (0.95, 0.05, 0.70, True),  # the collapse
        (0.95, 0.05, None, True),  # from the first epoch on
        (0.40, 0.35, None, False),
        (0.60, 0.29, 0.30, False),  # a wide gap, but nothing was lost
        (0.50, 0.30, 0.60, False),  # lost, but to FGSM as well: no collapse
    ],
)
def test_the_alarm_wants_a_gap_and_a_fall(fgsm: float, pgd: float, best_pgd: float | None, expected: bool) -> None:
    assert sounds(Probe(fgsm=fgsm, pgd=pgd), AlarmSettings(), best_pgd=best_pgd) is expected


def test_each_alarm_makes_crafting_stronger() -> None:
    single, several = ObjectiveSettings(kind="n_fgsm", eps=0.03), ObjectiveSettings(kind="trades", eps=0.03, steps=3)
    assert escalated(single, 0) is single
    after = [escalated(single, alarms) for alarms in (1, 2, 3)]
    assert [(o.kind, o.noise, o.steps) for o in after] == [("n_fgsm", 3.0, 3), ("pgd", 2.0, 2), ("pgd", 2.0, 3)]
    assert escalated(ObjectiveSettings(kind="n_fgsm", eps=0.03, noise=0), 1).noise == 1.0
    assert [escalated(several, alarms).steps for alarms in (1, 2)] == [4, 5]


class Killed(Exception):
    pass


def test_a_run_goes_back_and_escalates_until_it_gives_up(tiny_data: Path, tmp_path: Path, own_cache: Path) -> None:
    """With thresholds that any network crosses, and a kill on the way."""
    recipe = tiny_recipe(
        batch=16,
        objective={"kind": "n_fgsm", "eps": "8/255", "eps_warm_up": 0},
        optimizer={"ema": 0.5},
        model={"variant": "resnet18", "width": 4, "pool": 4},
        alarm={"gap": -1, "fall": -1, "images": 8},
    )

    def kill(report: StepReport) -> None:
        if len([line for line in log_of(tmp_path) if "alarm" in line]) == 2:
            raise Killed

    with pytest.raises(Killed):
        train(recipe, data_dir=tiny_data, run_dir=tmp_path, on_progress=kill)
    good, state = (load_file(tmp_path / f"{name}.safetensors") for name in ("good", "state"))
    assert good.keys() == state.keys() and all(torch.equal(good[key], state[key]) for key in good)
    with pytest.raises(RecipeError, match=f"after {MOST_ALARMS} alarms; lower objective.eps"):
        train(recipe, data_dir=tiny_data, run_dir=tmp_path)
    lines = log_of(tmp_path)
    alarms = [line for line in lines if "alarm" in line]
    assert [line["alarm"] for line in alarms] == list(range(1, MOST_ALARMS + 1))
    assert all((line["step"], line["back_to"]) == (2, 0) for line in alarms)
    assert [(line["kind"], line["steps"]) for line in alarms[:3]] == [("n_fgsm", 3), ("pgd", 2), ("pgd", 3)]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2] * MOST_ALARMS + [1]
    with safe_open(tmp_path / "state.safetensors", framework="pt") as file:
        progress = json.loads(file.metadata()["progress"])
    assert (progress["step"], progress["alarms"]) == (0, MOST_ALARMS)


def test_a_sound_run_takes_the_steps_it_takes_without_the_alarm(
    tiny_data: Path, tmp_path: Path, own_cache: Path
) -> None:
    weights = []
    for name, alarm in (("without", None), ("with", {"gap": 0.9, "images": 8})):
        train(tiny_recipe(epochs=1, alarm=alarm), data_dir=tiny_data, run_dir=tmp_path / name)
        weights.append(load_file(tmp_path / name / "best.safetensors"))
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    probes = [line for line in log_of(tmp_path / "with") if "probe" in line]
    assert [line["probe"] for line in probes] == [4] and np.all([0 <= probes[0][key] <= 1 for key in ("fgsm", "pgd")])


def test_while_epsilon_grows_a_fall_is_one_since_the_last_probe(
    tiny_data: Path, tmp_path: Path, own_cache: Path
) -> None:
    """Under a growing epsilon accuracy falls in every run: a best from its start would leave it to the gap alone."""
    recipe = tiny_recipe(
        epochs=4, objective={"kind": "n_fgsm", "eps": "8/255", "eps_warm_up": 0.7}, alarm={"gap": 0.99, "images": 8}
    )
    train(recipe, data_dir=tiny_data, run_dir=tmp_path)
    growing, last = [], None
    for line in log_of(tmp_path):
        if "probe" in line and line["eps"] < recipe.objective.eps:
            growing.append(line["pgd"])
        elif "probe" in line:
            last = line["pgd"]
    assert len(growing) >= 2 and last is not None
    with safe_open(tmp_path / "state.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["progress"])["best_pgd"] == max(growing[-1], last)
