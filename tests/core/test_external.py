"""Scans of another hospital: read as uploads are, judged out of fold, and counted as the labels allow."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Run, assert_refused
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import save_fit
from PIL import Image
from refusals import refused_as
from tiny_models import save_tiny_model

from meddef_core.data.external import DEVELOPMENT_SETS
from meddef_core.errors import DataError
from meddef_core.evaluation.selective import risk_coverage
from meddef_core.records import ExternalRecord, read_as
from meddef_core.studies.external import attack_of, measured, see
from meddef_core.studies.external_sources import development_source, folder_source
from meddef_core.tasks import get_task
from meddef_core.zoo import load_model

OCT = get_task("oct")


# ---- risk and coverage -------------------------------------------------------------------------------------------


def by_hand(scores: list[int], wrong: list[bool]) -> list[float]:
    """Expected risk at every coverage: the mean over all orders in which equal scores may come."""
    risks, before, errors = [], 0, 0.0
    for value in sorted(set(scores)):
        group = [bad for score, bad in zip(scores, wrong, strict=True) if score == value]
        for place in range(1, len(group) + 1):
            risks.append((errors + place * np.mean(group)) / (before + place))
        before, errors = before + len(group), errors + sum(group)
    return risks


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40))
def test_the_curve_is_what_is_counted_by_hand(pairs: list[tuple[int, bool]]) -> None:
    scores, wrong = [score for score, _ in pairs], [bad for _, bad in pairs]
    found, risks = risk_coverage(scores, wrong, points=len(pairs)), by_hand(scores, wrong)
    np.testing.assert_allclose(found.risks, risks, atol=1e-12)
    assert found.aurc == pytest.approx(np.mean(risks)) and found.risks[-1] == pytest.approx(np.mean(wrong))
    assert found.coverages[-1] == 1


def test_a_perfect_order_has_the_least_area() -> None:
    wrong = np.arange(100) >= 80
    best, worst = (risk_coverage(order, wrong).aurc for order in (np.arange(100), -np.arange(100)))
    assert best < risk_coverage(np.zeros(100), wrong).aurc < worst
    with refused_as(DataError, "evaluation.risk-coverage"):
        risk_coverage([], [])


# ---- a folder ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """Twelve drawn scans in two folders named by a class, one damaged file, and one file beside them."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "a hospital"
    for label in ("normal", "DME"):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            pixels = (rng.random((60, 90)) * 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    (folder / "DME" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 40)
    (folder / "readme.txt").write_text("no scan")
    return folder


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model of its own for each test, as fits are written beside it."""
    root = tmp_path / "models"
    save_tiny_model(root, "oct/meddef")
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(root))
    return root


@pytest.mark.parametrize("level", ["usual", "unusual", "refused"])
def test_what_is_counted_is_what_is_shown(models: Path, hospital: Path, level: str) -> None:
    save_fit(models, "oct/meddef", level=level)  # type: ignore[arg-type]
    model, source = load_model("oct/meddef"), folder_source(OCT, hospital)
    spec = replace(attack_of(OCT), steps=2)
    seen = see(model, source, spec=spec)
    assert [name for name, _ in seen.problems] == ["DME/broken.png"] and len(seen.labels) == 12
    numbers = measured(model, source, seen, spec=spec)
    clean, attacked = numbers.rows
    shown = ~seen.refused if level != "refused" else np.zeros(12, bool)
    predicted = seen.clean.logits.argmax(axis=1)
    assert clean.accepted.hits == shown.sum()
    assert clean.without_remark.hits == (shown.sum() if level == "usual" else 0)
    assert clean.correct.hits == (predicted == seen.labels).sum()
    assert clean.wrong_and_accepted.hits == (shown & (predicted != seen.labels)).sum()
    assert {label: of.n for label, of in clean.by_label.items()} == {"DME": 6, "NORMAL": 6}
    assert sum(of.accepted for of in clean.by_label.values()) == clean.accepted.hits
    assert attacked.eps == spec.eps and attacked.correct.hits <= clean.correct.hits
    assert numbers.source.unreadable == 1 and not numbers.source.out_of_fold


def test_the_command_writes_a_record_and_the_card(models: Path, hospital: Path, run: Run, tmp_path: Path) -> None:
    save_fit(models, "oct/meddef", level="usual")
    out = tmp_path / "record.json"
    result = run(
        "external", "--task", "oct", "--data", str(hospital), "--title", "Ours", "--no-attack", "--write",
        "--output", str(out), "--json",
    )  # fmt: skip
    assert result.code == 0 and "broken.png" in result.err
    record = read_as(ExternalRecord, out.read_bytes())
    assert json.loads(result.out) == record.document()
    assert record.numbers.source.title == "Ours" and len(record.numbers.rows) == 1
    card = load_model("oct/meddef").card
    assert card.metrics["external"]["folder"] == record.document()["numbers"]
    assert str(hospital) not in out.read_text()


def test_bad_folders_are_named(models: Path, run: Run, tmp_path: Path) -> None:
    save_fit(models, "oct/meddef", level="usual")
    empty = tmp_path / "empty"
    (empty / "NORMAL").mkdir(parents=True)
    assert_refused(run("external", "--task", "oct", "--data", str(empty)), "no file to read")
    (empty / "x.png").write_bytes(b"x")
    assert_refused(run("external", "--task", "oct", "--data", str(empty)), "CNV, DME, DRUSEN, NORMAL")
    (empty / "NORMAL" / "x.png").write_bytes(b"x")
    assert_refused(run("external", "--task", "oct", "--data", str(empty)), "None of the 1 files")


def test_without_a_fit_the_next_step_is_named(models: Path, hospital: Path, run: Run) -> None:
    assert_refused(run("external", "--task", "oct", "--data", str(hospital), "--no-attack"), "meddef calibrate")


def test_the_development_half_is_found_in_its_blocks(data_dir: Path) -> None:
    source = development_source(OCT, data_dir)
    assert source.about is DEVELOPMENT_SETS[0] and len(source.entries) == len(source.groups) == 386
    assert source.entries[0].truth == "DME" and source.groups[0] == source.groups[9] != source.groups[10]
