"""Every check raises what it is there to raise, and leaves honest networks alone."""

import copy
import inspect
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from attack_nets import assert_same_state, state_of
from audit_cases import TABLE
from audit_nets import SHAPES, honest
from refusals import refused_as
from scipy.stats import binomtest
from torch import Tensor

from meddef_core.auditing import CHECKS, QUICK, AuditPlan, AuditSubject, Finding, audit
from meddef_core.auditing.bench import NEEDS
from meddef_core.auditing.broken.defences import BROKEN
from meddef_core.auditing.broken.nets import Wrapper
from meddef_core.auditing.checks.defence import TITLES, bypassed
from meddef_core.auditing.finding import GROUPS, MEANINGS, verdict
from meddef_core.errors import AttackError, DataError
from meddef_core.evaluation.metrics import mcnemar
from meddef_core.model import MedDef

SMALL: AuditPlan = replace(QUICK, steps=8, queries=60, decision_images=2, bypass_images=6)
EPS = 3 / 255
"""Budget at which the undefended networks of `audit_nets` fall for the most part."""


def subject(name: str = "grey", **changes: Any) -> AuditSubject:
    trained = honest(name)
    about = {"network": trained.network, "x": trained.x, "y": trained.y, "classes": trained.classes, "eps": EPS}
    return AuditSubject(**(about | changes))


def finding(check: str, examined: AuditSubject) -> Finding:
    (found,) = audit(examined, plan=SMALL, only={check}).findings
    return found


# -- honest networks


@pytest.mark.parametrize("name", list(SHAPES))
def test_honest_networks_are_never_red(name: str) -> None:
    twin = honest("grey").network if name in ("robust", "meddef") else None
    independent = honest("robust").network if name in ("grey", "meddef") else None
    found = audit(subject(name, twin=twin, independent=independent, eps=2 / 255), plan=SMALL)
    assert found.verdict != "red", [each for each in found.failing if each.severity == "red"]
    assert found.clean >= 30
    needed = {check.name for check in CHECKS.values() if set(check.needs) <= {"twin", "independent"}}
    carried_out = {each.check for each in found.findings if each.status != "not applicable"}
    assert needed - carried_out <= {"twin_falls", "better_than_twin", "transfer_twin", "transfer_independent"}


def test_an_undefended_network_keeps_nothing_and_can_be_trusted_in_that() -> None:
    found = audit(subject(eps=8 / 255), plan=SMALL)
    assert found.robust == 0 and found.verdict != "red"


def test_an_audit_repeats_and_leaves_the_model_as_it_was() -> None:
    network = copy.deepcopy(honest("grey").network).train()
    before = state_of(network)
    only = {"eval_mode", "forwards_agree", "finite_differences", "beats_noise", "square", "decision", "seeds_agree"}
    first, again = (audit(subject(network=network), plan=SMALL, only=only) for _ in range(2))
    assert_same_state(network, before)
    assert first == again and first.verdict == "red"
    assert [each.check for each in first.failing if each.severity == "red"] == ["eval_mode"]


def test_inference_mode_of_the_caller_does_not_matter() -> None:
    with torch.inference_mode():
        trained = honest("grey")
        found = audit(subject(x=trained.x + 0), plan=SMALL, only={"gradient_present", "beats_noise"})
    assert found.verdict == "green"


