"""`meddef certify` and `meddef certified`: what they answer, refuse, write and resume; the table made of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runs import Run, assert_refused
from refusals import refused_as
from tiny_models import save_tiny_model

from meddef_core.certification import radii
from meddef_core.certification.certify import certify
from meddef_core.errors import DataError
from meddef_core.io.kept_lines import KeptLines
from meddef_core.records import CertificateRecord, CertifiedRecord, DamagedRecord, read, read_as
from meddef_core.report.certified_table import certified_table
from meddef_core.scans import read_scan
from meddef_core.studies.certified import summarised
from meddef_core.zoo import load_model

SHAPE = {"width": 4, "pool": 1, "grid": [16, 8], "noise": 0.3, "stem_stride": 1}
SMOOTHING = {"draws": 1000, "selection": 100, "alpha": 0.001, "seed": 0, "sigma": 0.3, "grid": [16, 8]}


@pytest.fixture
def certified_models(models: Path) -> Path:
    save_tiny_model(models, "oct/meddef-certified", variant="resnet18", shape=SHAPE)
    return models


def test_a_scan_has_a_certificate_that_its_seed_repeats(run: Run, certified_models: Path, scan: Path) -> None:
    found = run("certify", scan, "--task", "oct", "--draws", 300, "--seed", 5, "--json")
    assert found.code == 0
    record = read(json.dumps(found.document).encode())
    assert isinstance(record, CertificateRecord)
    again = certify(load_model("oct/meddef-certified"), read_scan(scan.read_bytes()), 300, seed=5)
    classes = list(record.numbers.votes)
    assert record.numbers.votes == dict(zip(classes, again.votes, strict=True)) and record.seed == 5
    assert record.numbers.certified == again.certified and record.numbers.linf == again.radii.linf
    assert record.model.key == "oct/meddef-certified" and record.scan is not None


def test_a_certificate_is_replayed_and_another_count_of_votes_is_noticed(
    run: Run, certified_models: Path, scan: Path, tmp_path: Path
) -> None:
    path = tmp_path / "certificate.json"
    made = run("certify", scan, "--task", "oct", "--draws", 200, "--seed", 2, "--output", path, "--json").document
    again = run("replay", path, "--scan", scan, "--json")
    assert again.code == 0 and again.document["replays"][0]["kind"] == "certificate"
    votes = made["numbers"]["votes"]
    least, most = min(votes, key=votes.get), max(votes, key=votes.get)
    votes[least] += 1
    votes[most] -= 1
    path.write_text(json.dumps(made))
    assert run("replay", path, "--scan", scan).code == 1


def test_in_words_it_says_what_is_guaranteed_and_of_which_model(run: Run, certified_models: Path, scan: Path) -> None:
    words = run("certify", scan, "--task", "oct", "--draws", 500).out
    assert "smoothed network of oct/meddef-certified" in words and "without noise and vote" in words
    assert "abstains" in words or ("in L-infinity" in words and "at most 0.001" in words)


def test_a_model_without_noise_and_bad_settings_are_refused(run: Run, certified_models: Path, scan: Path) -> None:
    assert_refused(run("certify", scan, "--task", "oct", "--model", "meddef"), "not trained for certificates")
    assert_refused(run("certify", scan, "--task", "oct", "--draws", 0), "1 to 10,000,000 draws")
    assert_refused(run("certify", scan, "--task", "oct", "--alpha", 0.6), "alpha")
    assert_refused(run("certify", scan, "--task", "oct", "--output", "here.txt"), "must end in .json")


def test_a_list_is_measured_and_an_interrupted_call_resumes(
    run: Run, certified_models: Path, noise_data: Path, tmp_path: Path
) -> None:
    asked = ("certified", "--task", "oct", "--draws", 60, "--data-dir", noise_data)
    whole = run(*asked, "--json", "--output", tmp_path / "whole.json")
    assert whole.code == 0, whole.err
    record = read_as(CertifiedRecord, (tmp_path / "whole.json").read_bytes())
    assert record.numbers.n == 16 == len(record.numbers.radii) and record.scans.part == "test"
    folder = tmp_path / "run"
    run(*asked, "--run-dir", folder)
    kept = folder / "certificates.jsonl"
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:7]) + lines[7][:5])
    before = kept.read_text()
    again = run(*asked, "--run-dir", folder, "--json")
    assert again.document["numbers"] == whole.document["numbers"]
    assert kept.read_text().startswith(before[: before.rfind("\n")]) and kept.read_text() == "".join(lines)
    assert_refused(run(*asked[:-3], 61, "--data-dir", noise_data, "--run-dir", folder), "another measurement")


def test_shares_by_hand() -> None:
    """Two classes; what is not certified as far, or wrongly predicted, lowers the recall of its own class."""
    unit = radii(1.0, grid=(16, 8)).linf
    radius = np.array([0.0, 1.5, 2.5, 9.0, 9.0]) / 255 / unit
    found = summarised(
        np.array([0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 0]), radius, classes=("A", "B"), smoothing=SMOOTHING
    )
    assert found.abstained == 1
    assert found.clean.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2) / 2) and found.clean.accuracy == 3 / 5
    by_radius = {round(255 * row.radius, 1): row.recall for row in found.linf}
    assert by_radius[1.0] == pytest.approx({"A": 2 / 3, "B": 0.5}) and by_radius[2.0]["A"] == pytest.approx(1 / 3)
    assert by_radius[4.0] == pytest.approx({"A": 0.0, "B": 0.5})


@pytest.mark.parametrize("changes", [{"radii": [0.1]}, {"abstained": 3}, {"n": 6}])
def test_a_record_that_contradicts_itself_is_damaged(changes: dict[str, Any]) -> None:
    numbers = summarised(
        np.array([0, 1, 0]), np.array([0, 1, 1]), np.array([0.1, 0.0, 0.2]), classes=("A", "B"), smoothing=SMOOTHING
    ).model_dump(mode="json", exclude_unset=True)
    document = {
        "schema_version": 2, "kind": "certified", "created": "2026-01-01T00:00:00+00:00", "intended_use": "Words.",
        "model": {"key": "oct/meddef-certified", "weights_sha256": "0" * 64}, "versions": {},
        "numbers": numbers,
    }  # fmt: skip
    read_as(CertifiedRecord, json.dumps(document).encode())
    with pytest.raises(DamagedRecord):
        read_as(CertifiedRecord, json.dumps(document | {"numbers": numbers | changes}).encode())


def test_the_table_has_a_row_a_record(run: Run, certified_models: Path, noise_data: Path, tmp_path: Path) -> None:
    assert "Not measured yet" in certified_table(root=tmp_path)
    path = tmp_path / "certified" / "oct" / "meddef-certified.json"
    path.parent.mkdir(parents=True)
    run("certified", "--task", "oct", "--draws", 60, "--limit", 4, "--data-dir", noise_data, "--output", path)
    head, _, row = certified_table(root=tmp_path).splitlines()
    assert "L∞ 0.5/255" in head and "L∞ 4/255" in head and "L2 0.25" in head
    assert row.startswith("| oct/meddef-certified") and "smoothed | 4 | 60 |" in row


def test_kept_lines_of_another_measurement_or_damaged_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lines.jsonl"
    KeptLines(path, header={"of": 1}).append({"scan": 0})
    assert KeptLines(path, header={"of": 1}).lines == [{"scan": 0}]
    with refused_as(DataError, "io.another-measurement"):
        KeptLines(path, header={"of": 2})
    path.write_text('{"of": 1}\n{"scan"\n')
    with refused_as(DataError, "io.results-damaged"):
        KeptLines(path, header={"of": 1})
    with refused_as(DataError, "io.run-unwritable"):
        KeptLines(path / "below.jsonl", header={})
