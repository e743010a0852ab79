"""Objectives: attacks inside their ball, TRADES by its formula, perturbed weights that always come back."""

import copy

import pytest
import torch
import torch.nn.functional as F
from attack_nets import LinearNet, state_of
from torch import Tensor, nn

from meddef_core.model import MedDef, MedDefConfig
from meddef_core.training.awp import perturbed
from meddef_core.training.losses import LossSettings
from meddef_core.training.objectives import make_loss, n_fgsm, pgd, trades
from meddef_core.training.settings import Kind, ObjectiveSettings

PLAIN = LossSettings(class_weights=torch.ones(2), label_smoothing=0.0)
PLAIN_3 = LossSettings(class_weights=torch.ones(3), label_smoothing=0.0)


def linear_problem() -> tuple[nn.Module, Tensor, Tensor, LossSettings]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    settings = LossSettings(class_weights=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1)
    return network, torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2]), settings


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_n_fgsm_adds_noise_and_one_full_step() -> None:
    network, x, y, loss = linear_problem()
    adversarial = n_fgsm(network, x, y, eps=0.05, noise=2.0, loss=loss, generator=seeded())
    noise = (torch.rand(x.shape, generator=seeded()) * 2 - 1) * 0.1
    start = (x + noise).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(network(start), y), start)
    torch.testing.assert_close(adversarial, (x + noise + 0.05 * gradient.sign()).clamp(0, 1))


def test_pgd_stays_in_the_ball_and_raises_the_loss() -> None:
    network, x, y, loss = linear_problem()
    adversarial = pgd(network, x, y, eps=0.05, steps=5, loss=loss, generator=seeded())
    assert (adversarial - x).abs().max() <= 0.05 + 1e-6 and adversarial.min() >= 0 and adversarial.max() <= 1
    assert loss(network(adversarial), y) > loss(network(x), y)


def test_trades_moves_predictions_away_from_the_clean_ones_whatever_the_label() -> None:
    network, x, y, loss = linear_problem()
    images = {steps: trades(network, x, y, eps=0.05, steps=steps, loss=loss, generator=seeded()) for steps in (1, 5)}
    clean = network(x)
    assert (images[5] - x).abs().max() <= 0.05 + 1e-6 and images[5].min() >= 0 and images[5].max() <= 1
    divergences = [loss.divergence(clean, network(images[steps]), y).item() for steps in (1, 5)]
    assert 0 < divergences[0] <= divergences[1]
    same = trades(network, x, 2 - y, eps=0.05, steps=5, loss=PLAIN_3, generator=seeded())
    torch.testing.assert_close(same, trades(network, x, y, eps=0.05, steps=5, loss=PLAIN_3, generator=seeded()))


def test_trades_loss_by_its_formula() -> None:
    """Cross-entropy of the clean images plus beta times KL(clean || attacked), the paper's equation 5."""
    network, x, y, loss = linear_problem()
    objective = ObjectiveSettings(kind="trades", eps=0.05, steps=3, beta=4.0)
    value = make_loss(objective, x, y, inner=network, eps=0.05, loss=loss, generator=seeded())(network)
    attacked = trades(network, x, y, eps=0.05, steps=3, loss=loss, generator=seeded())
    p, q = network(x).softmax(dim=1), network(attacked).softmax(dim=1)
    each, weights = (p * (p / q).log()).sum(dim=1), loss.class_weights[y]
    expected = F.cross_entropy(network(x), y, weight=loss.class_weights, label_smoothing=0.1)
    torch.testing.assert_close(value, expected + 4.0 * (weights * each).sum() / weights.sum())


@pytest.mark.parametrize("kind", ["clean", "n_fgsm", "pgd", "trades"])
def test_every_objective_teaches_and_leaves_no_stray_gradient(kind: Kind) -> None:
    network, x, y, loss = linear_problem()
    objective = ObjectiveSettings(kind=kind, eps=0.03, steps=2, clean_share=0.5)
    value = make_loss(objective, x, y, inner=network, eps=0.03, loss=loss, generator=seeded())(network)
    assert all(p.grad is None for p in network.parameters())
    value.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_crafting_in_eval_mode_leaves_the_running_statistics_alone(mode: str) -> None:
    network = MedDef(MedDefConfig(classes=2, width=4, pool=4)).train()
    x, y = torch.rand(4, 1, 64, 64, generator=seeded()), torch.tensor([0, 1, 0, 1])
    before = {key: value.clone() for key, value in network.named_buffers()}
    objective = ObjectiveSettings.model_validate({"kind": "pgd", "eps": 0.03, "craft_mode": mode})
    make_loss(objective, x, y, inner=network, eps=0.03, loss=PLAIN, generator=seeded())
    changed = any(not torch.equal(before[key], value) for key, value in network.named_buffers())
    assert changed is (mode == "train") and all(module.training for module in network.modules())


def test_weights_are_perturbed_by_their_norm_up_the_gradient() -> None:
    network, x = LinearNet(pixels=64), torch.rand(6, 1, 8, 8, generator=seeded())
    y = torch.tensor([0, 1] * 3)
    matrix = next(p for p in network.parameters() if p.ndim > 1)
    with torch.no_grad():
        matrix[0, :8] = 0  # pruned
    before, pruned = matrix.detach().clone(), matrix == 0
    here = F.cross_entropy(network(x), y)
    (gradient,) = torch.autograd.grad(here, matrix, retain_graph=True)
    with perturbed(network, here, gamma=0.01):
        moved = matrix.detach() - before
        assert F.cross_entropy(network(x), y) > here
    assert float(moved.norm() / before.norm()) == pytest.approx(0.01, rel=1e-4)
    direction = gradient * ~pruned
    torch.testing.assert_close(moved / moved.norm(), direction / direction.norm(), atol=1e-5, rtol=0)


def test_weights_come_back_bit_for_bit_also_after_an_error() -> None:
    network = MedDef(MedDefConfig(classes=2, width=8, pool=4)).train().to(memory_format=torch.channels_last)
    x, y = torch.rand(4, 1, 64, 64, generator=seeded()), torch.tensor([0, 1, 0, 1])
    kept = copy.deepcopy(dict(network.named_parameters()))
    with (
        pytest.raises(KeyboardInterrupt),
        perturbed(network, PLAIN(network(x), y), gamma=0.01),
    ):
        assert not torch.equal(network.backbone.stem[0].weight, kept["backbone.stem.0.weight"])
        raise KeyboardInterrupt
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, kept[name]) and parameter.stride() == kept[name].stride()
        assert parameter.grad is None


def test_attacks_on_the_network_leave_its_weights_alone() -> None:
    network, x = LinearNet(pixels=64), torch.rand(4, 1, 8, 8, generator=seeded())
    before = {key: str(value) for key, value in state_of(network).items()}
    pgd(network, x, torch.tensor([0, 1, 0, 1]), eps=0.1, steps=2, loss=PLAIN, generator=seeded())
    assert before == {key: str(value) for key, value in state_of(network).items()}