class Pooled(Wrapper):
    """An honest network of the greatest of every four pixels: where these are equal it has a kink, and no slope."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.interpolate(F.max_pool2d(x, 2), scale_factor=2))


def test_ties_in_a_region_of_one_grey_are_no_wrong_gradient() -> None:
    network = Pooled(honest("grey").network)
    blocks = F.interpolate(F.max_pool2d(honest("grey").x, 2), scale_factor=2)
    found = finding("finite_differences", subject(network=network, x=blocks, y=network(blocks).argmax(dim=1)))
    assert found.status == "passed", found.sentence


# -- each check raises


def test_table_has_a_case_for_each_check() -> None:
    assert TABLE.keys() == CHECKS.keys()


@pytest.mark.parametrize("name", list(CHECKS))
def test_every_check_fails_where_its_flaw_is(name: str) -> None:
    case = TABLE[name]
    found = finding(name, subject(case.base, **case.change()))
    assert found.status == "failed", found.sentence
    assert not found.sentence.startswith("Could not") or name == "errors_show", found.sentence
    worst = CHECKS[name].severity
    assert found.severity == worst or found.severity == "amber"


@pytest.mark.parametrize("name", list(CHECKS))
def test_metadata_is_complete(name: str) -> None:
    check = CHECKS[name]
    assert check.name == name and name.isidentifier() and name.islower()
    assert check.group in GROUPS and check.title and check.severity in ("amber", "red")
    assert check.raised_if.startswith("Raised if ") and check.raised_if.endswith(".") and "  " not in check.raised_if
    assert set(check.needs) <= NEEDS.keys()
    assert inspect.getdoc(check.run) or inspect.getdoc(check.run.func)  # type: ignore[attr-defined]


def test_every_group_has_a_check() -> None:
    assert {check.group for check in CHECKS.values()} == GROUPS.keys()


# -- what findings say


def test_verdict_is_that_of_the_worst_finding() -> None:
    passing = finding("gradient_present", subject())
    amber = replace(passing, status="failed", severity="amber")
    red = replace(amber, severity="red")
    assert verdict([passing]) == "green" and verdict([]) == "green"
    assert verdict([passing, amber]) == "amber" and verdict([amber, red, passing]) == "red"
    assert all(text.endswith(".") for text in MEANINGS.values())


def test_sentences_are_whole_and_figures_are_numbers() -> None:
    found = audit(subject(twin=honest("robust").network), plan=SMALL)
    for each in found.findings:
        assert each.sentence.endswith(".") and "\n" not in each.sentence and not each.sentence[0].islower()
        assert all(isinstance(value, int | float) for value in each.figures.values())
        assert bool(each.figures) == (each.status != "not applicable")


def test_what_the_model_raises_is_a_finding_with_its_words() -> None:
    class Fails(Wrapper):
        def forward(self, x: Tensor) -> Tensor:
            raise KeyError("no such layer")

    found = audit(subject(network=Fails(honest("grey").network)), plan=SMALL)
    assert found.verdict == "red" and found.clean == found.robust == 0
    assert any("KeyError: 'no such layer'" in each.sentence for each in found.failing)


def test_a_missing_need_is_not_applicable_and_says_why() -> None:
    found = finding("transfer_twin", subject())
    assert (found.status, found.severity, found.figures) == ("not applicable", None, {})
    assert found.sentence == NEEDS["twin"]
    assert finding("bypass_afd", subject()).sentence == NEEDS["afd"]


def test_failing_findings_come_severe_first() -> None:
    found = audit(subject(network=BROKEN["saturated_logits"].build(honest("grey").network)), plan=SMALL)
    severities = [each.severity for each in found.failing]
    assert severities == sorted(severities, key=lambda severity: severity != "red") and "amber" in severities


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"eps": 0.0}, "above 0"),
        ({"eps": 1.5}, "between 0 and 1"),
        ({"x": torch.full((4, 1, 16, 16), 2.0), "y": torch.tensor([0, 1, 2, 3])}, "pixels in [0, 1]"),
        ({"y": torch.zeros(3, dtype=torch.int64)}, "a label"),
        ({"y": torch.full((32,), 7)}, "from 0 to 3"),
        ({"y": torch.zeros(32, dtype=torch.int64)}, "at least two classes"),
    ],
)
def test_senseless_subjects_are_refused(changes: dict[str, Any], part: str) -> None:
    with pytest.raises(AttackError, match=part.replace("[", r"\[")):
        audit(subject(**changes), plan=SMALL)


# -- McNemar's test


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 1), (5, 0), (3, 9), (9, 3), (40, 41), (700, 900)])
def test_mcnemar_is_the_exact_binomial_test(b: int, c: int) -> None:
    exact = binomtest(b, b + c).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(exact, rel=1e-9)


def test_mcnemar_refuses_what_is_no_count() -> None:
    with refused_as(DataError, "evaluation.negative-counts"):
        mcnemar(-1, 3)


# -- the bypass


@pytest.mark.parametrize("module", list(TITLES))
def test_a_bypass_changes_the_gradient_and_nothing_else(module: str) -> None:
    trained = honest("meddef")
    network = trained.network
    assert isinstance(network, MedDef)
    before = state_of(network)
    other = bypassed(network, module)
    x = trained.x[:4].clone().requires_grad_()
    logits, own = (net(x) for net in (other, network))
    assert torch.equal(logits, own)
    bypass, true = (torch.autograd.grad(out[:, 0].sum(), x, retain_graph=True)[0] for out in (logits, own))
    assert torch.isfinite(bypass).all() and not torch.allclose(bypass, true)
    assert_same_state(network, before)


def test_only_what_is_there_can_be_bypassed() -> None:
    network = copy.deepcopy(honest("meddef").network)
    assert isinstance(network, MedDef)
    network.attention = None
    with pytest.raises(ValueError, match="no module 'attention'"):
        bypassed(network, "attention")
