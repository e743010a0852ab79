"""The faster copy of a network: the same numbers, and the original untouched."""

import pytest
import torch
from attack_nets import assert_same_state, small_net, state_of
from torch import nn

from meddef_core.model import VARIANTS, MedDef, MedDefConfig
from meddef_core.model.folded import folded


def trained_looking(variant: str) -> MedDef:
    """A small network whose batch norms have statistics of their own, as after training."""
    torch.manual_seed(0)
    net = MedDef(MedDefConfig(classes=3, width=8, activation="silu", **VARIANTS[variant]))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return net.eval()


@pytest.mark.parametrize("side", [64, 60, 62])
@pytest.mark.parametrize("pool", [1, 2, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_through_the_stem_is_the_same(channels: int, pool: int, side: int) -> None:
    """Also where normalised padding is not zero before it, and where sides are no multiple of a block."""
    torch.manual_seed(0)
    net = MedDef(MedDefConfig(classes=3, width=8, channels=channels, pool=pool, mean=0.3, std=0.2)).eval()
    fast, x = folded(net), torch.rand(2, channels, side, side + 8)
    expected = net.backbone.stem(net.entry(x))
    assert torch.allclose(fast.backbone.stem(fast.entry(x)), expected, atol=1e-5)
    images = [x.clone().requires_grad_() for _ in range(2)]
    for network, image in zip((net, fast), images, strict=True):
        network(image)[:, 0].sum().backward()
    assert torch.allclose(images[0].grad, images[1].grad, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_and_gradients_are_the_same(variant: str) -> None:
    net = trained_looking(variant)
    before = state_of(net)
    fast = folded(net)
    assert_same_state(net, before)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert not any(parameter.requires_grad for parameter in fast.parameters())
    assert not any(module.training for module in fast.modules())
    x = torch.rand(3, 1, 64, 64)
    gradients = []
    for network in (net, fast):
        images = x.clone().requires_grad_()
        network(images)[:, 0].sum().backward()
        gradients.append(images.grad)
    assert torch.allclose(net(x), fast(x), atol=1e-5)
    assert torch.allclose(*gradients, atol=1e-5)
    assert torch.equal(folded(fast)(x), fast(x))


def test_a_network_of_another_kind_is_copied_as_it_is() -> None:
    net, x = small_net(), torch.rand(2, 1, 16, 16)
    # Channels last adds up in another order, so float32 would differ in its last digits, from one processor to another.
    net, x = net.double(), x.double()
    assert torch.allclose(folded(net)(x), net(x), rtol=0, atol=1e-12)
