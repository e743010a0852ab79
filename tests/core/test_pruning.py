"""Which weights go: exactly so many, the smallest of the whole network, and never a bias or a batch norm."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec
from meddef_core.data.images import Images
from meddef_core.errors import ModelError
from meddef_core.model import MedDef, MedDefConfig
from meddef_core.pruning import apply_masks, magnitude_masks, prunable, pruned, sparsity_of, weight_counts
from meddef_core.pruning.budgets import layer_zeros
from meddef_core.pruning.masks import choose
from meddef_core.studies.pruning_sweep import SPARSITIES, prune_sweep


def small_network(seed: int = 0) -> nn.Module:
    """A classifier of `(B, 1, 32, 32)` with every kind of layer that matters here, depthwise included."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=4, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Flatten(),
        nn.Linear(8 * 36, 12),
        nn.ReLU(),
        nn.Linear(12, 3),
    ).eval()


def flat(network: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in prunable(network).values()])


def test_convolutions_and_linear_layers_can_be_pruned_and_nothing_else() -> None:
    network = MedDef(MedDefConfig(classes=3, width=4, pool=4))
    names = set(prunable(network))
    for name, value in network.named_parameters():
        assert (name in names) == (name.endswith("weight") and value.ndim > 1), name
    assert set(prunable(nn.Linear(2, 2))) == {"weight"}


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.99), st.integers(0, 100))
def test_exactly_the_smallest_weights_of_the_network_go(sparsity: float, seed: int) -> None:
    network = small_network(seed)
    sparse = pruned(network, sparsity)
    before, after = flat(network), flat(sparse)
    gone = after == 0
    assert int(gone.sum()) == round(sparsity * len(before)) == len(before) - weight_counts(sparse).nonzero
    assert sparsity_of(sparse) == pytest.approx(sparsity, abs=1 / len(before))
    assert torch.equal(after[~gone], before[~gone])
    if gone.any() and not gone.all():
        assert before[gone].abs().max() <= before[~gone].abs().min()
    for name, value in network.state_dict().items():
        if name not in prunable(network):
            assert torch.equal(value, sparse.state_dict()[name]), name


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 0.99), st.floats(0, 0.99))
def test_masks_only_lose_weights_and_pruning_twice_is_pruning_once(one: float, other: float) -> None:
    network = small_network()
    low, high = sorted((one, other))
    wide, narrow = magnitude_masks(network, low), magnitude_masks(network, high)
    assert all((wide[name] | ~narrow[name]).all() for name in wide)
    sparse = pruned(network, high)
    for again in (pruned(sparse, high), pruned(sparse, low), pruned(pruned(network, low), high)):
        assert torch.equal(flat(again), flat(sparse))


def test_pruning_is_global() -> None:
    network = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 10))
    with torch.no_grad():
        network[0].weight.fill_(0.1)
        network[1].weight.fill_(1.0)
    sparse = pruned(network, 0.5)
    assert sparse[0].weight.count_nonzero() == 0 and sparse[1].weight.count_nonzero() == 100
    assert torch.equal(sparse[0].bias, network[0].bias)
    # Of equal ones the first go, so that a count is kept also where all are equal.
    assert pruned(network, 0.25)[0].weight.flatten()[:50].count_nonzero() == 0


def test_the_original_stays_and_zeros_have_no_sign() -> None:
    network = small_network()
    before = flat(network).clone()
    sparse = pruned(network, 0.5)
    assert torch.equal(flat(network), before)
    assert not torch.signbit(flat(sparse)[flat(sparse) == 0]).any()
    masks = magnitude_masks(network, 0.5)
    with torch.no_grad():
        prunable(network)["0.weight"].fill_(torch.nan)
    apply_masks(network, masks)
    assert torch.equal(flat(network) == 0, flat(sparse) == 0)


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, math.nan])
def test_impossible_sparsity_is_refused(sparsity: float) -> None:
    with pytest.raises(ModelError, match="between 0 and"):
        pruned(small_network(), sparsity)


@pytest.mark.parametrize("layerwise", ["uniform", "erk"])
@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9, 0.99])
def test_layer_budgets_sum_to_the_network_budget(layerwise: str, sparsity: float) -> None:
    shapes = {name: weight.shape for name, weight in prunable(small_network()).items()}
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    total = round(sparsity * sum(sizes.values()))
    zeros = layer_zeros(shapes, total, layerwise=layerwise)  # type: ignore[arg-type]
    assert sum(zeros.values()) == total and all(0 <= zeros[name] <= sizes[name] for name in sizes)
    if layerwise == "uniform":
        assert all(abs(zeros[name] - sparsity * size) <= 1 for name, size in sizes.items())


def test_erk_is_the_papers_formula() -> None:
    shapes = {"big": torch.Size((64, 64, 3, 3)), "small": torch.Size((8, 1, 3, 3)), "linear": torch.Size((32, 64))}
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    zeros = layer_zeros(shapes, round(0.8 * sum(sizes.values())), layerwise="erk")
    assert zeros["small"] == zeros["linear"] == 0, "a layer that would keep more than all stays dense"
    zeros = layer_zeros({name: shapes[name] for name in ("big", "linear")}, 38000, layerwise="erk")
    kept = {name: sizes[name] - zeros[name] for name in zeros}
    assert kept["big"] / kept["linear"] == pytest.approx((64 + 64 + 3 + 3) / (32 + 64), rel=0.01)


def test_scores_can_be_cut_layer_by_layer() -> None:
    scores = {"a": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": torch.tensor([10.0, 20.0])}
    masks = choose(scores, {"a": 1, "b": 2})
    assert masks["a"].tolist() == [[False, True], [True, True]] and masks["b"].tolist() == [False, False]


# The sweep


def some_images() -> Images:
    generator = torch.Generator().manual_seed(0)
    stored = torch.randint(0, 65535, (6, 1, 32, 32), generator=generator).numpy().astype("uint16")
    return Images(stored, torch.tensor([0, 1, 2, 0, 1, 2]), tuple(range(6)))  # type: ignore[arg-type]


def test_a_sweep_measures_every_level_and_leaves_the_network_alone() -> None:
    network, images, told = small_network(), some_images(), []
    before = flat(network).clone()
    spec = AttackSpec(name="pgd", eps=4 / 255, steps=2)
    found = prune_sweep(
        network,
        images,
        classes=("a", "b", "c"),
        attacks=[spec],
        on_stage=lambda stage, done, total: told.append(stage),
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [row["sparsity"] for row in found["rows"]] == list(SPARSITIES) == pytest.approx([k / 10 for k in range(9)])
    for row in found["rows"]:
        assert row["nonzero"] == found["prunable"] - round(row["sparsity"] * found["prunable"])
        assert sum(row["answers"].values()) == pytest.approx(1) and row["n"] == 6
        assert row["attacked"][0]["balanced_accuracy"] <= row["clean"]["balanced_accuracy"]
    assert torch.equal(flat(network), before)
    assert "80% pruned, clean" in told
