"""How the search works: which iterate it keeps, when images leave, what restarts draw, what a budget buys."""

import dataclasses

import pytest
import torch
from attack_nets import LinearNet, Recorder, own_labels, scans, small_net, spec_of
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack


class Band(nn.Module):
    """Says class 1 only where the mean pixel lies in a narrow band that a large step jumps over."""

    def forward(self, x: Tensor) -> Tensor:
        inside = 1 - ((x.mean(dim=(1, 2, 3)) - 0.55) / 0.01) ** 2
        return torch.stack([torch.zeros_like(inside), inside], dim=1)


def test_last_keeps_the_last_where_best_keeps_the_best() -> None:
    x, y = torch.full((1, 1, 4, 4), 0.5), torch.tensor([0])
    model = Band().eval()
    spec = AttackSpec(name="bim", eps=0.1, steps=2, rel_step=0.52, loss="margin")  # 0.5 -> 0.552 -> 0.5
    best = run_attack(model, x, y, spec)
    last = run_attack(model, x, y, dataclasses.replace(spec, keep="last"))
    assert best.success.all() and not last.success.any()
    assert [line.success for line in best.trace] == [1, 1]
    assert [line.success for line in last.trace] == [1, 0]


@pytest.mark.parametrize("name", ["bim", "pgd"])
def test_stopping_when_fooled_saves_work_and_loses_no_success(name: str) -> None:
    net, x = small_net(), scans(30)
    y = own_labels(net, x)
    patient, hasty = Recorder(net), Recorder(net)
    spec = AttackSpec(name=name, eps=12 / 255, steps=10, restarts=3, loss="margin")
    full = run_attack(patient, x, y, spec)
    quick = run_attack(hasty, x, y, dataclasses.replace(spec, stop_when_fooled=True))
    assert torch.equal(full.success, quick.success)
    assert sum(map(len, hasty.seen)) < sum(map(len, patient.seen))


def test_restarts_draw_different_starts_and_equal_images_the_same() -> None:
    net = small_net()
    x = scans(1).repeat(2, 1, 1, 1)
    recorder = Recorder(net)
    run_attack(recorder, x, own_labels(net, x), AttackSpec(name="pgd", eps=0.1, steps=1, restarts=2))
    first, second = recorder.seen[1], recorder.seen[3]  # after the clean batch, each restart: start, then one step
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first, second)
    inside = (x > 0.1) & (x < 0.9)
    assert (first - x)[inside].abs().max() > 0.09 and abs(float((first - x)[inside].mean())) < 0.01


def test_a_larger_budget_is_never_weaker_on_a_linear_model() -> None:
    net, x = LinearNet(pixels=64), scans(8, size=8)
    y = own_labels(net, x)
    for name in ("fgsm", "bim", "pgd"):
        losses = [run_attack(net, x, y, spec_of(name, eps=eps)).trace[-1].loss for eps in (0.0, 0.01, 0.05, 0.2, 1.0)]
        assert losses == sorted(losses)


# -- progress, cancel, errors
