"""How a budget is written, which settings are refused, and what the measures say."""

import dataclasses
import math

import pytest
import torch
from attack_nets import scans
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused_as
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from meddef_core.attacks import AttackSpec, format_eps, measure, parse_eps
from meddef_core.attacks.draws import draw_signs, draw_uniform
from meddef_core.attacks.result import check_adversarial
from meddef_core.errors import AttackError


@pytest.mark.parametrize(
    ("text", "eps"),
    [
        ("4/255", 4 / 255),
        ("8 / 255", 8 / 255),
        (" 0.03 ", 0.03),
        ("0", 0.0),
        ("1", 1.0),
        ("1e-2", 0.01),
        ("0.5/255", 0.5 / 255),
    ],
)
def test_an_epsilon_is_read(text: str, eps: float) -> None:
    assert parse_eps(text) == eps


@pytest.mark.parametrize(
    "text",
    ["abc", "", "/", "4/", "/255", "1/0", "-0.1", "-4/255", "4/-255", "1.01", "8", "nan", "inf", "1/inf/2", "4/255/1"],
)
def test_an_epsilon_that_is_none_gets_one_sentence(text: str) -> None:
    with pytest.raises(AttackError) as caught:
        parse_eps(text)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("epsilon must")


@given(st.text(alphabet="0123456789./-+eEnaif _", max_size=12))
def test_reading_an_epsilon_gives_a_budget_or_an_attack_error(text: str) -> None:
    try:
        eps = parse_eps(text)
    except AttackError:
        return
    assert 0 <= eps <= 1


@pytest.mark.parametrize(
    ("eps", "text"), [(4 / 255, "4/255 (0.0157)"), (0.03, "0.03"), (0.0, "0/255 (0.0000)"), (1.0, "255/255 (1.0000)")]
)
def test_an_epsilon_is_written(eps: float, text: str) -> None:
    assert format_eps(eps) == text


@given(st.integers(0, 255))
def test_what_is_written_can_be_read(levels: int) -> None:
    assert parse_eps(format_eps(levels / 255).split(" ")[0]) == levels / 255


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("eps", [-0.1, math.inf, math.nan, "0.1", True]),
        ("theta", [0.0, 1.1, math.nan]),
        ("samples", [0, 1.5]),
        ("search_steps", [0]),
        ("steps", [0, 2.0, True]),
        ("restarts", [0]),
        ("seed", [-1]),
        ("rel_step", [0.0, -1.0, math.nan, math.inf, "0.1"]),
        ("loss", ["dlr"]),
        ("target", [-1, 1.0]),
        ("keep", ["first"]),
    ],
)
def test_settings_that_make_no_sense_are_refused(field: str, values: list) -> None:
    for value in values:
        with pytest.raises(AttackError) as caught:
            dataclasses.replace(AttackSpec(name="pgd", eps=0.1), **{field: value})
        assert str(caught.value).startswith("epsilon" if field == "eps" else field)


def test_measures_of_a_known_change() -> None:
    x = torch.full((2, 1, 20, 20), 0.5)
    moved = x.clone()
    moved[0, 0, :10] += 0.1  # half the pixels by 0.1
    found = measure(moved, x)
    assert found.linf.tolist() == pytest.approx([0.1, 0])
    assert found.l2.tolist() == pytest.approx([math.sqrt(200 * 0.01), 0], rel=1e-5)
    assert found.psnr[0].item() == pytest.approx(-10 * math.log10(0.005), rel=1e-5) and math.isinf(found.psnr[1])
    assert found.pixels_changed.tolist() == [0.5, 0]
    assert 0.5 < found.ssim[0] < 1 and found.ssim[1].item() == pytest.approx(1)


def test_measures_are_each_images_own() -> None:
    x = scans(20, channels=3)
    moved = (x + 0.1 * draw_signs(x, seed=0, draw=0)).clamp(0, 1)
    together = measure(moved, x)
    for i in (0, 15, 16, 19):
        for whole, part in zip(together, measure(moved[i : i + 1], x[i : i + 1]), strict=True):
            assert whole[i].item() == pytest.approx(part.item(), rel=1e-4)


def test_a_pixel_of_three_colours_counts_once() -> None:
    x = torch.full((1, 3, 4, 4), 0.5)
    moved = x.clone()
    moved[0, 1, 0, 0] = 0.6
    assert measure(moved, x).pixels_changed.item() == 1 / 16


@pytest.mark.parametrize("channels", [1, 3])
def test_measures_are_torchmetrics(channels: int) -> None:
    x = scans(18, channels=channels, size=24)
    moved = (x + 0.2 * draw_uniform(x, seed=0, draw=0)).clamp(0, 1)
    found = measure(moved, x)
    ssim = structural_similarity_index_measure(moved, x, data_range=1.0, reduction="none")
    psnr = peak_signal_noise_ratio(moved, x, data_range=1.0, reduction="none", dim=(1, 2, 3))
    assert torch.allclose(found.ssim, torch.as_tensor(ssim), atol=1e-5)
    assert torch.allclose(found.psnr, psnr, atol=1e-4)


def test_similarity_of_an_image_smaller_than_its_window_is_undefined() -> None:
    x = scans(2, size=10)
    assert torch.isnan(measure(x, x).ssim).all()
    x = scans(2, size=11)
    assert measure(x, x).ssim.tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("shift", "id"),
    [
        (0.11, "attack.moved-too-far"),
        (0.6, "attack.left-pixel-range"),
        (-0.6, "attack.left-pixel-range"),
        (math.nan, "attack.images-not-finite"),
        (math.inf, "attack.images-not-finite"),
    ],
)
def test_images_that_break_the_contract_are_caught(shift: float, id: str) -> None:
    x = torch.full((2, 1, 4, 4), 0.5)
    moved = x.clone()
    moved[1, 0, 0, 0] += shift
    with refused_as(AttackError, id):
        check_adversarial(moved, x, eps=0.1, norm="linf")


def test_draws_belong_to_the_image() -> None:
    x = scans(4)
    numbers = draw_uniform(x, seed=1, draw=0)
    assert torch.equal(draw_uniform(x[2:3], seed=1, draw=0), numbers[2:3])
    assert torch.equal(draw_uniform(x.flip(0), seed=1, draw=0), numbers.flip(0))
    assert not torch.equal(draw_uniform(x, seed=2, draw=0), numbers)
    assert not torch.equal(draw_uniform(x, seed=1, draw=1), numbers)
    assert numbers.min() >= -1 and numbers.max() < 1 and abs(float(numbers.mean())) < 0.1
    assert set(draw_signs(x, seed=1, draw=0).unique().tolist()) == {-1.0, 1.0}
