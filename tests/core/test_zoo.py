"""Cards and weights: what is shipped is what was measured, and nothing that does not match its card loads."""

import json
from pathlib import Path

import pytest
import torch
from refusals import refused_as
from tiny_training import tiny_recipe

from meddef_core.attacks import AttackSpec
from meddef_core.data.images import load_images
from meddef_core.data.lists import build_lists
from meddef_core.errors import MedDefError, ModelError
from meddef_core.evaluation.card_numbers import CARD_EPSILONS, card_attacks, measure, strongest
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.metrics import balanced_accuracy
from meddef_core.model import MedDef
from meddef_core.pruning.masks import weight_counts
from meddef_core.publishing.trained import publish
from meddef_core.records import AttackedAccuracy
from meddef_core.tasks import get_task
from meddef_core.training.finished import titled
from meddef_core.training.loop import train
from meddef_core.training.recipe import Recipe
from meddef_core.zoo import MAX_BYTES, MODELS, compact, list_models, load_model, loadable_models

SHIPPED = ["chest/meddef", "chest/undefended", "oct/meddef", "oct/undefended"]


@pytest.fixture(scope="module")
def published(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one model, trained and measured for real on the tiny data."""
    root = tmp_path_factory.mktemp("zoo")
    recipe = Recipe.model_validate(
        {
            "task": "chest",
            "name": "tiny",
            "title": "Tiny",
            "summary": "A test.",
            "epochs": 6,
            "batch": 8,
            "model": {"width": 4, "pool": 4},
            "objective": {"kind": "clean"},
            "optimizer": {"ema": 0.8},
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDDEF_CACHE_DIR", str(root / "cache"))
        train(recipe, data_dir=tiny_data, run_dir=root / "run")
        publish(root / "run", data_dir=tiny_data, root=root / "models")
    return root


def test_a_published_model_loads_read_only(published: Path) -> None:
    model = load_model("chest/tiny", published / "models")
    assert not model.network.training and not any(p.requires_grad for p in model.network.parameters())
    assert all(p.dtype == torch.float32 for p in model.network.parameters())
    assert model.card.data["lists"]["test"]["scans"] == 10
    assert [card.key for card in list_models(published / "models")] == ["chest/tiny"]


def test_the_card_is_measured_on_the_shipped_weights(published: Path, tiny_data: Path, own_cache: Path) -> None:
    model = load_model("chest/tiny", published / "models")
    task = get_task("chest")
    images = load_images(build_lists(task, tiny_data), "test", preprocessing=task.preprocessing, data_dir=tiny_data)
    clean = attack_images(model.network, images, None)
    metrics = model.card.metrics
    score = balanced_accuracy(images.labels.numpy(), clean.predictions, classes=2)
    assert metrics["clean"]["balanced_accuracy"] == pytest.approx(score)
    assert [row["spec"]["eps"] for row in metrics["attacked"][: len(CARD_EPSILONS)]] == list(CARD_EPSILONS)
    for row in metrics["attacked"]:
        assert row["balanced_accuracy"] <= score and row["largest_linf"] <= row["spec"]["eps"] + 1e-6
    again = attack_images(model.network, images, AttackSpec(**metrics["attacked"][3]["spec"]))
    expected = metrics["attacked"][3]["balanced_accuracy"]
    assert balanced_accuracy(images.labels.numpy(), again.predictions, classes=2) == pytest.approx(expected)


def test_a_card_holds_what_one_process_finds_in_one_go(published: Path, tiny_data: Path, own_cache: Path) -> None:
    model, task = load_model("chest/tiny", published / "models"), get_task("chest")
    images = load_images(build_lists(task, tiny_data), "test", preprocessing=task.preprocessing, data_dir=tiny_data)
    whole = measure(model.network, images, classes=task.classes, attacks=card_attacks()[-2:])
    for row, other in zip(model.card.metrics["attacked"][-2:], whole["attacked"], strict=True):
        assert row.pop("largest_linf") <= other.pop("largest_linf") + 1e-7
        assert row == other
    assert not list((published / "run").glob("card-*"))


def test_a_card_that_could_not_be_written_costs_no_second_measuring(
    published: Path, tiny_data: Path, tmp_path: Path, own_cache: Path
) -> None:
    in_the_way = tmp_path / "models"
    in_the_way.write_text("not a folder")
    with refused_as(MedDefError, "io.file-unwritable") as caught:
        publish(published / "run", data_dir=tiny_data, root=in_the_way, name="again", devices=2)
    assert "cannot be written" in str(caught.value)
    in_the_way.unlink()
    heard: list[str] = []
    card = publish(
        published / "run",
        data_dir=tiny_data,
        root=in_the_way,
        name="again",
        on_stage=lambda stage, done, total: heard.append(stage),
    )
    assert set(heard) <= {"clean", ""}
    assert card.metrics == load_model("chest/tiny", published / "models").card.metrics
    assert not list((published / "run").glob("card-*"))


def test_a_run_is_pruned_and_rounded_before_it_is_measured(
    published: Path, tiny_data: Path, tmp_path: Path, own_cache: Path
) -> None:
    card = publish(
        published / "run", data_dir=tiny_data, root=tmp_path, sparsity=0.5, values="int8", name="small", title="Small"
    )
    model = load_model("chest/small", tmp_path)
    how = model.card.training["pruning"]
    # 8-bit codes round some of the smallest weights left to zero as well.
    assert how["nonzero"] == weight_counts(model.network).nonzero <= how["prunable"] - round(0.5 * how["prunable"])
    assert how["nonzero"] > 0.4 * how["prunable"] and card.training["int8"]["relative_error"] < 0.01
    dense = load_model("chest/tiny", published / "models").card
    assert (card.title, card.summary, card.weights.dtype) == ("Small", dense.summary, "packed-int8")
    assert card.weights.bytes < dense.weights.bytes and card.training["step"] == dense.training["step"]
    task = get_task("chest")
    images = load_images(build_lists(task, tiny_data), "test", preprocessing=task.preprocessing, data_dir=tiny_data)
    again = attack_images(model.network, images, None)
    score = balanced_accuracy(images.labels.numpy(), again.predictions, classes=2)
    assert card.metrics["clean"]["balanced_accuracy"] == pytest.approx(score)


def row_at(eps: float, right: float) -> AttackedAccuracy:
    share = {"balanced_accuracy": right, "balanced_interval": (0, 1), "accuracy": right, "accuracy_interval": (0, 1)}
    return AttackedAccuracy.model_validate(share | {"spec": {"name": "pgd", "eps": eps}, "eps": eps})


def test_a_saturated_network_is_attacked_on_the_margin_at_every_budget() -> None:
    usual, saturated = card_attacks(), card_attacks(saturated=True)
    assert {spec.eps for spec in saturated if spec.loss == "margin"} == set(CARD_EPSILONS)
    assert {spec.eps for spec in usual if spec.loss == "ce"} == set(CARD_EPSILONS)
    assert {(s.eps, s.loss) for s in usual} != {(s.eps, s.loss) for s in saturated} and len(usual) == len(saturated)
    rows = [row_at(0.1, share) for share in (0.5, 0.1, 0.3)]
    assert strongest([*rows, row_at(0.2, 0.9)])[0.1] is rows[1]


@pytest.mark.parametrize(
    ("variant", "title"), [("full", "Tiny"), ("without_daam", "Tiny without DAAM"), ("resnet18", "Tiny")]
)
def test_an_ablated_network_says_what_it_lacks(variant: str, title: str) -> None:
    assert titled(tiny_recipe(model={"variant": variant, "width": 4, "pool": 4}))[0] == title


def test_compact_weights_keep_batch_norm_statistics() -> None:
    state = {"a.weight": torch.rand(3), "b.running_var": torch.tensor([1e-9, 1e6])}
    small = compact(state)
    assert small["a.weight"].dtype == torch.float16
    torch.testing.assert_close(small["b.running_var"], state["b.running_var"])


def copy_of(published: Path, target: Path) -> Path:
    folder = target / "chest" / "tiny"
    folder.mkdir(parents=True)
    for path in (published / "models/chest/tiny").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_weights_that_do_not_match_their_card_do_not_load(published: Path, tmp_path: Path) -> None:
    folder = copy_of(published, tmp_path)
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(data)
    with refused_as(ModelError, "zoo.weights-key-do"):
        load_model("chest/tiny", tmp_path)
    (folder / "weights.safetensors").unlink()
    with refused_as(ModelError, "zoo.weights-key"):
        load_model("chest/tiny", tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"config": {"classes": 2, "width": 8}}, "another network"),
        ({"config": {"classes": 2, "wings": 2}}, "another network"),
        ({"extra": 1}, "malformed at 'extra'"),
        ({"name": "other"}, "calls itself chest/other"),
    ],
)
def test_a_wrong_card_is_refused(published: Path, tmp_path: Path, change: dict[str, object], said: str) -> None:
    folder = copy_of(published, tmp_path)
    card = json.loads((folder / "card.json").read_text()) | change
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match=said):
        load_model("chest/tiny", tmp_path)


@pytest.mark.parametrize("key", ["chest/none", "../secrets", "chest", ""])
def test_unknown_models_are_refused(published: Path, key: str) -> None:
    with refused_as(ModelError, "zoo.there-no"):
        load_model(key, published / "models")


def test_a_run_without_weights_cannot_be_published(tmp_path: Path, tiny_data: Path) -> None:
    with refused_as(ModelError, "training.no-chosen-weights"):
        publish(tmp_path, data_dir=tiny_data, root=tmp_path)
    (tmp_path / "best.safetensors").write_bytes(b"x" * 20)
    with refused_as(ModelError, "training.chosen-weights-unreadable"):
        publish(tmp_path, data_dir=tiny_data, root=tmp_path)


def test_what_ships_loads_and_is_small() -> None:
    keys = [card.key for card in loadable_models(MODELS)]
    assert set(SHIPPED) <= set(keys)
    sizes = []
    for key in keys:
        model = load_model(key, MODELS)
        assert isinstance(model.network, MedDef)
        sizes.append((MODELS / key / model.card.weights.file).stat().st_size)
    assert max(sizes) <= MAX_BYTES and sum(sizes) <= 60e6
    assert len(list(MODELS.glob("*/*/weights.safetensors"))) == len(keys)


def test_a_model_whose_record_ships_alone_says_so() -> None:
    records = {card.key for card in list_models(MODELS)} - {card.key for card in loadable_models(MODELS)}
    assert "oct/meddef-narrow" in records
    for key in records:
        with refused_as(ModelError, "zoo.record-alone"):
            load_model(key, MODELS)


@pytest.mark.parametrize("key", SHIPPED)
def test_shipped_cards_name_the_lists_on_hand(data_dir: Path, key: str) -> None:
    card = load_model(key, MODELS).card
    lists = build_lists(get_task(card.task), data_dir, protocol=card.data["protocol"])
    assert card.data["lists"]["test"]["sha256"] == lists.digest("test")
    assert card.data["lists"]["train"]["sha256"] == lists.digest("train")


@pytest.mark.parametrize("key", SHIPPED)
def test_shipped_clean_accuracy_can_be_measured_again(data_dir: Path, key: str) -> None:
    model = load_model(key, MODELS)
    lists = build_lists(model.task, data_dir, protocol=model.card.data["protocol"])
    images = load_images(lists, "test", preprocessing=model.preprocessing, data_dir=data_dir)
    outcome = attack_images(model.network, images, None)
    score = balanced_accuracy(images.labels.numpy(), outcome.predictions, classes=len(model.task.classes))
    assert score == pytest.approx(model.card.metrics["clean"]["balanced_accuracy"], abs=0.005)
