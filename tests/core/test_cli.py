"""The command line as scripts see it: exit codes, one JSON document, one sentence on bad input, whole files."""

from pathlib import Path

import pytest
from cli_runs import Run, assert_refused
from full_disk import full_disk
from refusals import refused_as

from meddef_core.cli.output import write_file
from meddef_core.cli.predict import MAPS_HELP
from meddef_core.errors import MedDefError
from meddef_core.intended_use import INTENDED_USE

# Reading


def test_predict_answers_in_words(run: Run, scan: Path) -> None:
    result = run("predict", scan, "--task", "oct")
    assert result.code == 0 and result.err == ""
    for name in ("CNV", "DME", "DRUSEN", "NORMAL"):
        assert name in result.out
    assert INTENDED_USE in result.out


def test_predict_gives_one_json_record(run: Run, scan: Path) -> None:
    result = run("predict", scan, "--task", "oct", "--json")
    document = result.document
    assert result.code == 0 and document["kind"] == "prediction"
    assert document["model"]["key"] == "oct/meddef" and len(document["scan"]["sha256"]) == 64
    assert sum(document["numbers"]["probabilities"]) == pytest.approx(1)
    assert document["intended_use"] == INTENDED_USE
    assert "somebody" not in result.out and str(scan.parent) not in result.out


def test_predict_gives_maps_when_asked(run: Run, scan: Path) -> None:
    maps = run("predict", scan, "--task", "oct", "--maps", "--json").document["numbers"]["maps"]
    assert {"gradcam", "afd_gate", "self_attention"} <= set(maps)
    assert len(maps["gradcam"]["grid"]) == 4


def test_the_help_names_the_maps_that_are_left_out(run: Run, scan: Path) -> None:
    from meddef_core.explanation import EXPLAINERS

    costly = [key for key, explainer in EXPLAINERS.items() if explainer.costly]
    assert costly and all(key in MAPS_HELP for key in costly)
    assert "--maps" in run("predict", "--help").out
    maps = run("predict", scan, "--task", "oct", "--maps", "--json").document["numbers"]["maps"]
    assert not set(costly) & set(maps) and {"gradcam", "channel_attention"} <= set(maps)


def test_a_model_is_named_with_or_without_its_task(run: Run, scan: Path) -> None:
    for name in ("undefended", "oct/undefended"):
        document = run("predict", scan, "--task", "oct", "--model", name, "--json").document
        assert document["model"]["key"] == "oct/undefended"


def test_models_lists_every_card(run: Run) -> None:
    assert [model["key"] for model in run("models", "--json").document["models"]] == ["oct/meddef", "oct/undefended"]
    assert "oct/undefended" in run("models").out


def test_models_of_an_empty_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path))
    assert run("models", "--json").document == {"models": []}
    assert "no model" in run("models").out


# Bad input


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["predict"], "file"),
        (["predict", "nofile.png", "--task", "oct"], "nofile.png"),
        (["frobnicate"], "frobnicate"),
        (["data", "status"], "MEDDEF_DATA_DIR"),
        (["data", "fetch", "knee", "--archive", "a.zip", "--data-dir", "."], "no task 'knee'"),
        (["train", "norecipe.yaml"], "norecipe.yaml"),
        (["evaluate", "--task", "oct"], "MEDDEF_DATA_DIR"),
        (["evaluate", "--task", "oct", "--attacks", "magic"], "no attack 'magic'"),
        (["evaluate", "--task", "oct", "--data-dir", ".", "--protocol", "patient_split"], "patients it has seen"),
        (["publish", "norun"], "MEDDEF_DATA_DIR"),
        (["publish", "norun", "--values", "int9"], "int9"),
        (["publish", "norun", "--sparsity", "1.5"], "Sparsity"),
        (["publish", "norun", "--name", "../oct"], "small letters"),
        (["app", "--port", "0"], "--port"),
    ],
)
def test_every_command_refuses_in_one_sentence(arguments: list[str], part: str, run: Run) -> None:
    assert_refused(run(*arguments), part)


def test_a_file_that_is_no_scan_is_refused(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    assert_refused(run("predict", text, "--task", "oct"), "not an image")


def test_set_wants_a_key_and_a_value(run: Run, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("task: oct\n")
    assert_refused(run("train", recipe, "--set", "epochs"), "KEY=VALUE")
    assert_refused(run("train", recipe, "--set", "=3"), "KEY=VALUE")


def test_no_command_shows_the_help(run: Run) -> None:
    result = run()
    assert result.code == 2 and "predict" in result.out and result.err == ""


# Files


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "adv.npy"
    path.write_bytes(b"old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    with refused_as(MedDefError, "io.file-unwritable"):
        write_file(tmp_path / f"{'a' * 252}.npy", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["adv.npy"]
    with full_disk(), pytest.raises(MedDefError, match=r"cannot be written \(File too large\); make room"):
        write_file(path, bytes(30_000))
    assert path.read_bytes() == b"new" and [p.name for p in tmp_path.iterdir()] == ["adv.npy"]
