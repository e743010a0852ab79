"""The commands that work on whole data sets: data, train, evaluate, publish."""


from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_runs import Run, assert_refused


@pytest.fixture
def tiny_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four patients a class and list of OCT-shaped noise, each class with its own brightness."""
    monkeypatch.setenv("MEDDEF_CACHE_DIR", str(tmp_path / "cache"))
    rng, patient = np.random.default_rng(0), 0
    for part in ("train", "val", "test"):
        for level, name in enumerate(("CNV", "DME", "DRUSEN", "NORMAL")):
            folder = tmp_path / "data" / "oct" / part / name
            folder.mkdir(parents=True)
            for _ in range(4):
                patient += 1
                values = rng.integers(0, 60, (240, 320)) + 40 * level
                assert cv2.imwrite(str(folder / f"{name}-{patient}-1.jpeg"), values.astype(np.uint8))
    return tmp_path / "data"


def test_data_status_counts_the_lists(run: Run, tiny_data: Path) -> None:
    document = run("data", "status", "--data-dir", tiny_data, "--json").document
    assert document["tasks"]["oct"]["ready"] is True
    assert document["tasks"]["oct"]["official"]["test"]["scans"] == 16
    assert document["tasks"]["chest"]["ready"] is False
    words = run("data", "status", "--data-dir", tiny_data).out
    assert "official: train 16, val 16, test 16 scans" in words


def test_evaluate_gives_a_row_for_clean_and_each_budget(run: Run, tiny_data: Path) -> None:
    arguments = ("evaluate", "--task", "oct", "--data-dir", tiny_data, "--attacks", "fgsm", "--eps", "1/255,2/255")
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
    assert "other scans than the card's test list" in result.err


def test_train_runs_a_recipe_and_goes_on(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    recipe, folder = tmp_path / "recipe.yaml", tmp_path / "run"
    lines = ("task: oct", "name: tiny", "title: Tiny", "summary: Test.", "epochs: 1", "batch: 8", "precision: 32-true")
    recipe.write_text("\n".join(lines))
    arguments = ("train", recipe, "--data-dir", tiny_data, "--run-dir", folder, "--json")
    settings = ("--set", "model.width=4", "--set", "epochs=2", "--set", "validation.eps=0")
    result = run(*arguments, *settings)
    assert result.code == 0 and result.document["steps"] == 4
    assert (folder / "best.safetensors").is_file()
    assert run(*arguments, *settings).document["steps"] == 4


def test_publish_refuses_an_unfinished_run(run: Run, tiny_data: Path, tmp_path: Path) -> None:
    assert_refused(run("publish", tmp_path, "--data-dir", tiny_data), "no chosen weights")
