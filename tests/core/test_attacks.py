"""What every attack must do. One table walks the registry; an attack without a row in it fails."""

import dataclasses
import importlib
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest
import torch
from attack_nets import BUDGETS, Recorder, assert_same_state, attack, own_labels, scans, small_net, spec_of, state_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from meddef_core.attacks import ATTACKS, AttackResult, AttackSpec, default_spec
from meddef_core.attacks.result import DISTANCES, tolerance
from meddef_core.attacks.traits import THREATS
from meddef_core.eps import NORMS


class Row(NamedTuple):
    """What is expected of one attack on the small net."""

    least: float
    """Share of 40 scans it must fool at `BUDGETS[norm]`, in its default setting; a transfer attack has a source."""
    most: float = 1.0
    queries: int = 1
    """Forward passes of one step, at most."""
    visits_all: bool = True
    """Whether every image it asks about is one it may return."""
    changes: Mapping[str, int] = MappingProxyType({})
    """Fields of the default setting that the tests of strength change, for an attack that takes seconds in it."""


TABLE = {
    "apgd_ce": Row(least=0.5),
    "apgd_margin": Row(least=0.5),
    "apgd_targeted": Row(least=0.5),
    "mi_fgsm": Row(least=0.5),
    "pgd_l2": Row(least=0.5),
    "eot_pgd": Row(least=0.5, queries=4),
    "square": Row(least=0.4),
    "fab": Row(least=0.5, queries=2, visits_all=False),
    "jsma": Row(least=0.5),
    "cw_l2": Row(least=0.5, visits_all=False, changes={"steps": 30, "search_steps": 3}),
    "deepfool": Row(least=0.5, visits_all=False),
    "hop_skip_jump": Row(least=0.5, queries=150, visits_all=False, changes={"steps": 2}),
    "fgsm": Row(least=0.5),
    "bim": Row(least=0.5),
    "pgd": Row(least=0.5),
    "noise": Row(least=0.0, most=0.2),
    "uniform_noise": Row(least=0.0, most=0.2),
    "noise_l2": Row(least=0.0, most=0.2),
    "noise_l0": Row(least=0.0, most=0.2),
    "transfer": Row(least=0.5),
    "universal": Row(least=0.4),
}

every_attack = pytest.mark.parametrize("name", list(ATTACKS))
SETTINGS = {field.name for field in dataclasses.fields(AttackSpec)} - {"name", "eps"}


def assert_contract(net: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, result: AttackResult) -> None:
    """All that holds for the result of any L-infinity attack, successful or not."""
    adversarial = result.adversarial
    assert adversarial.shape == x.shape and adversarial.dtype == x.dtype
    assert not adversarial.requires_grad
    assert torch.isfinite(adversarial).all() and adversarial.min() >= 0 and adversarial.max() <= 1
    norm = ATTACKS[spec.name].norm
    assert DISTANCES[norm](adversarial, x).max() <= spec.eps + tolerance(spec.eps, norm=norm)
    with torch.no_grad():
        assert torch.equal(result.adversarial_logits, net(adversarial))
        assert torch.equal(result.clean_logits, net(x))
    reached = result.adversarial_prediction
    assert torch.equal(result.success, reached != y if spec.target is None else reached == spec.target)
    assert torch.allclose(result.linf, (adversarial - x).abs().flatten(1).amax(dim=1))
    with torch.no_grad():
        fooled_before = net(x).argmax(dim=1) != y if spec.target is None else net(x).argmax(dim=1) == spec.target
    assert torch.equal(result.first_fooled == 0, fooled_before)
    assert ((result.first_fooled >= 0) >= result.success).all() and result.first_fooled.max() <= result.steps_run + 1
    assert [line.step for line in result.trace] == list(range(1, result.steps_run + 1))
    for line in result.trace:
        assert line.total == result.trace[0].total >= result.steps_run
        assert line.probabilities.shape == result.clean_logits.shape
        assert torch.allclose(line.probabilities.sum(dim=1), torch.ones((), dtype=x.dtype))
    if not (spec.stop_when_fooled or result.cancelled):
        assert result.steps_run == result.trace[-1].total


# -- the registry


def test_table_has_a_row_for_each_attack() -> None:
    assert TABLE.keys() == ATTACKS.keys()


