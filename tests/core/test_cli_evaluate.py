"""`meddef evaluate`: rows for named attacks, weights of a run, a part of the list, the worst case."""

import json
from pathlib import Path

import pytest
import torch
from cli_runs import Run, assert_refused

from meddef_core.model import MedDef
from meddef_core.training.recipe import Recipe
from meddef_core.training.state import write_tensors


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with chosen weights, as the training loop leaves them; untrained."""
    folder = tmp_path_factory.mktemp("runs") / "ablation"
    folder.mkdir()
    recipe = Recipe.model_validate(
        {"task": "oct", "name": "ablation", "title": "A", "summary": "A.", "epochs": 1, "model": {"width": 4}}
    )
    torch.manual_seed(0)
    state = MedDef(recipe.model_config_of_task()).state_dict()
    metadata = {"step": "7", "score": "0.5", "recipe": recipe.model_dump_json()}
    write_tensors(folder / "best.safetensors", state, metadata)
    return folder


def test_evaluate_gives_a_row_for_clean_and_each_budget(run: Run, noise_data: Path) -> None:
    arguments = ("evaluate", "--task", "oct", "--data-dir", noise_data, "--attacks", "fgsm", "--eps", "1/255,2/255")
    document = run(*arguments, "--json").document
    rows = document["numbers"]["attacked"]
    assert [round(row["spec"]["eps"] * 255) for row in rows] == [1, 2]
    assert document["data"]["n"] == 16 and document["data"]["protocol"] == "official"
    assert document["data"]["same_list_as_card"] is False
    for row in (document["numbers"]["clean"], *rows):
        low, high = row["balanced_interval"]
        assert low <= row["balanced_accuracy"] <= high and set(row["recall"]) == {"CNV", "DME", "DRUSEN", "NORMAL"}
    result = run(*arguments)
    assert "clean" in result.out and "fgsm 2/255" in result.out
    assert "These scans differ from the card's test list" in result.err


def test_each_attack_runs_in_its_own_norm_with_its_own_settings(run: Run, noise_data: Path) -> None:
    arguments = ("evaluate", "--task", "oct", "--data-dir", noise_data, "--limit", 4, "--json")
    document = run(*arguments, "--attacks", "pgd_l2,noise_l0,pgd", "--eps", "0.5").document
    rows = document["numbers"]["attacked"]
    assert [row["eps"] for row in rows] == [0.5, 0.5, 0.5]
    assert rows[2]["spec"]["steps"] == 20 and rows[2]["spec"]["loss"] == "ce"
    usual = run(*arguments, "--attacks", "noise_l2,noise", "--seed", 3).document["numbers"]["attacked"]
    assert [row["eps"] for row in usual] == [3.0, 4 / 255, 8 / 255]
    assert {row["spec"]["seed"] for row in usual} == {3}
    steps = run(*arguments, "--attacks", "pgd", "--eps", "1/255", "--steps", 2, "--loss", "margin").document
    assert (steps["numbers"]["attacked"][0]["spec"]["steps"], steps["data"]["n"], steps["data"]["limit"]) == (2, 4, 4)


def test_the_weights_of_a_run_are_measured(run: Run, noise_data: Path, trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "ablation.json"
    arguments = ("evaluate", "--task", "oct", "--data-dir", noise_data, "--attacks", "none", "--run", trained)
    result = run(*arguments, "--output", output, "--json")
    assert result.err == "" and json.loads(output.read_text()) == result.document
    assert result.document["model"]["key"] == "oct/ablation" and result.document["model"]["card_sha256"] is None
    assert len(result.document["model"]["weights_sha256"]) == 64
    assert (result.document["data"]["run"], result.document["data"]["same_list_as_card"]) == ("ablation", None)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--attacks", "worst,pgd"], "name one of them alone"),
        (["--attacks", "worst", "--steps", "5"], "leave out --steps"),
        (["--attacks", "worst", "--eps", "2"], "between 0 and 1"),
        (["--attacks", "paper", "--eps", "4/255"], "leave out --eps"),
        (["--attacks", "universal", "--devices", "2"], "one perturbation for many scans"),
        (["--attacks", "transfer"], "meddef attack"),
        (["--attacks", "pgd", "--limit", "2"], "at least one of each"),
        (["--output", "numbers.txt"], "must end in .json"),
        (["--run", "."], "no chosen weights"),
    ],
)
def test_evaluate_refuses_in_one_sentence(arguments: list[str], part: str, run: Run, noise_data: Path) -> None:
    if arguments[-1] == "2" and "--limit" in arguments:
        arguments = [*arguments, "--data-dir", str(noise_data)]
    assert_refused(run("evaluate", "--task", "oct", *arguments), part)


def test_named_attacks_keep_each_scan_and_go_on(run: Run, noise_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "named"
    arguments = (
        "evaluate",
        "--task",
        "oct",
        "--data-dir",
        noise_data,
        "--attacks",
        "fgsm,universal,noise_l2",
        "--json",
    )
    assert_refused(run(*arguments, "--run-dir", folder), "leave out --devices and --run-dir")
    plain = run(*arguments).document["numbers"]["attacked"]
    assert [row["spec"]["name"] for row in plain] == ["universal"] * 2 + ["fgsm"] * 2 + ["noise_l2"]
    kept = run(
        *(word.replace("universal,", "") if isinstance(word, str) else word for word in arguments), "--run-dir", folder
    ).document["numbers"]["attacked"]
    assert kept == plain[2:] and (folder / "part-0.jsonl").is_file()
    for row in kept:
        assert len(row["predictions"]) == 16 and row["accuracy"] <= 1


def test_a_run_of_another_task_is_refused(run: Run, trained: Path) -> None:
    assert_refused(run("evaluate", "--task", "chest", "--run", trained), "trained on oct scans")


def test_the_worst_case_is_one_command(run: Run, noise_data: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "worst", tmp_path / "worst.json"
    arguments = ("evaluate", "--task", "oct", "--model", "undefended", "--data-dir", noise_data)
    arguments = (*arguments, "--attacks", "worst", "--limit", 4)
    arguments = (*arguments, "--eps", "64/255,0.5", "--run-dir", folder, "--output", output)
    result = run(*arguments, "--json")
    numbers = result.document["numbers"]
    assert result.code == 0 and result.document["kind"] == "worst_case" and result.document["data"]["n"] == 4
    assert [row["eps"] for row in numbers["attacked"]] == [64 / 255, 0.5]
    assert [len(row["attacks"]) for row in numbers["attacked"]] == [5, 5]
    assert len(numbers["images"]) == 4 and "CNV-" not in result.out
    assert json.loads(output.read_text()) == json.loads((folder / "result.json").read_text()) == result.document
    words = run(*arguments)
    assert "worst case of each scan" in words.out and "attack success rate" in words.out
    assert_refused(run(*arguments, "--seed", 1), "choose another folder with --run-dir")
