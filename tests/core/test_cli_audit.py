"""`meddef audit` on models of the zoo."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cli_runs import Result, Run, assert_refused
from tiny_models import save_tiny_model

from meddef_core.auditing import CHECKS
from meddef_core.tasks import TASKS

QUICK = ("--task", "oct", "--images", 8)


@pytest.fixture
def scans(tiny_data: Path, own_cache: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("MEDDEF_DATA_DIR", str(tiny_data))
    return run


def test_audit_prints_the_verdict_and_writes_a_record(scans: Run, tmp_path: Path) -> None:
    output = tmp_path / "audit.json"
    result = scans("audit", *QUICK, "--output", output)
    assert result.code == 0 and result.err == ""
    first, *lines = result.out.splitlines()
    assert first.startswith("oct/meddef at 4/255 (0.0157): ") and first.split(": ")[1].split(".")[0].isupper()
    assert len([line for line in lines if line.startswith("  ")]) == len(CHECKS)
    assert "No independently trained model was given." in result.out
    document = json.loads(output.read_text())
    assert document["kind"] == "audit" and document["model"]["key"] == "oct/meddef"
    assert document["data"]["part"] == "test" and document["data"]["n"] == 8
    numbers = document["numbers"]
    assert numbers["verdict"].upper() in first and numbers["n"] == 8
    assert [found["check"] for found in numbers["findings"]] == list(CHECKS)
    status = {found["check"]: found["status"] for found in numbers["findings"]}
    assert status["transfer_twin"] != "not applicable" and status["open_gates"] != "not applicable"


def test_without_images_it_says_what_it_needs(run: Run) -> None:
    assert_refused(run("audit", "--task", "oct"), "An audit needs images to attack. No data folder is set")


def test_a_model_is_not_its_own_twin(scans: Run) -> None:
    assert_refused(scans("audit", *QUICK, "--twin", "meddef"), "cannot be compared with itself")
    assert_refused(scans("audit", *QUICK, "--independent", "resnet99"), "no model 'oct/resnet99'")
    assert_refused(scans("audit", "--task", "knee"), "no task 'knee'")


def test_images_of_one_model_are_not_given_to_one_that_prepares_scans_otherwise(
    scans: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_model(tmp_path, "oct/meddef", preprocessing=replace(TASKS["oct"].preprocessing, fill_border=False))
    save_tiny_model(tmp_path, "oct/undefended", variant="resnet18", seed=1)
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path))
    assert_refused(scans("audit", *QUICK, "--twin", "undefended"), "preprocess scans differently")
    output = tmp_path / "audit.json"
    assert scans("audit", *QUICK, "--output", output).code == 0
    findings = json.loads(output.read_text())["numbers"]["findings"]
    assert {found["check"]: found["status"] for found in findings}["transfer_twin"] == "not applicable"
