"""Images made elsewhere: on another model (transfer), or on other images (universal perturbation)."""

import copy
import dataclasses

import pytest
import torch
import torchattacks
from attack_nets import LinearNet, Recorder, assert_same_state, own_labels, scans, sibling_net, small_net, state_of
from refusals import refused_as
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.attacks.methods.universal import universal_perturbation
from meddef_core.errors import AttackError

EPS = 12 / 255
SPEC = AttackSpec(name="transfer", eps=EPS, steps=10)
UNIVERSAL = AttackSpec(name="universal", eps=EPS, steps=20)


class Opaque(nn.Module):
    """Passes on to `net`, but lets no gradient through."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.detach())


# -- transfer


def test_the_images_are_those_of_mi_fgsm_on_the_source() -> None:
    target, source, x = small_net(), sibling_net(), scans(12)
    y = own_labels(target, x)
    found = run_attack(target, x, y, dataclasses.replace(SPEC, keep="last"), source=source).adversarial
    theirs = torchattacks.MIFGSM(copy.deepcopy(source), eps=EPS, alpha=EPS / 10, steps=10, decay=1.0)
    assert torch.allclose(found, theirs(x, y), atol=1e-5)


def test_on_a_linear_source_the_last_image_is_the_corner_it_points_to() -> None:
    source, x = LinearNet(pixels=64), scans(4, size=8)
    y = own_labels(source, x)
    away = source.weight[1 - y] - source.weight[y]
    corner = (x + 0.1 * away.sign().view_as(x)).clamp(0, 1).detach()
    for loss in ("ce", "margin"):
        spec = AttackSpec(name="transfer", eps=0.1, steps=7, loss=loss, keep="last")
        found = run_attack(LinearNet(pixels=64, seed=3), x, y, spec, source=source)
        assert torch.allclose(found.adversarial, corner, atol=1e-6)


def test_the_attacked_model_is_never_asked_for_a_gradient() -> None:
    net, source, x = small_net(), sibling_net(), scans(12)
    y = own_labels(net, x)
    spec = dataclasses.replace(SPEC, stop_when_fooled=True)
    open_book, sealed = (run_attack(model, x, y, spec, source=source) for model in (net, Opaque(net)))
    assert torch.equal(open_book.adversarial, sealed.adversarial) and open_book.success.any()


def test_the_source_is_left_as_found_and_asked_once_a_step() -> None:
    net, source, x = small_net(), sibling_net(), scans(5)
    for parameter in source.parameters():
        parameter.grad = torch.ones_like(parameter)
    before, recorder = state_of(source), Recorder(source)
    run_attack(net, x, own_labels(net, x), SPEC, source=recorder)
    assert_same_state(source, before)
    assert len(recorder.seen) == SPEC.steps + 1  # one image first, to count the classes


def test_a_flat_source_moves_nothing() -> None:
    net, x = small_net(), scans(3)
    flat = LinearNet(pixels=256, classes=4)
    with torch.no_grad():
        flat.weight.zero_()
    result = run_attack(net, x, own_labels(net, x), SPEC, source=flat)
    assert torch.equal(result.adversarial, x) and not result.success.any()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (None, "needs a source model"),
        (small_net(classes=3), "3 classes and the attacked one 4"),
        (Opaque(small_net()), "passes no gradient"),
        (nn.Flatten().eval(), "256 classes"),
        (nn.Sequential(small_net().train()), "training mode"),
    ],
)
def test_a_source_that_cannot_serve_gets_a_sentence(source: nn.Module | None, sentence: str) -> None:
    net, x = small_net(), scans(2)
    with pytest.raises(AttackError, match=sentence):
        run_attack(net, x, own_labels(net, x), SPEC, source=source)


def test_a_source_that_returns_nan_gets_a_sentence() -> None:
    net, source, x = small_net(), sibling_net(), scans(2)
    with torch.no_grad():
        source[-1].bias[0] = torch.nan
    with refused_as(AttackError, "attack.model-returned"):
        run_attack(net, x, own_labels(net, x), SPEC, source=source)


# -- universal


def the_one_perturbation(x: Tensor, adversarial: Tensor) -> Tensor:
    """`(1, C, H, W)`: read where a scan leaves it room; fails unless it explains every image."""
    lowest, highest = (adversarial - x).amin(dim=0, keepdim=True), (adversarial - x).amax(dim=0, keepdim=True)
    delta = torch.where(highest > -lowest, highest, lowest)
    assert torch.allclose((x + delta).clamp(0, 1), adversarial, atol=1e-6)
    return delta


@pytest.mark.parametrize("changes", [{}, {"keep": "last"}, {"loss": "margin"}, {"target": 1}, {"steps": 1}])
def test_all_images_share_one_perturbation(changes: dict) -> None:
    net, x = small_net(), scans(24)
    y = own_labels(net, x)
    x, y = x[y != 1], y[y != 1]
    result = run_attack(net, x, y, dataclasses.replace(UNIVERSAL, **changes))
    assert the_one_perturbation(x, result.adversarial).abs().max() <= EPS + 1e-6


def test_the_perturbation_that_fools_most_is_returned() -> None:
    net, x = small_net(), scans(24, seed=2)
    recorder, y = Recorder(net), own_labels(net, x)
    result = run_attack(recorder, x, y, dataclasses.replace(UNIVERSAL, rel_step=1.7))
    counts = [int((own_labels(net, images) != y).sum()) for images in recorder.seen[2:-1]]
    assert int(result.success.sum()) == max(counts) > counts[-1]  # so large a step overshoots in the end


def test_on_a_linear_model_the_perturbation_is_the_corner_of_the_summed_gradient() -> None:
    net = LinearNet(pixels=64)
    x = 0.5 + 0.2 * (scans(20, size=8) - 0.5)
    y = own_labels(net, x)
    slope = (net.weight[1 - y] - net.weight[y]).sum(dim=0).view(1, 1, 8, 8)
    spec = AttackSpec(name="universal", eps=0.1, steps=4, loss="margin")
    found = the_one_perturbation(x, run_attack(net, x, y, spec).adversarial)
    assert torch.allclose(found, 0.1 * slope.sign(), atol=1e-6)


def test_images_that_are_lost_already_pull_no_longer() -> None:
    """The clip: without it, one image of a huge gradient would decide alone."""
    net = LinearNet(pixels=64)
    with torch.no_grad():
        net.weight *= 1000
    x = 0.5 + 0.2 * (scans(20, size=8) - 0.5)
    y = 1 - own_labels(net, x)  # misread, by far more than the clip
    result = run_attack(net, x, y, dataclasses.replace(UNIVERSAL, loss="margin", keep="last"))
    assert torch.equal(result.adversarial, x)


def test_a_perturbation_made_on_some_images_fools_others() -> None:
    net, made_on, shown_to = small_net(), scans(60, seed=1), scans(60, seed=2)
    before = state_of(net)
    delta = universal_perturbation(net, made_on, own_labels(net, made_on), eps=2 * EPS, steps=50, batch=16)
    assert_same_state(net, before)
    assert delta.shape == (1, 1, 16, 16) and delta.abs().max() <= 2 * EPS and not delta.requires_grad
    y = own_labels(net, shown_to)
    fooled = (own_labels(net, (shown_to + delta).clamp(0, 1)) != y).float().mean()
    control = run_attack(net, shown_to, y, AttackSpec(name="noise", eps=2 * EPS)).success.float().mean()
    assert fooled > 0.4 and fooled > 2 * control


def test_a_perturbation_is_reproducible_by_its_seed() -> None:
    net, x = small_net(), scans(20)
    y = own_labels(net, x)
    one, same, other = (universal_perturbation(net, x, y, eps=EPS, steps=6, seed=s, batch=8) for s in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(universal_perturbation(net, x, y, eps=0.0, steps=2), torch.zeros(1, 1, 16, 16))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"eps": 2.0}, "epsilon must lie between 0 and 1"),
        ({"steps": 0}, "at least 1"),
        ({"batch": 0}, "at least 1"),
        ({"y": torch.zeros(1, dtype=torch.int64)}, "a label for each"),
        ({"x": scans()[:0], "y": torch.zeros(0, dtype=torch.int64)}, "needs images"),
        ({"model": small_net().train()}, "training mode"),
    ],
)
def test_a_perturbation_of_nothing_sensible_is_refused(changes: dict, sentence: str) -> None:
    asked = {"model": small_net(), "x": scans(), "y": torch.zeros(6, dtype=torch.int64), "eps": EPS, **changes}
    with pytest.raises(AttackError, match=sentence):
        universal_perturbation(**asked)