@every_attack
def test_metadata_is_complete(name: str) -> None:
    info = ATTACKS[name]
    assert info.name == name and name.isidentifier() and name.islower()
    assert info.title and info.one_line.endswith(".") and len(info.one_line) <= 120
    assert any(f" {year}," in info.citation for year in range(1990, 2030)) and "arXiv:" in info.citation
    assert info.threat in THREATS
    assert info.norm in DISTANCES and info.norm in NORMS
    assert info.seeks in ("loss", "smallest")
    assert info.settings <= SETTINGS
    assert info.defaults.keys() <= info.settings | {"eps"}
    assert default_spec(name).steps <= info.most_steps
    assert info.loss is None or "loss" not in info.settings
    assert info.iterative == ("steps" in info.settings)
    assert inspect.getdoc(info.run)
    assert inspect.getdoc(importlib.import_module(info.run.__module__))


def test_white_box_comes_first_and_controls_last() -> None:
    threats = [THREATS.index(info.threat) for info in ATTACKS.values()]
    assert threats == sorted(threats)


# -- the contract


@every_attack
def test_strength(name: str) -> None:
    net, x = small_net(), scans(40)
    y = own_labels(net, x)
    spec = default_spec(name, eps=BUDGETS[ATTACKS[name].norm], **TABLE[name].changes)
    result = attack(net, x, y, spec)
    assert_contract(net, x, y, spec, result)
    share = float(result.success.double().mean())
    assert TABLE[name].least <= share <= TABLE[name].most


@every_attack
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_contract_holds_everywhere(name: str, data: st.DataObject) -> None:
    channels, classes = data.draw(st.sampled_from([1, 3])), data.draw(st.integers(2, 8))
    net = small_net(channels=channels, classes=classes, seed=data.draw(st.integers(0, 99)))
    shape = (data.draw(st.integers(1, 3)), channels, data.draw(st.integers(2, 14)), data.draw(st.integers(2, 14)))
    x = torch.rand(shape, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99))))
    target = data.draw(st.none() | st.integers(0, classes - 1))
    y = torch.tensor(data.draw(st.lists(st.integers(0, classes - 1), min_size=len(x), max_size=len(x))))
    if target is not None:
        y[y == target] = (target + 1) % classes
    spec = AttackSpec(
        name=name,
        eps=data.draw(st.floats(0, 1)) * (4 if ATTACKS[name].norm == "l2" else 1),
        steps=data.draw(st.integers(1, 4)),
        rel_step=data.draw(st.none() | st.floats(0.01, 3)),
        restarts=data.draw(st.integers(1, 2)),
        loss=data.draw(st.sampled_from(["ce", "margin"])),
        keep=data.draw(st.sampled_from(["best", "last"])),
        stop_when_fooled=data.draw(st.booleans()),
        target=target,
        seed=data.draw(st.integers(0, 2**63)),
        samples=data.draw(st.integers(1, 4)),
        search_steps=data.draw(st.integers(1, 3)),
        theta=data.draw(st.floats(0.01, 1)),
    )
    before = state_of(net)
    result = attack(net, x, y, spec)
    assert_contract(net, x, y, spec, result)
    assert_same_state(net, before)
    again = attack(net, x, y, spec)
    assert torch.equal(again.adversarial, result.adversarial)


@every_attack
@pytest.mark.parametrize("keep", ["best", "last"])
def test_epsilon_zero_changes_nothing(name: str, keep: str) -> None:
    net, x = small_net(), scans()
    y = own_labels(net, x)
    result = attack(net, x, y, spec_of(name, eps=0.0, keep=keep))
    assert torch.equal(result.adversarial, x)
    assert not result.success.any()
    assert (result.linf == 0).all() and (result.pixels_changed == 0).all() and torch.isinf(result.psnr).all()


@every_attack
def test_settings_are_the_ones_that_matter(name: str) -> None:
    """A field outside `settings` must not change the result; `seed` inside must."""
    net, x = small_net(), scans()
    y = own_labels(net, x)
    other = {"steps": 9, "rel_step": 0.7, "restarts": 3, "seed": 5, "stop_when_fooled": True, "loss": "margin"}
    other |= {"keep": "last", "samples": 3, "search_steps": 2, "theta": 0.3, "target": 2}
    x, y = x[y != 2], y[y != 2]
    reference = attack(net, x, y, spec_of(name))
    for field in other.keys() - ATTACKS[name].settings:
        result = attack(net, x, y, spec_of(name, **{field: other[field]}))
        assert torch.equal(result.adversarial, reference.adversarial), field
    if "seed" in ATTACKS[name].settings:
        recorders = [Recorder(net) for _ in range(2)]
        for recorder, seed in zip(recorders, (0, 5), strict=True):
            attack(recorder, x, y, spec_of(name, seed=seed, restarts=2 if "restarts" in ATTACKS[name].settings else 1))
        assert any(not torch.equal(*seen) for seen in zip(*(each.seen for each in recorders), strict=False))


