"""`meddef prune`: a pruned model in the zoo, a sweep, and refusals in one sentence."""

import json
from pathlib import Path

import pytest
import torch
from cli_runs import Run, assert_refused
from tiny_models import save_tiny_model

from meddef_core.model import VARIANTS, MedDef, MedDefConfig
from meddef_core.pruning import sparsity_of
from meddef_core.tasks import get_task
from meddef_core.zoo import load_model, save_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model, as small as they come: it is attacked often here."""
    root, task = tmp_path_factory.mktemp("models"), get_task("oct")
    config = MedDefConfig(classes=4, width=4, pool=4, mean=task.mean, std=task.std, **VARIANTS["resnet18"])
    torch.manual_seed(0)
    save_model(
        root / "oct/meddef",
        MedDef(config).state_dict(),
        task=task,
        name="meddef",
        title="Tiny",
        summary="Untrained.",
        config=config,
        training={"step": 7},
        data={},
        metrics={},
    )
    return root


def test_prune_writes_a_model_that_can_be_read(run: Run, tiny_data: Path, tmp_path: Path, models: Path) -> None:
    result = run(
        "prune",
        "--task",
        "oct",
        "--sparsity",
        0.9,
        "--name",
        "pruned-test",
        "--data-dir",
        tiny_data,
        "--output",
        tmp_path / "card.json",
        "--json",
    )
    card = result.document
    assert result.code == 0 and card["name"] == "pruned-test" and card["weights"]["dtype"] == "packed-float16"
    assert card == json.loads((tmp_path / "card.json").read_text())
    how = card["training"]["pruning"]
    assert how["of"] == "oct/meddef" and how["nonzero"] == how["prunable"] - round(0.9 * how["prunable"])
    assert card["training"]["step"] == 7
    assert card["metrics"]["n"] == card["data"]["lists"]["test"]["scans"] > 0
    assert sparsity_of(load_model("oct/pruned-test", models).network) == pytest.approx(0.9, abs=1e-3)
    assert "oct/pruned-test" in run("models").out
    refused = run("prune", "--task", "oct", "--sparsity", 0.5, "--name", "pruned-test", "--data-dir", tiny_data)
    assert_refused(refused, "already")


def test_prune_sweeps(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "sweep.json"
    result = run(
        "prune",
        "--task",
        "oct",
        "--sweep",
        "--limit",
        4,
        "--part",
        "val",
        "--eps",
        "2/255",
        "--steps",
        1,
        "--data-dir",
        tiny_data,
        "--output",
        output,
    )
    document = json.loads(output.read_text())
    assert result.code == 0 and document["kind"] == "prune_sweep" and document["data"]["n"] == 4
    assert len(document["numbers"]["rows"]) == 9
    assert result.out.count("attack success") == 9 and "80% pruned" in result.out


def test_a_sweep_of_the_papers_attacks(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "sweep.json"
    arguments = ("--attacks", "paper", "--levels", "0.3,0.8", "--data-dir", tiny_data, "--output", output)
    assert run("prune", "--task", "oct", "--sweep", *arguments).code == 0
    document = json.loads(output.read_text())
    assert [row["sparsity"] for row in document["numbers"]["rows"]] == [0.3, 0.8]
    for row in document["numbers"]["rows"]:
        specs = {each["spec"]["name"]: each["spec"] for each in row["attacked"]}
        assert list(specs) == ["fgsm", "pgd", "bim", "jsma"] and row["attacked"][-1]["n"] == min(
            32, document["data"]["n"]
        )
        assert {specs[name]["eps"] for name in ("fgsm", "pgd", "bim")} == {0.05} and specs["jsma"]["theta"] == 0.1
        assert specs["pgd"]["steps"] == 40 and specs["pgd"]["rel_step"] * 0.05 == pytest.approx(0.01)


def test_the_card_of_a_pruned_model_is_its_own(
    run: Run, tiny_data: Path, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rounding cost the base is no fact of the pruned file; a saturated softmax stays one."""
    training = {"recipe": {"objective": {"kind": "distill"}}, "int8": {"weights": 1}}
    save_tiny_model(tmp_path / "models", "oct/distilled", variant="resnet18", training=training)
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path / "models"))
    card = run(
        "prune", "--task", "oct", "--model", "distilled", "--sparsity", 0.2, "--data-dir", tiny_data, "--json"
    ).document
    assert "int8" not in card["training"] and card["training"]["recipe"] == training["recipe"]
    assert [row["spec"]["loss"] for row in card["metrics"]["attacked"]] == ["margin"] * 7 + ["ce"] * 2


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "either"),
        (["--sparsity", "0.5", "--sweep"], "either"),
        (["--sparsity", "1"], "between 0 and 0.99"),
        (["--sparsity", "0.5", "--values", "int4"], "float16 or int8"),
        (["--sparsity", "0.5", "--name", "No Name"], "small letters"),
        (["--sparsity", "0.5", "--name", "meddef"], "already"),
        (["--sparsity", "0.5", "--output", "card.txt"], ".json"),
        (["--sweep", "--attacks", "magic"], "no attack 'magic'"),
        (["--sweep"], "MEDDEF_DATA_DIR"),
        (["--sweep", "--name", "small"], "leave out --name"),
        (["--sweep", "--attacks", "paper", "--eps", "8/255", "--steps", "3"], "leave out --eps and --steps"),
        (["--sweep", "--levels", "some"], "levels are shares"),
        (["--sweep", "--levels", "0.3,2"], "between 0 and 0.99"),
        (["--sparsity", "0.5", "--limit", "4", "--part", "val"], "leave out --part and --limit"),
    ],
)
def test_prune_refuses_in_one_sentence(arguments: list[str], part: str, run: Run) -> None:
    assert_refused(run("prune", "--task", "oct", *arguments), part)
