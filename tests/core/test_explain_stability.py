"""How alike maps are, how far a change travels, and whether a map depends on the weights."""

import math

import numpy as np
import pytest
import torch
from explain_nets import image_of, network_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from refusals import refused_as
from scipy.stats import spearmanr

from meddef_core.errors import MedDefError
from meddef_core.explanation import ExplanationMap, MapInfo, propagation, sanity_check, stability
from meddef_core.explanation.stability import rank_correlation
from meddef_core.model import VARIANTS, MedDef, MedDefConfig

INFO = MapInfo(key="test", title="Test", meaning="A test.", signed=True, bounded=None)
UNHURRIED = settings(deadline=None, max_examples=60)
GRIDS = arrays(np.float32, (6, 5), elements=st.floats(-4, 4, width=16))


def map_of(values: object, *, info: MapInfo = INFO) -> ExplanationMap:
    return ExplanationMap(info, np.asarray(values, dtype=np.float32))


# Stability


@UNHURRIED
@given(GRIDS)
def test_a_map_is_as_alike_itself_as_can_be(grid: np.ndarray) -> None:
    found = stability(map_of(grid), map_of(grid))
    assert found.overlap == pytest.approx(1)
    if grid.min() == grid.max():
        assert found.correlation is None
    else:
        assert found.correlation == pytest.approx(1)


@UNHURRIED
@given(GRIDS, GRIDS, st.randoms(use_true_random=False))
def test_the_order_of_cells_and_of_maps_does_not_matter(one: np.ndarray, other: np.ndarray, random: object) -> None:
    found = stability(map_of(one), map_of(other))
    assert 0 <= found.overlap <= 1
    order = np.arange(one.size)
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = stability(*(map_of(grid.ravel()[order].reshape(6, 5)) for grid in (other, one)))
    assert shuffled.overlap == pytest.approx(found.overlap)
    assert shuffled.correlation == (None if found.correlation is None else pytest.approx(found.correlation, abs=1e-9))


@UNHURRIED
@given(GRIDS, GRIDS)
def test_correlation_is_scipys(one: np.ndarray, other: np.ndarray) -> None:
    found = rank_correlation(one, other)
    if one.min() == one.max() or other.min() == other.max():
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic, abs=1e-9)


@UNHURRIED
@given(arrays(np.float32, (6, 5), elements=st.integers(-9, 9)))
def test_only_the_order_of_values_counts(grid: np.ndarray) -> None:
    found = stability(map_of(grid), map_of(3 * np.exp(grid / 2)))
    assert found.overlap == pytest.approx(1)
    assert found.correlation == (None if grid.min() == grid.max() else pytest.approx(1))


def test_overlap_counts_the_strongest_tenth() -> None:
    grid = np.arange(100.0).reshape(10, 10)
    moved = grid.copy()
    moved.flat[:5], moved.flat[-5:] = grid.flat[-5:], grid.flat[:5]
    assert stability(map_of(grid), map_of(moved)).overlap == pytest.approx(0.5)
    assert stability(map_of(grid), map_of(-grid)).overlap == 0
    assert stability(map_of(grid), map_of(-grid)).correlation == pytest.approx(-1)


def test_a_flat_map_overlaps_as_chance_does() -> None:
    found = stability(map_of(np.arange(100.0).reshape(10, 10)), map_of(np.zeros((10, 10))))
    assert found.correlation is None and found.overlap == pytest.approx(0.1)
    rounded = np.where(np.eye(10), np.nextafter(np.float32(0.5), 1, dtype=np.float32), 0.5)
    assert stability(map_of(np.eye(10)), map_of(rounded)) == found, "rounding is no order of cells"


def test_maps_that_do_not_compare_are_refused() -> None:
    other = MapInfo(key="other", title="Other", meaning="Another.", signed=True, bounded=None)
    with refused_as(MedDefError, "map.two-kinds"):
        stability(map_of([[1, 2]]), map_of([[1, 2]], info=other))
    with refused_as(MedDefError, "map.two-sizes"):
        stability(map_of([[1, 2]]), map_of([[1], [2]]))


# Propagation


