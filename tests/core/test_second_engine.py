"""Torchattacks as a second engine: as strong as our own attacks, under the same checks, and nothing left behind."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attack_nets import assert_same_state, own_labels, scans, small_net, spec_of, state_of
from cli_runs import Run, assert_refused
from refusals import refused_as
from torch import Tensor, nn

from meddef_core.attacks import ATTACKS, AttackSpec, default_spec, run_attack
from meddef_core.attacks.result import DISTANCES, tolerance
from meddef_core.attacks.second_engine import TORCHATTACKS
from meddef_core.errors import AttackError

SETTINGS: dict[str, dict[str, Any]] = {
    "fgsm": {},
    "bim": {"steps": 7},
    "pgd": {"steps": 10, "restarts": 2},
    "mi_fgsm": {"steps": 7},
    "eot_pgd": {"steps": 10, "samples": 2},
    "deepfool": {"steps": 30},
    "fab": {"steps": 20},
    "square": {"steps": 600},
    "apgd_ce": {"steps": 20},
}
"""Settings under which both implementations come near what they can find."""

EXACT = ("fgsm", "bim", "mi_fgsm")
"""Attacks without a random start: both implementations make the same image."""


def both(name: str, *, classes: int, n: int = 24, **changes: Any) -> tuple[Any, Any, Tensor]:
    """The same attack by both engines on the small network's own predictions."""
    net, x = small_net(classes=classes), scans(n)
    spec = replace(spec_of(name), **{**SETTINGS[name], "keep": "best", **changes})
    y = own_labels(net, x)
    ours, theirs = (run_attack(net, x, y, replace(spec, engine=engine)) for engine in ("meddef", "torchattacks"))
    return ours, theirs, x


def test_the_table_names_attacks_of_the_registry() -> None:
    assert TORCHATTACKS.keys() == SETTINGS.keys() and TORCHATTACKS.keys() <= ATTACKS.keys()


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", list(SETTINGS))
def test_both_engines_break_about_the_same_images(name: str, classes: int) -> None:
    ours, theirs, x = both(name, classes=classes)
    broken = [int(result.success.sum()) for result in (ours, theirs)]
    assert abs(broken[0] - broken[1]) <= (0 if name in (*EXACT, "deepfool") else 3), broken
    assert min(broken) > 0
    farthest = float(DISTANCES[ATTACKS[name].norm](theirs.adversarial, x).max())
    assert 0 < farthest <= theirs.spec.eps + tolerance(theirs.spec.eps, norm=ATTACKS[name].norm)


@pytest.mark.parametrize("name", EXACT)
def test_without_a_random_start_the_images_are_the_same(name: str) -> None:
    ours, theirs, _ = both(name, classes=4, keep="last")
    assert torch.allclose(ours.adversarial, theirs.adversarial, atol=1e-5)


