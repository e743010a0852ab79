"""Packed weights: exact, as small as promised, and a damaged file is refused in one sentence."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from refusals import refused_as
from safetensors.torch import load, save
from tiny_models import save_tiny_model
from torch import Tensor, nn

from meddef_core.errors import ModelError
from meddef_core.model import MedDef, MedDefConfig
from meddef_core.pruning import pruned, sparsity_of
from meddef_core.tasks import get_task
from meddef_core.zoo import compact, encode, load_model, save_model
from meddef_core.zoo.packed import int8_loss, is_pruned, pack, pack_tensor, unpack, unpack_tensor


def bits(value: Tensor) -> Tensor:
    """fp16 as integers, minus zero as zero: what must come back."""
    return torch.where(value == 0, torch.zeros_like(value), value).view(torch.int16)


def random_weight(*shape: int, sparsity: float, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    keep = torch.rand(shape, generator=generator) >= sparsity
    return (torch.randn(shape, generator=generator) * 0.05 * keep).half()


SHAPES = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=9)


@settings(max_examples=80, deadline=None)
@given(arrays.arrays(np.float16, SHAPES, elements=st.floats(width=16) | st.sampled_from([0.0, -0.0]), fill=st.just(0)))
def test_any_fp16_tensor_comes_back_bit_by_bit(array: np.ndarray) -> None:
    weight = torch.from_numpy(array.copy())
    back = unpack_tensor(pack_tensor(weight))
    assert back.dtype == torch.float16 and back.shape == weight.shape
    assert torch.equal(bits(back), bits(weight))


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.integers(0, 2**31 - 1), arrays.array_shapes(min_dims=2, max_dims=4, max_side=12))
def test_any_sparsity_comes_back(sparsity: float, seed: int, shape: tuple[int, ...]) -> None:
    weight = random_weight(*shape, sparsity=sparsity, seed=seed)
    assert torch.equal(bits(unpack_tensor(pack_tensor(weight))), bits(weight))


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        np.float16,
        arrays.array_shapes(min_dims=2, max_dims=4, max_side=6),
        elements=st.floats(-100, 100, width=16),
        fill=st.just(0),
    )
)
def test_int8_loses_at_most_half_a_step_of_each_output_channel(array: np.ndarray) -> None:
    weight = torch.from_numpy(array.copy())
    back = unpack_tensor(pack_tensor(weight, values="int8"))
    rows, original = back.flatten(1), weight.float().flatten(1)
    half_step = original.abs().amax(dim=1, keepdim=True) / 127 / 2
    assert back.dtype == torch.float32
    assert ((rows - original).abs() <= half_step * 1.001 + 1e-12).all()
    assert (rows[original == 0] == 0).all()


def test_int8_tells_exactly_what_it_loses() -> None:
    # As many columns as make the codes smaller than fp16; what would not be smaller stays as it is.
    weight = torch.cat([torch.tensor([[127.0, 0.25, 3.4], [0, 0, 0]]), torch.zeros(2, 50)], dim=1).half()
    state = {"w": weight, "tiny": torch.tensor([[0.1]]).half(), "b": torch.ones(2).half()}
    loss = int8_loss(state)
    assert (loss.weights, loss.became_zero) == (4, 1)
    assert loss.largest_error == pytest.approx(3.4 - 3, abs=2e-3)
    with refused_as(ModelError, "zoo.int8-finite-only"):
        pack_tensor(torch.tensor([[torch.inf]]).half(), values="int8")


@pytest.mark.parametrize(("sparsity", "times"), [(0.8, 5), (0.9, 9), (0.95, 16)])
def test_the_file_shrinks_with_sparsity(sparsity: float, times: float) -> None:
    layer = nn.Conv2d(256, 256, 3, bias=False)
    nn.init.normal_(layer.weight, std=0.05, generator=torch.Generator().manual_seed(0))
    weight = pruned(layer, sparsity).weight.detach().half()
    mask_bits = -(sparsity * np.log2(sparsity) + (1 - sparsity) * np.log2(1 - sparsity))
    blob = pack_tensor(weight)
    assert weight.numel() * 2 / len(blob) > times
    assert len(blob) * 8 < weight.numel() * (1.03 * mask_bits + 16 * (1 - sparsity)), "the mask is near its entropy"


def test_only_sparse_enough_weights_are_packed() -> None:
    state = {
        "sparse": random_weight(64, 64, sparsity=0.9),
        "dense": torch.arange(1, 17).half().view(4, 4),
        "bias": torch.zeros(64).half(),
        "running_var": torch.ones(64),
        "count": torch.tensor(3),
    }
    packed = pack(state)
    assert set(packed) == {"sparse.packed", "dense", "bias", "running_var", "count"}
    back = unpack(packed)
    assert list(back) == list(state) and all(torch.equal(back[name], value) for name, value in state.items())
    assert is_pruned(state) and not is_pruned({"dense": state["dense"]}) and not is_pruned({})


DAMAGE = {
    "cut": lambda blob: blob[:-1],
    "empty": lambda blob: b"",
    "longer": lambda blob: blob + b"\0",
    "version": lambda blob: b"\x09" + blob[1:],
    "kind": lambda blob: blob[:1] + b"\x09" + blob[2:],
    "k": lambda blob: blob[:2] + b"\xff" + blob[3:],
    "dimensions": lambda blob: blob[:3] + b"\xff" + blob[4:],
    "huge": lambda blob: blob[:4] + struct.pack("<II", 2**31, 2**31) + blob[12:],
    "smaller": lambda blob: blob[:4] + struct.pack("<II", 1, 2) + blob[12:],
    "fewer": lambda blob: blob[:12] + struct.pack("<I", 1) + blob[16:],
    "reach": lambda blob: blob[:4] + struct.pack("<II", 30, 30) + blob[12:],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_weight_is_refused(damage: str) -> None:
    blob = DAMAGE[damage](pack_tensor(random_weight(40, 40, sparsity=0.9)))
    with refused_as(ModelError, "zoo.packed-weight") as caught:
        unpack({"w.packed": torch.frombuffer(bytearray(blob), dtype=torch.uint8) if blob else torch.empty(0).byte()})
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_ends_in_anything_but_a_model_error(data: st.DataObject) -> None:
    blob = bytearray(pack_tensor(random_weight(12, 12, sparsity=0.8)))
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        weight = unpack_tensor(bytes(blob))
    except ModelError as error:
        assert "\n" not in str(error)
    else:
        assert weight.numel() <= 2**27


# In the zoo


def save_pruned(root: Path, *, sparsity: float, **how: object) -> tuple[MedDef, Path]:
    task = get_task("oct")
    config = MedDefConfig(classes=4, width=8, pool=2, mean=task.mean, std=task.std)
    torch.manual_seed(0)
    network = pruned(MedDef(config).eval(), sparsity)
    save_model(
        root / "oct/small",
        network.state_dict(),
        task=task,
        name="small",
        title="Small",
        summary="For tests.",
        config=config,
        training={},
        data={},
        metrics={},
        **how,  # type: ignore[arg-type]
    )
    return network, root / "oct/small"


def test_a_pruned_model_is_packed_and_loads_as_if_it_were_not(tmp_path: Path) -> None:
    _, folder = save_pruned(tmp_path / "packed", sparsity=0.9)
    _, plain = save_pruned(tmp_path / "plain", sparsity=0.9, packed=False)
    one, other = load_model("oct/small", tmp_path / "packed"), load_model("oct/small", tmp_path / "plain")
    assert (one.card.weights.dtype, other.card.weights.dtype) == ("packed-float16", "float16")
    for key, value in other.network.state_dict().items():
        assert torch.equal(one.network.state_dict()[key], value), key
    assert sparsity_of(one.network) == pytest.approx(0.9, abs=1e-3)
    sizes = [(path / "weights.safetensors").stat().st_size for path in (folder, plain)]
    assert one.card.weights.bytes == sizes[0] < sizes[1] / 3, "batch norms and names weigh much in so small a network"


def test_a_dense_model_stays_readable_by_anything(tmp_path: Path) -> None:
    card = save_tiny_model(tmp_path, "oct/dense")
    assert card.weights.dtype == "float16"
    assert not any(name.endswith(".packed") for name in load((tmp_path / "oct/dense/weights.safetensors").read_bytes()))


def test_int8_models_load_as_measured(tmp_path: Path) -> None:
    network, _ = save_pruned(tmp_path, sparsity=0.5, values="int8")
    loaded = load_model("oct/small", tmp_path)
    assert loaded.card.weights.dtype == "packed-int8"
    expected = unpack(pack(compact(network.state_dict()), values="int8"))
    for key, value in loaded.network.state_dict().items():
        assert torch.equal(value, expected[key].to(value.dtype)), key


def test_a_malformed_packed_file_is_one_sentence(tmp_path: Path) -> None:
    network, folder = save_pruned(tmp_path, sparsity=0.9)
    tensors = load(encode(network.state_dict())[0])
    name = next(name for name in tensors if name.endswith(".packed"))
    blob = save(tensors | {name: tensors[name][:-3].clone()})
    (folder / "weights.safetensors").write_bytes(blob)
    with refused_as(ModelError, "zoo.weights-key-do"):
        load_model("oct/small", tmp_path)
    card = json.loads((folder / "card.json").read_text())
    card["weights"] |= {"sha256": hashlib.sha256(blob).hexdigest(), "bytes": len(blob)}
    (folder / "card.json").write_text(json.dumps(card))
    with refused_as(ModelError, "zoo.weights-key-cannot") as caught:
        load_model("oct/small", tmp_path)
    assert "\n" not in str(caught.value)
