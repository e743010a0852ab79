"""Baselines: every transformation against an independent implementation, and gradients that an attacker can use."""

import io
import re

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from attack_nets import LinearNet, assert_same_state, own_labels, scans, small_net, spec_of, state_of
from numpy.typing import NDArray
from PIL import Image
from refusals import refused_as
from scipy import ndimage
from torch import Tensor, nn

from meddef_core.attacks import run_attack
from meddef_core.baselines import BASELINES, Baseline, Defended, Transform, adaptive, get_baseline, reset
from meddef_core.baselines.compression import Jpeg
from meddef_core.baselines.ensemble import Ensemble
from meddef_core.baselines.randomisation import ResizeAndPad
from meddef_core.baselines.smoothing import GaussianBlur, Median, NonLocalMeans
from meddef_core.baselines.squeezing import BitDepth
from meddef_core.errors import AttackError, ModelError

SAME_SIZE: tuple[Transform, ...] = (Jpeg(), Median(), GaussianBlur(), NonLocalMeans(), BitDepth())
BYTES = (Jpeg(), NonLocalMeans(), BitDepth())


def ids(value: object) -> str:
    return value.name if isinstance(value, Baseline) else type(value).__name__


def smooth_scans(n: int = 2, *, channels: int = 1, size: int = 32) -> Tensor:
    """Pictures with large structures: JPEG libraries differ most in how they treat noise."""
    return F.interpolate(scans(n, channels=channels, size=6), size=(size, size), mode="bicubic").clamp(0, 1)


def as_bytes(image: Tensor) -> NDArray[np.uint8]:
    """`(C, H, W)` to `(H, W, C)`."""
    return np.asarray(np.rint(image.double().numpy() * 255).astype(np.uint8).transpose(1, 2, 0))


def build(baseline: Baseline, **net: int) -> nn.Module:
    others = [small_net(seed=1, **net)] if baseline.of_several else []
    return baseline.build(small_net(**net), *others)


# ---- every baseline ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=ids)
def test_every_baseline_carries_its_metadata(baseline: Baseline) -> None:
    assert BASELINES[baseline.name] is get_baseline(baseline.name) is baseline
    assert re.search(r" \d{4}, ", baseline.citation) and "arXiv:" in baseline.citation
    assert baseline.title and baseline.one_line.endswith(".") and "\n" not in baseline.one_line


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=ids)
@pytest.mark.parametrize(("channels", "classes"), [(1, 2), (3, 5)])
def test_every_baseline_is_a_classifier_and_leaves_its_network_alone(
    baseline: Baseline, channels: int, classes: int
) -> None:
    net, other = (small_net(channels=channels, classes=classes, seed=seed) for seed in (0, 1))
    before = state_of(net)
    defended = baseline.build(net, *([other] if baseline.of_several else []))
    x = scans(4, channels=channels)
    for view in (defended, adaptive(defended)):
        reset(view, seed=0)
        logits = view(x)
        assert logits.shape == (4, classes) and logits.dtype == x.dtype and bool(torch.isfinite(logits).all())
        assert not any(module.training for module in view.modules())
    assert_same_state(net, before)
    assert any(module is net for module in defended.modules()), "the network is shared, not copied"


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=ids)
def test_the_adaptive_view_has_exactly_the_value_of_the_defence_and_can_be_attacked(baseline: Baseline) -> None:
    defended, x = build(baseline), scans()
    view = adaptive(defended)
    reset(defended, seed=3)
    exact = defended(x)
    reset(view, seed=3)
    assert torch.equal(view(x), exact)
    result = run_attack(view, x, own_labels(view, x), spec_of("pgd"))
    assert result.linf.max() > 0


def test_only_randomised_baselines_answer_differently() -> None:
    x = scans(2)
    for baseline in BASELINES.values():
        defended = build(baseline)
        assert torch.equal(defended(x), defended(x)) is not baseline.randomised


def test_a_network_without_a_wrapper_is_its_own_adaptive_view() -> None:
    net = small_net()
    assert adaptive(net) is net


def test_wrong_requests_get_one_sentence() -> None:
    net = small_net()
    for request, said in (
        (lambda: get_baseline("magic"), "choose one of"),
        (lambda: get_baseline("ensemble").build(net), "at least two networks"),
        (lambda: get_baseline("jpeg").build(net, net), "give only that one"),
        (lambda: Jpeg(quality=0), "between 1 and 100"),
        (lambda: BitDepth(bits=9), "between 1 and 8"),
        (lambda: Jpeg()(scans(1, channels=2)), "1 or 3 channels"),
    ):
        with pytest.raises(ModelError, match=said) as caught:
            request()
        assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


