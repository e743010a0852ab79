"""The paper's tables: what is reported, what is re-measured, and which reported rows contradict themselves."""

import json
from pathlib import Path

import pytest
from refusals import refused_as

from meddef_core.attacks import ATTACKS
from meddef_core.errors import DataError
from meddef_core.studies.paper import (
    PAPER_EPSILONS,
    PAPER_MODELS,
    differences,
    intensity_table,
    paper_attacks,
    read_measured,
    reported_rows,
    success_table,
)
from meddef_core.studies.paper_pruning import paper_pruning_table
from meddef_core.zoo import MODELS, list_models


def share(right: float) -> dict[str, object]:
    return {
        "balanced_accuracy": right, "balanced_interval": [0, 1], "accuracy": right, "accuracy_interval": [0, 1],
        "recall": {"NORMAL": 0.25, "PNEUMONIA": 0.75},
    }  # fmt: skip


def envelope(kind: str, numbers: dict[str, object], *, key: str, weights: str) -> str:
    about = {"schema_version": 2, "kind": kind, "created": "", "versions": {}, "intended_use": ""}
    return json.dumps({**about, "model": {"key": key, "weights_sha256": weights}, "numbers": numbers})


def write_record(root: Path, task: str, model: str, *, pgd: float, weights: str | None = None) -> None:
    """A record as `meddef evaluate --attacks paper --output` writes it, of the shipped weights unless told."""
    key = f"{task}/{model}"
    attacked = [
        share(pgd if name == "pgd" else 0.5)
        | {
            "spec": {"name": name, "eps": 0.14 if name == "jsma" else eps, "theta": eps if name == "jsma" else 0.1},
            "eps": 0.14 if name == "jsma" else eps,
            "n": 40 if name == "jsma" else 200,
            "attack_success_rate": 1 - pgd if name == "pgd" else None,
        }
        for eps in PAPER_EPSILONS
        for name in ("fgsm", "pgd", "bim", "jsma")
    ]
    own = next(card.weights.sha256 for card in list_models(MODELS) if card.key == key)
    path = root / "paper" / task / f"{model}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = {"n": 200, "clean": share(0.9), "attacked": attacked}
    path.write_text(envelope("evaluation", numbers, key=key, weights=weights or own))


def test_the_attacks_are_the_papers() -> None:
    specs = paper_attacks()
    assert len(specs) == 12 and all(spec.name in ATTACKS and spec.stop_when_fooled for spec in specs)
    pgd = next(spec for spec in specs if spec.name == "pgd" and spec.eps == 0.05)
    assert pgd.steps == 40 and pgd.eps * (pgd.rel_step or 0) == pytest.approx(0.01)
    jsma = [spec for spec in specs if spec.name == "jsma"]
    assert [spec.theta for spec in jsma] == list(PAPER_EPSILONS) and {spec.eps for spec in jsma} == {0.14}


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_reported_rows_cover_the_tables(task: str) -> None:
    rows = reported_rows(task)
    assert {row.model for row in rows} == PAPER_MODELS.keys()
    assert {row.eps for row in rows if row.model == "meddef"} == set(PAPER_EPSILONS)


def test_tables_put_both_numbers_into_a_cell(tmp_path: Path) -> None:
    write_record(tmp_path, "oct", "meddef", pgd=0.4321)
    table = intensity_table("oct", root=tmp_path)
    assert len(table.splitlines()) == 2 + 5 * 3
    row = next(line for line in table.splitlines() if line.startswith("| 0.05 | MedDef |"))
    assert "| 99.0 / 90.0 |" in row and "| 100.0 / 43.2 |" in row
    unmeasured = next(line for line in table.splitlines() if line.startswith("| 0.05 | without DAAM |"))
    assert "| 99.5 / - |" in unmeasured
    success = next(line for line in success_table("oct", root=tmp_path).splitlines() if "| 0.05 | MedDef |" in line)
    assert success == "| 0.05 | MedDef | - | 56.8 | - | - |"
    assert read_measured("oct", "without-daam", root=tmp_path) is None


def test_each_contradiction_of_a_reported_row_is_a_sentence(tmp_path: Path) -> None:
    write_record(tmp_path, "chest", "meddef", pgd=0.123)
    sentences = differences("chest", root=tmp_path)
    assert all(sentence.endswith(".") for sentence in sentences)
    at_005 = " ".join(sentence for sentence in sentences if sentence.startswith("MedDef at 0.05"))
    assert "re-measured they stand at 12.3, 50.0 and 50.0" in at_005
    assert "above the clean one (97.67)" in at_005
    assert "BIM at 72.89 is the share of pneumonia" in at_005 and "NORMAL 25%" in at_005
    assert any("98.03 at 0.01, 98.83 at 0.05, 99.89 at 0.10" in sentence for sentence in sentences)
    # Without a measurement the reported row is doubted all the same, with no number of ours.
    unmeasured = [sentence for sentence in sentences if sentence.startswith("without AFD at 0.05")]
    assert unmeasured and not any("re-measured" in sentence for sentence in unmeasured)


def test_numbers_of_earlier_weights_say_so(tmp_path: Path) -> None:
    write_record(tmp_path, "chest", "meddef", pgd=0.123, weights="0" * 64)
    rows = [line for line in intensity_table("chest", root=tmp_path).splitlines() if "MedDef" in line]
    rows += [line for line in success_table("chest", root=tmp_path).splitlines() if "MedDef" in line]
    assert len(rows) == 6 and all("| MedDef (measured with earlier weights) |" in row for row in rows)
    said = " ".join(differences("chest", root=tmp_path))
    assert "re-measured with earlier weights they stand at 12.3" in said
    assert "our recalls under PGD with earlier weights are" in said and "our recalls under PGD are" not in said


def test_a_sound_row_raises_no_doubt(tmp_path: Path) -> None:
    """OCT MedDef at 0.01 is reported within a point for FGSM, PGD and BIM; only "above clean" is left to say."""
    sentences = [sentence for sentence in differences("oct", root=tmp_path) if sentence.startswith("MedDef at 0.01")]
    assert len(sentences) == 1 and "above the clean one" in sentences[0]


def test_a_broken_record_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "paper" / "oct" / "meddef.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with refused_as(DataError, "record.record-name"):
        intensity_table("oct", root=tmp_path)


def test_the_pruning_table_puts_both_rates_into_a_cell(tmp_path: Path) -> None:
    attacked = [
        share(0.5) | {"spec": {"name": name, "eps": 0.05}, "eps": 0.05, "attack_success_rate": rate}
        for name, rate in (("fgsm", 0.5), ("pgd", 1.0), ("bim", 0.98), ("jsma", None))
    ]
    row = {"n": 9, "nonzero": 5, "clean": share(0.9), "answers": {"CNV": 0.25, "DME": 0.75}, "attacked": attacked}
    numbers = {"method": "one-shot", "prunable": 10, "rows": [row | {"sparsity": 0.3}]}
    path = tmp_path / "paper-pruning" / "oct.json"
    path.parent.mkdir()
    path.write_text(envelope("prune_sweep", numbers, key="oct/meddef", weights="0" * 64))
    lines = paper_pruning_table("oct", root=tmp_path).splitlines()
    assert lines[0].startswith("| pruned | clean, ours (measured with earlier weights) |")
    assert lines[2] == "| 30% | 90.0 | DME 75 | 66.2 / 50.0 | 1.2 / 100.0 | 93.4 / 98.0 | 66.2 / - |"
    assert lines[3] == "| 70% | - | - | 63.3 / - | 34.0 / - | 95.4 / - | 62.1 / - |" and len(lines) == 5
