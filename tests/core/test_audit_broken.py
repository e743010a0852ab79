"""The broken defences: every one is flagged for its own flaw, on any network it is built around."""

import inspect
from dataclasses import replace
from functools import cache

import pytest
import torch
from attack_nets import assert_same_state, state_of
from audit_nets import honest
from refusals import refused_as
from torch import nn

from meddef_core.auditing import CHECKS, Audit, AuditSubject, audit
from meddef_core.auditing.broken.defences import BROKEN, get_broken
from meddef_core.auditing.report import self_test_lines
from meddef_core.auditing.self_test import PLAN, SelfTestOutcome, self_test
from meddef_core.errors import ModelError

EPS = 3 / 255


def _honest(name: str) -> AuditSubject:
    trained = honest(name)
    return AuditSubject(network=trained.network, x=trained.x[:24], y=trained.y[:24], classes=trained.classes, eps=EPS)


@cache
def _tested() -> tuple[Audit, tuple[SelfTestOutcome, ...]]:
    below = _honest("grey")
    return self_test(replace(below, x=below.x[:16], y=below.y[:16]), plan=replace(PLAN, queries=20, steps=6))


def test_every_broken_defence_is_flagged_and_the_honest_network_is_not_red() -> None:
    found, rows = _tested()
    assert found.verdict != "red", found.failing
    assert [row.name for row in rows] == list(BROKEN)
    assert not [row for row in rows if not row.flagged]
    assert all(row.verdict == "red" for row in rows)


@pytest.mark.parametrize("network", ["colour", "robust"])
@pytest.mark.parametrize("name", list(BROKEN))
def test_each_is_seen_through_by_a_check_that_looks_for_it_and_passes_the_network_below(
    name: str, network: str
) -> None:
    broken, below = BROKEN[name], _honest(network)
    examined = replace(below, network=broken.build(below.network), harness=broken.harness)
    assert audit(examined, plan=PLAN, only=broken.caught_by).failing
    assert audit(below, plan=PLAN, only=broken.caught_by).verdict != "red"


@pytest.mark.parametrize("name", list(BROKEN))
def test_metadata_is_complete(name: str) -> None:
    broken = BROKEN[name]
    assert broken.name == name and name.isidentifier() and broken.title
    assert broken.one_line.endswith(".") and len(broken.one_line) <= 120 and broken.flaw.endswith(".")
    assert any(f" {year}," in broken.citation for year in range(1990, 2030)) and "arXiv:" in broken.citation
    assert broken.caught_by and set(broken.caught_by) <= CHECKS.keys()
    if inspect.isclass(broken.build):
        assert inspect.getdoc(broken.build)


@pytest.mark.parametrize("name", list(BROKEN))
def test_building_leaves_the_network_as_it_was(name: str) -> None:
    trained = honest("grey")
    before = state_of(trained.network)
    net = BROKEN[name].build(trained.network)
    assert isinstance(net, nn.Module) and not any(module.training for module in net.modules())
    with torch.no_grad():
        assert net(trained.x[:4]).shape == (4, trained.classes)
    assert_same_state(trained.network, before)


READ_AS_BEFORE = (
    "quantiser",
    "detached",
    "saturated_logits",
    "wrong_gradient",
    "probabilities",
    "normalised_epsilon",
    "swallowed_exception",
    "clean_images",
    "nan_under_attack",
)
"""Defences that change no reading, or hardly any, of clean images."""


@pytest.mark.parametrize("name", READ_AS_BEFORE)
def test_clean_readings_stay(name: str) -> None:
    trained = honest("grey")
    with torch.no_grad():
        reads = BROKEN[name].build(trained.network)(trained.x).argmax(dim=1)
    assert int((reads == trained.y).sum()) >= 30


def test_without_the_audit_they_look_robust() -> None:
    """They are worth flagging: the number that each would have been published with is far above the honest one."""
    bare = audit(_honest("grey"), plan=PLAN, only={"beats_noise"})
    for name in ("quantiser", "detached", "wrong_gradient", "clean_images", "swallowed_exception"):
        broken = get_broken(name)
        examined = replace(_honest("grey"), network=broken.build(honest("grey").network), harness=broken.harness)
        assert audit(examined, plan=PLAN, only={"beats_noise"}).robust > bare.robust + 2


def test_an_unknown_name_is_refused() -> None:
    with refused_as(ModelError, "audit.no-broken-defence"):
        get_broken("magic")


def test_lines_name_the_check_that_saw_through() -> None:
    found, rows = _tested()
    lines = self_test_lines(found, rows, name="grey")
    assert f"{len(BROKEN)} of {len(BROKEN)} broken defences" in lines[0] and len(lines) == 1 + len(BROKEN)
    assert "seen by gradient_present" in lines[1] and not any("NOT SEEN" in line for line in lines)
