"""What a card holds besides shares: areas, work, weights, time; and the command that puts them there."""

from pathlib import Path

import pytest
import torch
from cli_runs import Run, assert_refused
from tiny_models import save_tiny_model
from torch import nn

from meddef_core.data.lists import build_lists
from meddef_core.evaluation.cost import compare_times, macs
from meddef_core.tasks import get_task
from meddef_core.zoo import load_model, rewrite_card


def test_work_is_counted_as_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(1, 6, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(6 * 8 * 8, 5))
    assert macs(network, torch.rand(1, 1, 16, 16)) == 8 * 8 * 6 * 9 + 6 * 8 * 8 * 5


def test_pruning_saves_no_work() -> None:
    network, image = nn.Conv2d(2, 4, 3), torch.rand(1, 2, 9, 9)
    dense = macs(network, image)
    nn.init.zeros_(network.weight)
    assert macs(network, image) == dense


def test_times_are_a_ratio_and_threads_are_left_as_found() -> None:
    small, large = nn.Conv2d(1, 4, 3), nn.Sequential(nn.Conv2d(1, 64, 3), *(nn.Conv2d(64, 64, 3) for _ in range(4)))
    image, threads = torch.rand(1, 1, 64, 64), torch.get_num_threads()
    assert compare_times(large, small, image, rounds=5).ratio > 2
    assert compare_times(small, large, image, rounds=5).ratio < 0.5
    assert torch.get_num_threads() == threads


@pytest.fixture
def measured(models: Path, tiny_data: Path) -> Path:
    """The tiny models with the lists of the tiny data on their cards, and a clean share to keep."""
    for name in ("meddef", "undefended"):
        save_tiny_model(models, f"oct/{name}", variant="full" if name == "meddef" else "resnet18")
        model = load_model(f"oct/{name}", models)
        lists = build_lists(get_task("oct"), tiny_data)
        data = {"protocol": "official", "lists": {"test": {"sha256": lists.digest("test")}}}
        card = model.card.model_copy(update={"data": data, "metrics": {"clean": {"balanced_accuracy": 0.25}}})
        rewrite_card(models / "oct" / name, card)
    return models


def test_card_measures_and_writes_on_request(run: Run, measured: Path, tiny_data: Path) -> None:
    before = load_model("oct/meddef", measured).card
    found = run("card", "--task", "oct", "--data-dir", tiny_data, "--json").document
    assert load_model("oct/meddef", measured).card == before
    assert 0 <= found["auroc"] <= 1 and set(found["auroc_per_class"]) == {"CNV", "DME", "DRUSEN", "NORMAL"}
    assert found["latency"]["beside"] == "oct/undefended" and found["latency"]["ratio"] > 1
    assert run("card", "--task", "oct", "--data-dir", tiny_data, "--write").code == 0
    after = load_model("oct/meddef", measured).card
    assert after.metrics["clean"] == {
        "balanced_accuracy": 0.25,
        "auroc": pytest.approx(found["auroc"]),
        "auroc_per_class": pytest.approx(found["auroc_per_class"]),
    }
    assert after.metrics["macs"] == found["macs"] > 0 and after.weights == before.weights
    assert after.metrics["nonzero_weights"] <= after.metrics["prunable_weights"] < after.parameters


def test_the_twin_is_compared_with_nothing(run: Run, measured: Path, tiny_data: Path) -> None:
    found = run("card", "--task", "oct", "--model", "undefended", "--data-dir", tiny_data, "--json").document
    assert found["latency"] is None


def test_another_test_list_is_refused(run: Run, measured: Path, tiny_data: Path) -> None:
    card = load_model("oct/meddef", measured).card
    rewrite_card(
        measured / "oct/meddef", card.model_copy(update={"data": card.data | {"lists": {"test": {"sha256": "0"}}}})
    )
    assert_refused(run("card", "--task", "oct", "--data-dir", tiny_data, "--write"), "is not the one")


def test_a_card_that_was_never_measured_is_refused(run: Run, measured: Path, tiny_data: Path) -> None:
    card = load_model("oct/meddef", measured).card
    rewrite_card(measured / "oct/meddef", card.model_copy(update={"data": {}, "metrics": {}}))
    assert_refused(run("card", "--task", "oct", "--data-dir", tiny_data, "--write"), "publish its run first")
