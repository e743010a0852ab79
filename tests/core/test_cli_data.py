"""The commands that work on whole data sets: data, train, publish."""

from pathlib import Path

from cli_runs import Run, assert_refused


def test_data_status_counts_the_lists(run: Run, noise_data: Path) -> None:
    document = run("data", "status", "--data-dir", noise_data, "--json").document
    assert document["tasks"]["oct"]["ready"] is True
    assert document["tasks"]["oct"]["official"]["test"]["scans"] == 16
    assert document["tasks"]["chest"]["ready"] is False
    words = run("data", "status", "--data-dir", noise_data).out
    assert "official: train 16, val 16, test 16 scans" in words


def test_train_runs_a_recipe_and_goes_on(run: Run, noise_data: Path, tmp_path: Path) -> None:
    recipe, folder = tmp_path / "recipe.yaml", tmp_path / "run"
    lines = ("task: oct", "name: tiny", "title: Tiny", "summary: Test.", "epochs: 1", "batch: 8", "precision: 32-true")
    recipe.write_text("\n".join(lines))
    arguments = ("train", recipe, "--data-dir", noise_data, "--run-dir", folder, "--json")
    settings = ("--set", "model.width=4", "--set", "epochs=2", "--set", "objective.kind=clean")
    result = run(*arguments, *settings)
    assert result.code == 0 and result.document["steps"] == 4
    assert (folder / "best.safetensors").is_file()
    assert run(*arguments, *settings).document["steps"] == 4


def test_publish_refuses_an_unfinished_run(run: Run, noise_data: Path, tmp_path: Path) -> None:
    assert_refused(run("publish", tmp_path, "--data-dir", noise_data), "no chosen weights")
