"""What every attack owes its caller while it runs: news of each step, errors passed on, nothing left changed."""

import pytest
import torch
from attack_nets import Recorder, assert_same_state, attack, own_labels, scans, small_net, spec_of, state_of

from meddef_core.attacks import ATTACKS, AttackStep

every_attack = pytest.mark.parametrize("name", list(ATTACKS))


@every_attack
def test_every_step_is_reported_as_it_happens(name: str) -> None:
    net, x = small_net(), scans()
    heard: list[AttackStep] = []
    result = attack(net, x, own_labels(net, x), spec_of(name, restarts=2), on_step=heard.append)
    assert len(heard) == result.steps_run == heard[-1].total
    assert all(a is b for a, b in zip(heard, result.trace, strict=True))
    assert not result.cancelled
    assert heard[-1].success == int(result.success.sum())


@every_attack
def test_errors_pass_through_and_leave_the_model_as_found(name: str) -> None:
    net, x = small_net(), scans()
    y = own_labels(net, x)
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    before = state_of(net)
    with pytest.raises(ZeroDivisionError, match="the model itself failed"):
        attack(Recorder(net, fail_at=2), x, y, spec_of(name))
    assert_same_state(net, before)

    def interrupt(_: AttackStep) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attack(net, x, y, spec_of(name), on_step=interrupt)
    assert_same_state(net, before)
    assert torch.is_grad_enabled()


@every_attack
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_callers_gradient_mode_does_not_matter(name: str, mode: type) -> None:
    net, x = small_net(), scans()
    y = own_labels(net, x)
    expected = attack(net, x, y, spec_of(name))
    with mode():
        found = attack(net, x.clone().requires_grad_(mode is torch.enable_grad), y, spec_of(name))
    assert torch.equal(found.adversarial, expected.adversarial)


def test_the_callers_images_are_not_changed() -> None:
    net, x = small_net(), scans()
    y, copy = own_labels(net, x), x.clone()
    result = attack(net, x, y, spec_of("pgd"))
    result.adversarial.zero_()
    assert torch.equal(x, copy)
