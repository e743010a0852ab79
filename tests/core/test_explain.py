"""Maps of a reading: right, on one scale, and without a trace on the shared network."""

import json

import numpy as np
import pytest
import torch
from explain_nets import image_of, network_of
from refusals import refused_as
from torch import Tensor, nn

from meddef_core.errors import MedDefError
from meddef_core.explanation import (
    DEFAULT_LAYER,
    EXPLAINERS,
    MAP_CAVEAT,
    ExplanationMap,
    MapInfo,
    attention_from,
    available,
    channel_ranking,
    explain,
    gradcam,
    shared_scale,
)
from meddef_core.model import MSF_SCALES, VARIANTS, MedDef, Trace

TARGET = 2
GRIDS = {"integrated_gradients": (224, 224), "occlusion": (16, 16)}
COSTLY = set(GRIDS)
DAAM_KEYS = {"afd_gate", "mfe_edges", "mfe_texture", "channel_attention"} | {f"msf_{side}" for side in MSF_SCALES}
KEYS_OF_VARIANT = {
    "full": {"gradcam", "self_attention"} | DAAM_KEYS,
    "without_afd": {"gradcam", "self_attention"} | DAAM_KEYS - {"afd_gate"},
    "without_afd_mfe": {"gradcam", "self_attention", "channel_attention"} | {f"msf_{side}" for side in MSF_SCALES},
    "only_afd": {"gradcam", "self_attention", "channel_attention", "afd_gate"},
    "without_daam": {"gradcam", "self_attention"},
    "without_attention": {"gradcam"} | DAAM_KEYS,
    "resnet18": {"gradcam"},
}


@pytest.fixture(scope="module")
def network() -> MedDef:
    return network_of()


@pytest.fixture(scope="module")
def image() -> Tensor:
    return image_of()


@pytest.fixture(scope="module")
def maps(network: MedDef, image: Tensor) -> dict[str, ExplanationMap]:
    return explain(network, image, target=TARGET, only=EXPLAINERS)


@pytest.fixture(scope="module")
def trace(network: MedDef, image: Tensor) -> Trace:
    with torch.no_grad():
        return network.trace(image)


# The registry


@pytest.mark.parametrize("key", EXPLAINERS)
def test_every_explainer_says_what_it_is_and_gives_a_readable_map(key: str, maps: dict[str, ExplanationMap]) -> None:
    explainer = EXPLAINERS[key]
    info = explainer.info
    assert info.key == key
    assert info.title and explainer.citation
    assert info.meaning.endswith(".") and "\n" not in info.meaning and len(info.meaning) < 120
    found = maps[key]
    assert found.info is info
    assert found.grid.dtype == np.float32 and found.grid.shape == GRIDS.get(key, (7, 7))
    assert info.signed or found.grid.min() >= 0
    upsampled = found.upsampled()
    assert upsampled.shape == (224, 224) and upsampled.dtype == np.float32
    assert upsampled.min() >= found.grid.min() - 1e-6 and upsampled.max() <= found.grid.max() + 1e-6
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["caveat"] == MAP_CAVEAT
    np.testing.assert_allclose(document["grid"], found.grid)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_network_gives_the_maps_it_has(variant: str, image: Tensor) -> None:
    network = network_of(variant)
    found = explain(network, image, target=0)
    assert set(found) == KEYS_OF_VARIANT[variant]
    assert set(available(network)) == KEYS_OF_VARIANT[variant] | COSTLY == {*found, *COSTLY}
    assert list(found) == [key for key in EXPLAINERS if key in found]


def test_names_choose_and_a_missing_module_is_left_out(image: Tensor) -> None:
    found = explain(network_of("resnet18"), image, target=0, only=["afd_gate", "gradcam"])
    assert list(found) == ["gradcam"]
    assert explain(network_of(), image, target=0, only=[]) == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"only": ["saliency"]}, "no map 'saliency'"),
        ({"target": 4}, "classes 0 to 3"),
        ({"target": -1}, "classes 0 to 3"),
        ({"layer": "stage9"}, "no layer 'stage9'"),
    ],
)
def test_a_wrong_request_is_one_sentence(
    changes: dict[str, object], message: str, network: MedDef, image: Tensor
) -> None:
    with pytest.raises(MedDefError, match=message):
        explain(network, image, **{"target": 0, **changes})  # type: ignore[arg-type]


def test_batches_and_training_mode_are_refused(network: MedDef, image: Tensor) -> None:
    with refused_as(MedDefError, "map.one-image"):
        explain(network, image.expand(2, -1, -1, -1), target=0)
    with refused_as(MedDefError, "map.eval-mode"):
        explain(network_of().train(), image, target=0)


# Grad-CAM


@pytest.mark.parametrize(
    ("variant", "layer"),
    [("full", "stage3"), ("full", "stage4"), ("full", "phi"), ("without_daam", "stage4"), ("resnet18", "stage4")],
)
def test_gradcam_equals_finite_differences(variant: str, layer: str) -> None:
    network = network_of(variant).double()
    image = image_of().double()
    module = network.layers()[layer]
    shift: Tensor | None = None
    seen: list[Tensor] = []

    def move(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        seen.append(output)
        return output if shift is None else output + shift

    def score() -> float:
        return float(network(image)[0, TARGET])

    with module.register_forward_hook(move), torch.no_grad():
        score()
        activation = seen[0][0]
        height, width = activation.shape[1:]
        weights = []
        for channel in range(len(activation)):
            # Raising a whole channel by h changes the score by h times the sum of its gradients.
            shift = torch.zeros_like(activation)
            shift[channel] = 1e-5
            up = score()
            shift = -shift
            weights.append((up - score()) / 2e-5 / (height * width))
    expected = torch.relu(torch.einsum("c,chw->hw", torch.tensor(weights, dtype=torch.float64), activation))
    found = gradcam(network, image, target=TARGET, layer=layer)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-9)