@pytest.mark.parametrize("name", [name for name, info in ATTACKS.items() if not info.batchwise])
@pytest.mark.parametrize("stop_when_fooled", [False, True])
def test_an_image_alone_fares_as_in_a_batch(name: str, stop_when_fooled: bool) -> None:
    # In float64: a matrix product rounds differently for another batch size, and where a gradient is zero but for
    # rounding its sign then differs. float64 keeps that below what these images can show.
    net, x = small_net(dtype=torch.float64), scans(5, dtype=torch.float64)
    y = own_labels(net, x)
    spec = spec_of(name, restarts=2, seed=3, stop_when_fooled=stop_when_fooled)
    together = attack(net, x, y, spec)
    order = torch.tensor([3, 0, 4, 2, 1])
    shuffled = attack(net, x[order], y[order], spec)
    assert torch.allclose(shuffled.adversarial, together.adversarial[order], atol=1e-12)
    for i in range(len(x)):
        alone = attack(net, x[i : i + 1], y[i : i + 1], spec)
        assert torch.allclose(alone.adversarial, together.adversarial[i : i + 1], atol=1e-12)
        assert torch.allclose(alone.adversarial_logits, together.adversarial_logits[i : i + 1], atol=1e-9)
        assert alone.success[0] == together.success[i]


@every_attack
def test_a_scan_already_misread_stays_misread(name: str) -> None:
    net, x = small_net(), scans(12)
    wrong = (own_labels(net, x) + 1) % 4
    for spec in (spec_of(name), spec_of(name, stop_when_fooled=True)):
        assert attack(net, x, wrong, spec).success.all()


@every_attack
def test_targeted_reaches_only_the_target(name: str) -> None:
    net, x = small_net(), scans(30)
    y = own_labels(net, x)
    x, y = x[y != 2], y[y != 2]
    if "target" not in ATTACKS[name].settings:
        pytest.skip("this attack has no target")
    changes = {"target": 2, "loss": "margin", **TABLE[name].changes}
    spec = default_spec(name, eps=5 * BUDGETS[ATTACKS[name].norm], **changes)
    result = attack(net, x, y, spec)
    assert_contract(net, x, y, spec, result)
    assert ATTACKS[name].threat == "control" or result.success.float().mean() > 0.3


# -- best iterate


@pytest.mark.parametrize("name", [n for n, row in TABLE.items() if row.visits_all and not ATTACKS[n].batchwise])
@pytest.mark.parametrize("loss", ["ce", "margin"])
@pytest.mark.parametrize("target", [None, 1])
def test_best_of_all_visited_is_returned(name: str, loss: str, target: int | None) -> None:
    """Of all images the model was asked about: a fooling one if there is one, then the highest loss."""
    net, x = small_net(), scans(20)
    y = own_labels(net, x)
    x, y = x[y != 1], y[y != 1]
    recorder = Recorder(net)
    spec = spec_of(name, rel_step=1.7, restarts=2, loss=loss, target=target)  # large steps, so that the loss jumps
    result = attack(recorder, x, y, spec)
    candidates = torch.stack(recorder.seen[1:-1])  # the first is the clean batch, the last the result itself
    logits = torch.stack([net(c) for c in candidates]).detach()
    aim = y if target is None else torch.full_like(y, target)
    sign = 1 if target is None else -1
    if (ATTACKS[name].loss or loss) == "ce":
        height = -sign * logits.log_softmax(dim=2)[:, torch.arange(len(y)), aim]
    else:
        rest = logits.clone()
        rest[:, torch.arange(len(y)), aim] = -torch.inf
        height = sign * (rest.amax(dim=2) - logits[:, torch.arange(len(y)), aim])
    fooled = logits.argmax(dim=2) != y if target is None else logits.argmax(dim=2) == target
    best = (height.double() + 1e6 * fooled).argmax(dim=0)
    expected = height[best, torch.arange(len(y))]
    at = (candidates == result.adversarial).flatten(2).all(dim=2)  # which candidates each result is
    assert at.any(dim=0).all()
    assert torch.allclose(height.masked_fill(~at, -torch.inf).amax(dim=0), expected, atol=1e-5)
    assert torch.equal(result.success, fooled.any(dim=0))


@every_attack
def test_cancel_stops_within_one_step(name: str) -> None:
    net, x = small_net(), scans()
    y = own_labels(net, x)
    recorder = Recorder(net)
    spec = spec_of(name, restarts=3)
    planned = attack(net, x, y, spec).steps_run
    at = min(2, planned)
    result = attack(recorder, x, y, spec, on_step=lambda line: line.step < at)
    assert result.cancelled and result.steps_run == at
    assert len(recorder.seen) <= TABLE[name].queries * (at + 1) + 2  # start and steps, clean and result
    assert_contract(net, x, y, spec, result)
