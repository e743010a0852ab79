"""The shared network stays as it was: no hook, gradient or mode is left, also after an error or beside a thread."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
import torch
from explain_nets import image_of, network_of
from torch import Tensor, nn

from meddef_core.explanation import (
    ExplanationMap,
    explain,
    gradcam,
    private_view,
)
from meddef_core.model import MedDef

TARGET = 2


@pytest.fixture(scope="module")
def network() -> MedDef:
    return network_of()


@pytest.fixture(scope="module")
def image() -> Tensor:
    return image_of()


class Broken(nn.Module):
    """A head that fails, as a device out of memory does."""

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("out of memory")


def hooks(network: nn.Module) -> Iterator[object]:
    for module in network.modules():
        for name, value in vars(module).items():
            if "hooks" in name and value:
                yield module, name


def test_nothing_is_left_behind(image: Tensor) -> None:
    network = network_of()
    network.backbone.stage1.requires_grad_(True)  # an odd mix, to see that it is kept
    before = {name: (p, p.requires_grad, p.clone()) for name, p in network.named_parameters()}
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    given = image.clone()
    explain(network, given, target=TARGET)
    assert not list(hooks(network))
    assert not any(module.training for module in network.modules())
    for name, parameter in network.named_parameters():
        same, required, values = before[name]
        assert parameter is same and parameter.requires_grad is required and parameter.grad is None
        assert torch.equal(parameter, values)
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in network.named_buffers())
    assert torch.equal(given, image) and not given.requires_grad and given.grad is None


def test_nothing_is_left_behind_by_an_error(image: Tensor) -> None:
    network = network_of()
    head, network.head = network.head, Broken()
    with pytest.raises(RuntimeError, match="out of memory"):
        gradcam(network, image, target=TARGET)
    assert not list(hooks(network))
    assert not any(parameter.requires_grad for parameter in network.parameters())
    network.head = head
    torch.testing.assert_close(
        gradcam(network, image, target=TARGET), gradcam(network_of(), image, target=TARGET), rtol=0, atol=0
    )


def test_a_private_view_costs_no_weights(network: MedDef) -> None:
    view = private_view(network)
    assert view is not network and view.backbone is not network.backbone
    assert all(a is b for a, b in zip(view.parameters(), network.parameters(), strict=True))
    assert all(a is b for a, b in zip(view.buffers(), network.buffers(), strict=True))


def test_threads_explain_at_once_as_they_do_alone(network: MedDef) -> None:
    jobs = [(image_of(seed), seed % 4, layer) for seed, layer in enumerate(["stage4", "stage4", "phi", "stage3"])]
    alone = [explain(network, image, target=target, layer=layer) for image, target, layer in jobs]
    barrier = Barrier(len(jobs))

    def run(job: tuple[Tensor, int, str]) -> list[dict[str, ExplanationMap]]:
        image, target, layer = job
        barrier.wait(timeout=30)
        return [explain(network, image, target=target, layer=layer) for _ in range(3)]

    with ThreadPoolExecutor(len(jobs)) as pool:
        together = list(pool.map(run, jobs))
    for expected, results in zip(alone, together, strict=True):
        for found in results:
            for key, one in found.items():
                np.testing.assert_allclose(one.grid, expected[key].grid, rtol=1e-5, atol=1e-7, err_msg=key)