def test_gradcam_explains_all_variants_at_the_same_place() -> None:
    assert all(DEFAULT_LAYER in network_of(variant).layers() for variant in VARIANTS)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradcam_works_whatever_mode_the_caller_is_in(
    mode: type[torch.no_grad], network: MedDef, image: Tensor, maps: dict[str, ExplanationMap]
) -> None:
    with mode():
        found = explain(network, image * 1.0, target=TARGET, only=set(EXPLAINERS) - {"occlusion"})
    for key in found:
        np.testing.assert_allclose(found[key].grid, maps[key].grid, atol=1e-7)


# Maps of the network's own modules


def test_daam_maps_are_the_traces(maps: dict[str, ExplanationMap], trace: Trace) -> None:
    daam = trace.daam
    assert daam.afd_gate is not None and daam.mfe_edges is not None and daam.mfe_texture is not None
    assert daam.msf is not None
    expected = {
        "afd_gate": daam.afd_gate,
        "mfe_edges": daam.mfe_edges,
        "mfe_texture": daam.mfe_texture,
        **{f"msf_{side}": scale for side, scale in zip(MSF_SCALES, daam.msf, strict=True)},
    }
    for key, values in expected.items():
        np.testing.assert_array_equal(maps[key].grid, values[0].mean(dim=0).numpy(), err_msg=key)


def test_channel_map_is_phi_under_omega(network: MedDef, image: Tensor, maps: dict[str, ExplanationMap]) -> None:
    assert network.daam is not None
    outputs: list[Tensor] = []
    with network.daam.phi.register_forward_hook(lambda _m, _i, out: outputs.append(out)), torch.no_grad():
        omega = network.trace(image).daam.channel_attention
    assert omega is not None
    expected = (outputs[0] * omega[:, :, None, None])[0].mean(dim=0).numpy()
    np.testing.assert_allclose(maps["channel_attention"].grid, expected, atol=1e-6)


def test_self_attention_is_a_share_and_has_a_row_for_each_position(
    maps: dict[str, ExplanationMap], trace: Trace
) -> None:
    assert trace.self_attention is not None
    assert maps["self_attention"].grid.sum() == pytest.approx(1, abs=1e-5)
    row = attention_from(trace, (2, 5))
    np.testing.assert_array_equal(row.grid.ravel(), trace.self_attention[0, 2 * 7 + 5].numpy())
    rows = [attention_from(trace, (r, c)).grid for r in range(7) for c in range(7)]
    np.testing.assert_allclose(np.mean(rows, axis=0), maps["self_attention"].grid, atol=1e-7)
    with pytest.raises(MedDefError, match="outside the 7 x 7"):
        attention_from(trace, (7, 0))


def test_channel_ranking_sorts_omega(trace: Trace) -> None:
    assert trace.daam.channel_attention is not None
    omega = trace.daam.channel_attention[0]
    ranking = channel_ranking(trace)
    assert sorted(entry.channel for entry in ranking) == list(range(len(omega)))
    assert [entry.weight for entry in ranking] == sorted(omega.tolist(), reverse=True)
    assert ranking[0].channel == int(omega.argmax())


def test_asking_a_trace_for_what_it_lacks_is_one_sentence(image: Tensor) -> None:
    with torch.no_grad():
        bare = network_of("resnet18").trace(image)
    with refused_as(MedDefError, "map.no-module"):
        channel_ranking(bare)
    with refused_as(MedDefError, "map.no-module"):
        attention_from(bare, (0, 0))


# Scales


def grid_map(values: list[list[float]], *, signed: bool = False, key: str = "test") -> ExplanationMap:
    info = MapInfo(key=key, title="Test", meaning="A test.", signed=signed, bounded=None)
    return ExplanationMap(info, np.array(values, dtype=np.float32))


def test_one_scale_covers_clean_and_attacked() -> None:
    clean, attacked = grid_map([[0.1, 0.2]]), grid_map([[0.0, 0.8]])
    assert shared_scale(clean, attacked) == shared_scale(attacked, clean) == (0.0, pytest.approx(0.8))
    assert shared_scale(grid_map([[-3, 1]], signed=True), grid_map([[0, 2]], signed=True)) == (-3.0, 3.0)


def test_a_scale_is_never_empty_and_never_stretches_a_flat_map() -> None:
    assert shared_scale(grid_map([[0, 0]])) == (0.0, 1.0)
    low, high = shared_scale(grid_map([[0.50, 0.51]]))
    assert low == 0 and high == pytest.approx(0.51)


def test_maps_of_different_kinds_share_no_scale() -> None:
    with refused_as(MedDefError, "map.scale-kinds"):
        shared_scale(grid_map([[1]], key="b"), grid_map([[1]], key="a"))
    with refused_as(MedDefError, "map.scale-one-map"):
        shared_scale()


def test_maps_that_cannot_be_true_are_refused() -> None:
    info = MapInfo(key="gate", title="Gate", meaning="A gate.", signed=False, bounded=(0.0, 1.0))
    with refused_as(MedDefError, "map.title-gave"):
        ExplanationMap(info, np.full((2, 2), np.nan, dtype=np.float32))
    with pytest.raises(MedDefError, match="range of 0 to 1"):
        ExplanationMap(info, np.full((2, 2), 1.1, dtype=np.float32))
