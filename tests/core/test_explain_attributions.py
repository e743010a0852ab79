"""Integrated gradients, occlusion, Grad-CAM at each layer and channel maps against other ways to compute them."""

import itertools

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, Occlusion
from explain_nets import image_of, network_of
from refusals import refused_as
from torch import Tensor

from meddef_core.errors import MedDefError
from meddef_core.explanation import EXPLAINERS, explain, grad_cam_layers, gradcam, shared_scale, top_channels
from meddef_core.explanation.methods.attributions import STEPS, STRIDE, WINDOW, integrated_gradients, occlusion
from meddef_core.model import MedDef, MedDefConfig, Trace

TARGET = 2
SIDE = 56


def small_net(channels: int = 1) -> MedDef:
    torch.manual_seed(0)
    return MedDef(MedDefConfig(classes=4, channels=channels, width=4, activation="silu")).eval().requires_grad_(False)


def small_image(channels: int = 1, *, seed: int = 0) -> Tensor:
    return torch.rand(1, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def trace() -> Trace:
    with torch.no_grad():
        return network_of().trace(image_of())


# Integrated gradients


@pytest.mark.parametrize("channels", [1, 3])
def test_integrated_gradients_are_captums(channels: int) -> None:
    network, image = small_net(channels), small_image(channels)
    found = integrated_gradients(network, image, target=TARGET)
    assert found.shape == (SIDE, SIDE)
    assert found.min() < 0 < found.max()
    expected = IntegratedGradients(network).attribute(
        image, target=TARGET, n_steps=STEPS, method="riemann_middle", internal_batch_size=8
    )
    torch.testing.assert_close(found, expected[0].sum(dim=0), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_integrated_gradients_add_up_to_the_change_of_the_score(channels: int) -> None:
    network, image = small_net(channels).double(), small_image(channels).double()
    scores = network(torch.cat([image, torch.zeros_like(image)]))[:, TARGET]
    gap = float(scores[0] - scores[1])
    coarse, fine = (float(integrated_gradients(network, image, target=TARGET, steps=steps).sum()) for steps in (8, 128))
    assert fine == pytest.approx(gap, rel=1e-3)
    assert abs(fine - gap) <= abs(coarse - gap)
    assert float(integrated_gradients(network, image, target=TARGET).sum()) == pytest.approx(gap, rel=0.01)


def test_a_black_image_has_nothing_to_attribute() -> None:
    assert not integrated_gradients(small_net(), torch.zeros(1, 1, SIDE, SIDE), target=0).any()


# Occlusion


@pytest.mark.parametrize("channels", [1, 3])
def test_occlusion_is_the_mean_fall_of_the_squares_over_a_cell(channels: int) -> None:
    network, image = small_net(channels), small_image(channels)
    falls, covers = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    clean = float(network(image)[0, TARGET])
    for top, left in itertools.product(range(0, SIDE - WINDOW + 1, STRIDE), repeat=2):
        covered = image.clone()
        for channel in range(channels):
            covered[0, channel, top : top + WINDOW, left : left + WINDOW] = image[0, channel].mean()
        falls[top : top + WINDOW, left : left + WINDOW] += clean - float(network(covered)[0, TARGET])
        covers[top : top + WINDOW, left : left + WINDOW] += 1
    found = occlusion(network, image, target=TARGET)
    assert found.shape == (SIDE // STRIDE, SIDE // STRIDE)
    by_pixel = found.repeat_interleave(STRIDE, 0).repeat_interleave(STRIDE, 1)
    np.testing.assert_allclose(by_pixel.numpy(), falls / covers, rtol=1e-3, atol=1e-6)


def test_occlusion_is_captums() -> None:
    network, image = small_net(), small_image()
    expected = Occlusion(network).attribute(
        image, (1, WINDOW, WINDOW), strides=(1, STRIDE, STRIDE), target=TARGET, baselines=float(image.mean())
    )
    found = occlusion(network, image, target=TARGET).repeat_interleave(STRIDE, 0).repeat_interleave(STRIDE, 1)
    torch.testing.assert_close(found.double(), expected[0, 0].double(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("side", [60, 14])
def test_occlusion_refuses_sides_it_cannot_tile(side: int) -> None:
    with pytest.raises(MedDefError, match="at least 28 pixels"):
        occlusion(small_net(), torch.rand(1, 1, side, side), target=0)


# Both


def test_costly_maps_are_given_only_when_named() -> None:
    network, image = small_net(), small_image()
    costly = {key for key, explainer in EXPLAINERS.items() if explainer.costly}
    assert costly == {"integrated_gradients", "occlusion"}
    assert not costly & set(explain(network, image, target=0))
    assert set(explain(network, image, target=0, only=costly)) == costly


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_nothing_is_left_behind_whatever_mode_the_caller_is_in(mode: type[torch.no_grad]) -> None:
    network, image = small_net(), small_image()
    network.backbone.stage1.requires_grad_(True)
    asked = [parameter.requires_grad for parameter in network.parameters()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    alone = integrated_gradients(network, image, target=TARGET), occlusion(network, image, target=TARGET)
    with mode():
        given = image * 1.0
        inside = integrated_gradients(network, given, target=TARGET), occlusion(network, given, target=TARGET)
    for one, other in zip(alone, inside, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
    assert image.grad is None and not image.requires_grad
    assert [parameter.requires_grad for parameter in network.parameters()] == asked
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())


# Grad-CAM at each layer


@pytest.mark.parametrize("variant", ["full", "resnet18"])
def test_every_layers_map_is_gradcams(variant: str) -> None:
    network, image = network_of(variant), image_of()
    found = grad_cam_layers(network, image, target=TARGET)
    assert list(found) == list(network.layers())
    for layer, one in found.items():
        expected = gradcam(network, image, target=TARGET, layer=layer).numpy()
        np.testing.assert_allclose(one.grid, expected, rtol=1e-4, atol=1e-8, err_msg=layer)
    assert not any(module._forward_hooks for module in network.modules())
    with refused_as(MedDefError, "map.scale-kinds"):
        shared_scale(*found.values())


def test_layers_refuse_what_explain_refuses() -> None:
    with pytest.raises(MedDefError, match="classes 0 to 3"):
        grad_cam_layers(small_net(), small_image(), target=4)
    with refused_as(MedDefError, "map.one-image"):
        grad_cam_layers(small_net(), small_image().expand(2, -1, -1, -1), target=0)


# Channels


def test_channel_maps_add_up_to_the_whole_defence(trace: Trace) -> None:
    omega = trace.daam.channel_attention
    assert omega is not None
    every = top_channels(trace, count=10_000)
    assert sorted(one.channel for one in every) == list(range(omega.shape[1]))
    whole = explain(network_of(), image_of(), target=0, only=["channel_attention"])["channel_attention"].grid
    np.testing.assert_allclose(np.mean([one.map.grid for one in every], axis=0), whole, atol=1e-6)
    assert shared_scale(*(one.map for one in every))[0] == 0


def test_the_heaviest_channels_come_first(trace: Trace) -> None:
    found = top_channels(trace, count=3)
    assert len(found) == 3 and len(top_channels(trace)) == 8
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    assert trace.daam.channel_attention is not None
    assert found[0].weight == float(trace.daam.channel_attention.max())


def test_channels_that_are_not_there_are_refused(trace: Trace) -> None:
    with refused_as(MedDefError, "map.channel-count"):
        top_channels(trace, count=0)
    with torch.no_grad():
        bare = network_of("resnet18").trace(image_of())
    with refused_as(MedDefError, "map.no-module"):
        top_channels(bare)