STAGES = ["input", "stage1", "stage2", "stage3", "backbone", "defence", "attention", "logits"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_unchanged_image_changes_nothing_at_any_stage_there_is(variant: str) -> None:
    network = network_of(variant)
    found = propagation(network, image_of(), image_of())
    missing = {"defence"} if not network.config.has_daam else set()
    missing |= {"attention"} if not network.config.attention else set()
    assert [row.key for row in found] == [key for key in STAGES if key not in missing]
    assert [row.change for row in found] == [0] * len(found)
    assert all(row.title for row in found)
    assert not any(module._forward_hooks for module in network.modules())


def test_a_defence_before_the_last_stage_is_passed_there() -> None:
    torch.manual_seed(0)
    network = MedDef(MedDefConfig(classes=4, width=4, pool=2, daam_after=3)).eval().requires_grad_(False)
    found = propagation(network, image_of(), image_of(1))
    order = ["input", "stage1", "stage2", "stage3", "defence", "backbone", "attention", "logits"]
    assert [row.key for row in found] == order
    before, after = network.trace(image_of()), network.trace(image_of(1))
    for key, (x, y) in {"defence": (before.defended, after.defended), "backbone": (before.final, after.final)}.items():
        change = next(row.change for row in found if row.key == key)
        assert change == pytest.approx(float((y - x).norm() / x.norm()), rel=1e-4), key
    rows = sanity_check(network, image_of()[..., :112, :112], target=1, key="mfe_edges")
    assert [row.layer for row in rows] == ["head", "attention", "stage4", "daam", "stage3", "stage2", "stage1", "stem"]
    similar = [row.similarity for row in rows]
    assert similar[:3] == [pytest.approx(1)] * 3, "what lies behind D does not change its maps"


def test_changes_are_relative_norms() -> None:
    network, clean, changed = network_of(), image_of(), image_of(1)
    found = {row.key: row.change for row in propagation(network, clean, changed)}
    with torch.no_grad():
        before, after = network.trace(clean), network.trace(changed)
        stages = {
            "input": (clean, changed),
            "backbone": (before.features, after.features),
            "defence": (before.defended, after.defended),
            "attention": (before.attended, after.attended),
            "logits": (before.logits, after.logits),
        }
        normalised = [(image - network.config.mean) / network.config.std for image in (clean, changed)]
        stages["stage1"] = tuple(network.backbone.stage1(network.backbone.stem(image)) for image in normalised)  # type: ignore[assignment]
    for key, (x, y) in stages.items():
        assert x is not None and y is not None
        assert found[key] == pytest.approx(float((y - x).norm() / x.norm()), rel=1e-4), key


def test_something_out_of_nothing_is_infinite() -> None:
    network = network_of("resnet18")
    black = torch.zeros(1, 1, 224, 224)
    assert propagation(network, black, black)[0].change == 0
    assert propagation(network, black, black + 0.1)[0].change == math.inf


def test_images_that_do_not_belong_together_are_refused() -> None:
    with refused_as(MedDefError, "map.images-sizes"):
        propagation(network_of(), image_of(), image_of()[..., :112])
    with refused_as(MedDefError, "map.one-image"):
        propagation(network_of(), image_of().expand(2, -1, -1, -1), image_of().expand(2, -1, -1, -1))


# Sanity


PARTS = ["head", "attention", "daam", "stage4", "stage3", "stage2", "stage1", "stem"]


def small_net() -> MedDef:
    torch.manual_seed(0)
    return MedDef(MedDefConfig(classes=4, width=4, pool=2, activation="silu")).eval().requires_grad_(False)


def test_weights_are_drawn_anew_from_head_to_stem_on_a_copy() -> None:
    network, image = small_net(), image_of()[..., :112, :112]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(5)
    undisturbed = torch.rand(3)
    torch.manual_seed(5)
    rows = sanity_check(network, image, target=1, key="mfe_edges")
    assert torch.equal(torch.rand(3), undisturbed), "the global generator belongs to everybody"
    assert [row.layer for row in rows] == PARTS
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    # What the map reads lies before the head and A, and in D: it must stay for the first two and change after.
    similar = [row.similarity for row in rows]
    assert similar[:2] == [pytest.approx(1), pytest.approx(1)]
    assert all(one is not None and one < 0.999 for one in similar[2:])
    assert rows == sanity_check(network, image, target=1, key="mfe_edges", seed=0)
    assert rows != sanity_check(network, image, target=1, key="mfe_edges", seed=1)


@pytest.mark.parametrize("key", ["gradcam", "integrated_gradients"])
def test_maps_of_a_score_depend_on_the_head(key: str) -> None:
    rows = sanity_check(small_net(), image_of()[..., :112, :112], target=1, key=key)
    assert len(rows) == len(PARTS)
    assert rows[0].similarity is None or rows[0].similarity < 0.999
    assert all(row.similarity is None or -1 <= row.similarity <= 1 for row in rows)


def test_only_parts_that_there_are_are_drawn_and_only_maps_that_there_are() -> None:
    rows = sanity_check(network_of("resnet18"), image_of(), target=0, key="gradcam")
    assert [row.layer for row in rows] == [part for part in PARTS if part not in ("attention", "daam")]
    with refused_as(MedDefError, "map.model-no-map"):
        sanity_check(network_of("resnet18"), image_of(), target=0, key="afd_gate")