@pytest.mark.parametrize("name", list(SETTINGS))
def test_one_image_repeats_and_nothing_is_left_behind(name: str) -> None:
    net, x = small_net(), scans(1)
    net.requires_grad_(True)
    before, draws = state_of(net), (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    spec = replace(spec_of(name), **SETTINGS[name], engine="torchattacks")
    first, again = (run_attack(net, x, own_labels(net, x), spec) for _ in range(2))
    assert torch.equal(first.adversarial, again.adversarial)
    assert_same_state(net, before)
    assert torch.equal(draws[0], torch.get_rng_state()) and draws[1] == random.getstate()
    assert draws[2] == np.random.get_state()[1].tolist()


def test_restarts_differ_and_only_add() -> None:
    net, x = small_net(), scans(24)
    y = own_labels(net, x)
    spec = AttackSpec(name="pgd", eps=4 / 255, steps=2, engine="torchattacks")
    one, five = (run_attack(net, x, y, replace(spec, restarts=restarts)) for restarts in (1, 5))
    assert bool((five.success | ~one.success).all()) and len(five.trace) == 5
    assert not torch.equal(one.adversarial, run_attack(net, x, y, replace(spec, seed=1)).adversarial)


def test_an_image_already_misclassified_stays_fooled() -> None:
    net, x = small_net(), scans(4)
    wrong = (own_labels(net, x) + 1) % 4
    for name in SETTINGS:
        spec = replace(spec_of(name), **SETTINGS[name], engine="torchattacks", stop_when_fooled=True)
        result = run_attack(net, x, wrong, spec)
        assert bool(result.success.all()) and torch.equal(result.adversarial, x), name


class Parameterless(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(1, 2, 3))
        return torch.stack([means, 1 - means], dim=1)


class Detached(Parameterless):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


class Uncopyable(Parameterless):
    def __deepcopy__(self, memo: dict[int, Any]) -> "Uncopyable":
        raise TypeError("no copy")


def test_a_model_without_a_parameter_is_attacked() -> None:
    x = scans(4)
    spec = default_spec("pgd", eps=0.5, engine="torchattacks")
    assert bool(run_attack(Parameterless(), x, own_labels(Parameterless(), x), spec).success.all())


@pytest.mark.parametrize(
    ("model", "spec", "part"),
    [
        (Parameterless(), {"name": "cw_l2", "eps": 1.0}, "torchattacks has no Carlini-Wagner"),
        (Parameterless(), {"name": "apgd_margin", "eps": 0.1}, "choose one of fgsm, bim, pgd"),
        (Parameterless(), {"name": "pgd", "eps": 0.1, "target": 1}, "leave the target out"),
        (Parameterless(), {"name": "pgd", "eps": 0.1, "loss": "margin"}, "use the loss ce"),
        (Detached(), {"name": "pgd", "eps": 0.1}, "passes no gradient"),
        (Uncopyable(), {"name": "pgd", "eps": 0.1}, "cannot be copied"),
    ],
)
def test_what_torchattacks_cannot_do_is_one_sentence(model: nn.Module, spec: dict[str, Any], part: str) -> None:
    with pytest.raises(AttackError) as caught:
        run_attack(model, scans(2), torch.tensor([0, 0]), AttackSpec(**spec, engine="torchattacks"))
    assert part in str(caught.value) and "\n" not in str(caught.value)


def test_float64_and_an_unknown_engine_are_refused() -> None:
    x = scans(2, dtype=torch.float64)
    with pytest.raises(AttackError, match="float32"):
        run_attack(Parameterless(), x, torch.tensor([0, 0]), default_spec("pgd", engine="torchattacks"))
    with refused_as(AttackError, "attack.engine-one-of"):
        default_spec("pgd", engine="foolbox")


# -- on the command line


def test_a_scan_is_attacked_by_the_engine_that_is_named(run: Run, scan: Path) -> None:
    asked = ("attack", scan, "--task", "oct", "--attack", "bim", "--eps", "8/255", "--steps", 3)
    ours, theirs = run(*asked, "--json").document, run(*asked, "--engine", "torchattacks", "--json").document
    assert (ours["spec"]["engine"], theirs["spec"]["engine"]) == ("meddef", "torchattacks")
    assert theirs["numbers"]["linf"] == pytest.approx(ours["numbers"]["linf"], abs=1e-6)
    assert theirs["numbers"]["success"] == ours["numbers"]["success"]
    assert "BIM by torchattacks" in run(*asked, "--engine", "torchattacks").out
    assert_refused(run("attack", scan, "--task", "oct", "--attack", "jsma", "--engine", "torchattacks"), "no JSMA")
    assert_refused(run(*asked, "--engine", "foolbox"), "engine must be one of")


def test_a_list_is_evaluated_by_the_engine_that_is_named(run: Run, noise_data: Path) -> None:
    asked = ("evaluate", "--task", "oct", "--data-dir", noise_data, "--eps", "8/255", "--limit", 4)
    document = run(*asked, "--attacks", "fgsm,pgd", "--steps", 2, "--engine", "torchattacks", "--json").document
    assert [row["spec"]["engine"] for row in document["numbers"]["attacked"]] == ["torchattacks"] * 2
    assert "pgd by torchattacks" in run(*asked, "--attacks", "pgd", "--steps", 2, "--engine", "torchattacks").out
    assert_refused(run(*asked, "--attacks", "apgd_margin", "--engine", "torchattacks"), "torchattacks has no")
    refused = run("evaluate", "--task", "oct", "--attacks", "worst", "--engine", "torchattacks")
    assert_refused(refused, "leave out --engine")