# ---- transformations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", SAME_SIZE, ids=ids)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_transformations_work_image_by_image_inside_the_pixel_range(transform: Transform, dtype: torch.dtype) -> None:
    x = scans(5, channels=3, dtype=dtype)
    before = x.clone()
    changed = transform(x)
    assert changed.shape == x.shape and changed.dtype == dtype and torch.equal(x, before)
    assert changed.min() >= 0 and changed.max() <= 1
    torch.testing.assert_close(changed[2:3], transform(x[2:3]), atol=1e-7, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_what_opencv_and_pillow_make_of_the_bytes(channels: int) -> None:
    x = smooth_scans(channels=channels)
    changed = Jpeg(quality=75)(x)
    for image, ours in zip(x, changed, strict=True):
        pixels = as_bytes(image)
        _, data = cv2.imencode(".jpg", pixels[..., ::-1].copy(), [cv2.IMWRITE_JPEG_QUALITY, 75])
        opencv = cv2.imdecode(data, cv2.IMREAD_UNCHANGED).reshape(pixels.shape)[..., ::-1]
        np.testing.assert_array_equal(as_bytes(ours), opencv)
        buffer = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(buffer, format="jpeg", quality=75)
        pillow = np.asarray(Image.open(buffer)).reshape(pixels.shape)
        assert np.abs(as_bytes(ours).astype(int) - pillow).max() <= 4
    assert not torch.allclose(changed, x, atol=2 / 255)


def test_the_median_filter_is_scipys() -> None:
    x = scans(2, channels=3)
    expected = ndimage.median_filter(x.numpy(), size=(1, 1, 3, 3), mode="nearest")
    np.testing.assert_array_equal(Median()(x).numpy(), expected)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_gaussian_smoothing_is_scipys(sigma: float) -> None:
    x = scans(2, channels=3, dtype=torch.float64)
    expected = ndimage.gaussian_filter(x.numpy(), sigma=(0, 0, sigma, sigma), mode="nearest", truncate=3)
    np.testing.assert_allclose(GaussianBlur(sigma=sigma)(x).numpy(), expected, atol=1e-12)


def test_non_local_means_is_opencvs_on_every_channel() -> None:
    x = scans(2, channels=3)
    for image, ours in zip(x, NonLocalMeans()(x), strict=True):
        for before, after in zip(image, ours, strict=True):
            pixels = as_bytes(before[None])[..., 0]
            expected = cv2.fastNlMeansDenoising(pixels, None, h=4, templateWindowSize=3, searchWindowSize=11)
            np.testing.assert_array_equal(as_bytes(after[None])[..., 0], expected)
    flat = 0.5 + scans(1, size=48) / 100
    assert NonLocalMeans()(flat).std() < flat.std() / 2


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_bit_depth_takes_the_nearest_level(bits: int) -> None:
    x = torch.linspace(0, 1, 333).view(1, 1, 9, 37)
    levels = np.linspace(0, 1, 2**bits)
    changed = BitDepth(bits=bits)(x).numpy()
    assert np.abs(changed[..., None] - levels).min(axis=-1).max() < 1e-6
    assert np.abs(changed - x.numpy()).max() <= 0.5 / (2**bits - 1) + 1e-6
    assert len(np.unique(changed)) == 2**bits


def test_resize_and_pad_puts_an_enlarged_image_on_black() -> None:
    x, transform = scans(12, size=40) * 0.9 + 0.1, ResizeAndPad(seed=1)
    placed = transform(x)
    assert placed.shape == (12, 1, 44, 44)
    sizes, corners = set(), set()
    for image, result in zip(x[:, 0], placed[:, 0], strict=True):
        rows, columns = result.amax(dim=1).nonzero()[:, 0], result.amax(dim=0).nonzero()[:, 0]
        side, (top, left) = len(rows), (int(rows[0]), int(columns[0]))
        nearest = torch.arange(side) * 40 // side
        inside = result[top : top + side, left : left + side]
        assert torch.equal(inside, image[nearest][:, nearest])
        assert float(result.sum()) == pytest.approx(float(inside.sum()))
        sizes.add(side)
        corners.add((top, left))
    assert sizes == {40, 41, 42, 43, 44} and len(corners) > 3, "every image has its own draw, of every size there is"


def test_draws_start_again_with_their_seed() -> None:
    x, defended = scans(3), get_baseline("resize_pad").build(small_net())
    reset(defended, seed=5)
    calls = [defended(x) for _ in range(3)]
    assert not torch.equal(calls[0], calls[1])
    reset(defended, seed=5)
    assert all(torch.equal(defended(x), call) for call in calls)
    reset(defended, seed=6)
    assert not torch.equal(defended(x), calls[0])


# ---- gradients ---------------------------------------------------------------------------------------------------


def gradient(net: nn.Module, x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (found,) = torch.autograd.grad(net(x)[:, 0].sum(), x)
    return found


@pytest.mark.parametrize("transform", BYTES, ids=ids)
def test_gradients_pass_straight_through_what_has_none(transform: Transform) -> None:
    net, x = small_net(), scans()
    defended = Defended(net, transform)
    assert torch.equal(gradient(defended.adaptive(), x), gradient(net, transform(x)))
    linear = Defended(LinearNet(pixels=256), transform).adaptive()
    for row in gradient(linear, x).flatten(1):
        torch.testing.assert_close(row, linear.network.weight[0].detach())
    with refused_as(AttackError, "attack.model-passes"):
        run_attack(defended, x, own_labels(defended, x), spec_of("pgd"))


@pytest.mark.parametrize("transform", [Median(), GaussianBlur(), ResizeAndPad()], ids=ids)
def test_the_others_have_a_gradient_of_their_own(transform: Transform) -> None:
    x = scans(1, size=10, dtype=torch.float64).clamp(0.1, 0.9)
    weights = torch.randn(transform(x).numel(), dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def value(images: Tensor) -> Tensor:
        reset(transform, seed=0)
        return (transform(images).flatten() * weights).sum()

    x = (x + 1e-3 * torch.arange(100, dtype=torch.float64).view_as(x)).requires_grad_()  # no ties for the median
    assert torch.autograd.gradcheck(value, x, eps=1e-6)
    assert not Defended(small_net(), transform).adaptive().straight_through


# ---- ensemble ----------------------------------------------------------------------------------------------------


def test_an_ensemble_averages_logits_and_its_gradient_those_of_its_members() -> None:
    nets, x = [small_net(seed=seed) for seed in range(3)], scans()
    torch.testing.assert_close(Ensemble(*nets)(x), (nets[0](x) + nets[1](x) + nets[2](x)) / 3)
    expected = torch.stack([gradient(net, x) for net in nets]).mean(dim=0)
    torch.testing.assert_close(gradient(Ensemble(*nets), x), expected)
