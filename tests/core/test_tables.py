"""Tables come from cards and records, and documents hold the ones these give."""

import json
import shutil
from pathlib import Path

import pytest
from refusals import refused_as

from meddef_core.errors import DataError, MedDefError
from meddef_core.records import SCHEMA_VERSION
from meddef_core.report.blocks import write_blocks
from meddef_core.report.tables import (
    ablation_table,
    audit_table,
    baseline_table,
    external_table,
    model_table,
    pruning_table,
    worst_case_table,
)
from meddef_core.tasks import TASKS
from meddef_core.zoo import MODELS, list_models

ROOT = Path(__file__).parents[2]
BEGIN = "<!-- meddef tables "
DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if BEGIN in path.read_text()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_show_what_cards_and_records_say(tmp_path: Path, path: Path) -> None:
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    write_blocks(copy)
    same = copy.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
    assert same, f"run `meddef tables --write {path.relative_to(ROOT)}`"


def test_a_row_says_what_its_card_says() -> None:
    card = next(card for card in list_models(MODELS) if card.key == "oct/meddef")
    row = next(line for line in model_table([card]).splitlines() if card.key in line)
    clean = card.metrics["clean"]
    assert f" {100 * clean['balanced_accuracy']:.1f} (" in row and f"| {card.metrics['n']} |" in row


WEIGHTS = "0" * 64
"""Weights of no model."""


def share(value: float) -> dict[str, object]:
    interval = [value - 0.05, value + 0.05]
    return {
        "balanced_accuracy": value, "balanced_interval": interval, "accuracy": value, "accuracy_interval": interval,
    }  # fmt: skip


def spec(eps: float = 4 / 255) -> dict[str, object]:
    return {"name": "pgd", "eps": eps}


def outlasted(value: float, eps: float) -> dict[str, object]:
    return share(value) | {
        "eps": eps, "attack_success_rate": 0.5, "unbroken": 9, "misread_clean": 1, "broken_at_smaller_budget": 0,
    }  # fmt: skip


def write_record(path: Path, kind: str, numbers: dict[str, object], *, weights: str = WEIGHTS, **more: object) -> None:
    """A record as `meddef` writes it, of weights that are no model's unless told."""
    key = f"{path.parent.name}/{path.stem}"
    model = {"key": key if path.parent.name in TASKS else f"{path.stem}/x", "weights_sha256": weights}
    envelope = {"schema_version": 2, "kind": kind, "created": "", "versions": {}, "intended_use": "", "model": model}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**envelope, "data": {"protocol": "official"}, "numbers": numbers, **more}))


def shipped_weights(key: str) -> str:
    return next(card.weights.sha256 for card in list_models(MODELS) if card.key == key)


def test_worst_cases_of_other_budgets_share_one_table(tmp_path: Path) -> None:
    def numbers(*rows: dict[str, object]) -> dict[str, object]:
        return {"n": 126, "norm": "linf", "clean": share(0.9), "attacked": rows}

    small = outlasted(0.8, 4 / 255) | {"budget": 4 / 255}
    large = outlasted(0.6, 8 / 255) | {"budget": 8 / 255}
    own = shipped_weights("oct/meddef")
    write_record(tmp_path / "worst/oct/meddef.json", "worst_case", numbers(small, large), weights=own)
    write_record(tmp_path / "worst/oct/other.json", "worst_case", numbers(small))
    assert worst_case_table(root=tmp_path).splitlines() == [
        "| model | protocol | n | clean | 4/255 | 8/255 |",
        "|---|---|---|---|---|---|",
        "| oct/meddef | official | 126 | 90.0 (85-95) | 80.0 (75-85) | 60.0 (55-65) |",
        "| oct/other | official | 126 | 90.0 (85-95) | 80.0 (75-85) | - |",
    ]


def test_a_record_of_other_weights_never_stands_under_the_plain_name(tmp_path: Path) -> None:
    row = outlasted(0.8, 4 / 255) | {"budget": 4 / 255}
    numbers = {"n": 126, "norm": "linf", "clean": share(0.9), "attacked": [row]}
    write_record(tmp_path / "worst/oct/meddef.json", "worst_case", numbers)
    line = worst_case_table(root=tmp_path).splitlines()[-1]
    assert line.startswith("| oct/meddef (measured with earlier weights) |")


def test_an_audit_is_shown_with_what_it_found(tmp_path: Path) -> None:
    about = {"check": "x", "group": "contract", "figures": {}}
    findings = [
        about | {"title": "Zero gradients", "sentence": "Half have none.", "status": "failed", "severity": "red"},
        about | {"title": "Noise", "sentence": "Weaker.", "status": "passed", "severity": None},
    ]
    held = {"robust": 6, "robust_interval": [0.12, 0.45], "eps": 4 / 255, "meaning": "m", "plan": "quick", "clean": 24}
    unasked = about | {"title": "DAAM", "sentence": "None.", "status": "not applicable", "severity": None}
    for name, n, verdict, found in (
        ("bad", 24, "red", findings),
        ("good", 24, "green", [*findings[1:], findings[1], unasked]),
        ("one", 6, "green", findings[1:]),
        ("single", 1, "green", findings[1:]),
    ):
        numbers = held | {"n": n, "verdict": verdict, "findings": found, "robust": min(6, n)}
        write_record(tmp_path / f"audit/oct/{name}.json", "audit", numbers)
    rows = audit_table(root=tmp_path).splitlines()[2:]
    assert rows == [
        "| oct/bad | 24 | 25.0 (12-45) at 4/255 | red | Zero gradients: Half have none. |",
        "| oct/good | 24 | 25.0 (12-45) at 4/255 | green | no flaw found by 2 checks on 24 scans |",
        "| oct/one | 6 | 100.0 (12-45) at 4/255 | green | no flaw found by 1 check on 6 scans |",
        "| oct/single | 1 | 100.0 (12-45) at 4/255 | green | no flaw found by 1 check on 1 scan |",
    ]


def test_baselines_stand_with_both_attackers_and_their_own_weights(tmp_path: Path) -> None:
    def row(key: str, title: str, weights: str) -> dict[str, object]:
        named = {"id": key, "title": title, "summary": "", "citation": None, "randomised": False}
        under = {kind: share(value) | {"spec": spec()} for kind, value in (("ignoring", 0.7), ("adaptive", 0.1))}
        return named | {"weights_sha256": [weights], "clean": share(0.9)} | under

    own = shipped_weights("oct/undefended")
    rows = [
        row("oct/undefended+jpeg", "JPEG", own), row("oct/undefended+median", "Median", WEIGHTS),
        row("oct/meddef", "MedDef", WEIGHTS), row("a-run", "MedDef without DAAM", WEIGHTS),
    ]  # fmt: skip
    numbers = {"n": 126, "eps": 4 / 255, "attack": spec(), "rows": rows}
    write_record(tmp_path / "baselines/oct.json", "baselines", numbers)
    *_, jpeg, median, meddef, run, empty, missing = baseline_table("oct", root=tmp_path).splitlines()
    assert jpeg == "| JPEG | 90.0 (85-95) | 70.0 (65-75) | 10.0 (5-15) |"
    for line, title in ((median, "Median"), (meddef, "MedDef"), (run, "MedDef without DAAM")):
        assert line.startswith(f"| {title} (measured with earlier weights) |")
    assert not empty and missing == "The weights that ship as `oct/meddef` were not compared yet."


def test_only_the_blocks_change(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    block = "<!-- meddef tables {0}: begin -->\n{1}<!-- meddef tables {0}: end -->\n"
    path.write_text("before\n" + block.format("worst", "old\n") + "between\n" + block.format("audit", "") + "after\n")
    write_blocks(path, root=tmp_path)
    worst, audit = worst_case_table(root=tmp_path) + "\n", audit_table(root=tmp_path) + "\n"
    assert path.read_text() == (
        "before\n" + block.format("worst", worst) + "between\n" + block.format("audit", audit) + "after\n"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("no markers", "in pairs"),
        ("<!-- meddef tables models: begin -->\n", "in pairs"),
        ("<!-- meddef tables a: begin -->\n<!-- meddef tables b: end -->\n", "in pairs"),
        ("<!-- meddef tables odd: begin -->\n<!-- meddef tables odd: end -->\n", "the table 'odd'; there are: models"),
    ],
)
def test_a_file_whose_markers_make_no_sense_is_refused_and_kept(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.md"
    path.write_text(content)
    with pytest.raises(MedDefError, match=words):
        write_blocks(path)
    assert path.read_text() == content
    with refused_as(MedDefError, "report.document-unreadable"):
        write_blocks(tmp_path / "none.md")


def test_a_broken_record_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "worst" / "oct" / "meddef.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with refused_as(DataError, "record.record-name"):
        worst_case_table(root=tmp_path)


def test_a_level_of_pruning_is_a_row_with_its_success_rate(tmp_path: Path) -> None:
    def level(sparsity: float, rate: float | None) -> dict[str, object]:
        attacked = share(0.5) | {"spec": spec(), "eps": 4 / 255, "attack_success_rate": rate}
        return {"n": 40, "sparsity": sparsity, "nonzero": 9, "clean": share(0.9), "attacked": [attacked]}

    numbers = {"method": "one-shot", "prunable": 10, "rows": [level(0, 0.25), level(0.8, None)]}
    own = shipped_weights("oct/meddef")
    write_record(tmp_path / "pruning" / "oct" / "meddef.json", "prune_sweep", numbers, weights=own)
    head, _, first, last = pruning_table(root=tmp_path).splitlines()
    assert head == "| model | n | pruned | clean | PGD at 4/255 | success |"
    assert first == "| oct/meddef | 40 | 0% | 90.0 (85-95) | 50.0 (45-55) | 25.0 |"
    assert last.endswith("| 80% | 90.0 (85-95) | 50.0 (45-55) | - |")
    assert pruning_table(root=tmp_path / "none") == "*Not measured yet.*"


def test_an_ablation_says_its_seeds_its_test_and_which_networks_ship(tmp_path: Path) -> None:
    def row(variant: str, title: str, weights: list[str]) -> dict[str, object]:
        deviation = 0.02 if len(weights) > 1 else None
        spread = {"mean": 0.75, "standard_deviation": deviation}
        attacked = outlasted(0.7, 8 / 255) | {"spec": spec(), "n": 126}
        seeds = [
            {"seed": seed, "run": "r", "weights_sha256": each, "clean": share(0.9), "attacked": attacked, "holds": []}
            for seed, each in enumerate(weights)
        ]
        named = {"variant": variant, "title": title, "parameters": 5_470_000, "seeds": seeds}
        return named | {"clean": spread, "attacked": spread}

    pair = {"first": "full", "second": "without_daam", "seeds": [0], "only_first": 9, "only_second": 1, "p": 0.034}
    own = shipped_weights("oct/meddef-narrow")
    numbers = {
        "n": 126,
        "eps": 8 / 255,
        "recipe": {},
        "rows": [row("full", "MedDef", [own, WEIGHTS]), row("without_daam", "without DAAM", [WEIGHTS])],
        "pairs": [pair],
        "verdict": "No part helps.",
    }
    assert ablation_table("oct", root=tmp_path) == "*Not measured yet.*"
    write_record(tmp_path / "ablation" / "oct.json", "ablation", numbers, schema_version=1)
    _, _, full, without, _, verdict = ablation_table("oct", root=tmp_path).splitlines()
    assert full == "| Full network | 5.47 | 0, 1 | 75.0 ± 2.0 | 75.0 ± 2.0 |  |"
    assert without == "| without DAAM | 5.47 | 0 | 75.0 | 75.0 | 0.034 |"
    ships = "Networks here with a card: Full network, seed 0 (`oct/meddef-narrow`)."
    assert verdict == f"n = 126. No part helps. {ships}"


def test_another_hospital_is_a_row_a_condition_with_the_labels_beside(tmp_path: Path) -> None:
    card = next(card for card in list_models() if card.key == "oct/meddef")

    def hits(count: int) -> dict[str, object]:
        return {"share": count / 40, "hits": count, "n": 40, "interval": [0.0, 1.0]}

    def row(eps: float, wrong: int) -> dict[str, object]:
        spec = {"name": "pgd", "eps": eps, "steps": 20} if eps else None
        counts = {"accepted": 20, "without_remark": 5, "correct": 24, "correct_and_accepted": 20 - wrong}
        return {
            "eps": eps, "spec": spec, **{key: hits(count) for key, count in counts.items()},
            "wrong_and_accepted": hits(wrong), "confidence": 0.7, "calibration_error": 0.1, "by_label": {},
            "curve": {"coverages": [1.0], "risks": [0.4], "aurc": 0.2},
        }  # fmt: skip

    source = {"key": "there", "title": "A hospital", "labels": "Good labels.", "out_of_fold": True}
    document = {
        "schema_version": SCHEMA_VERSION, "kind": "external", "created": "2026-01-01T00:00:00+00:00",
        "model": {"key": card.key, "weights_sha256": card.weights.sha256}, "versions": {},
        "numbers": {"n": 40, "source": source, "rows": [row(0, 1), row(4 / 255, 7)]}, "intended_use": "Words.",
    }  # fmt: skip
    path = tmp_path / "external" / "oct" / "meddef.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    lines = external_table("oct", root=tmp_path).splitlines()
    assert lines[2].startswith("| oct/meddef | clean | 50.0 (0-100) |") and "| 2.5 (0-100) | 70 | 0.200 |" in lines[2]
    assert "PGD-20 at 4/255, an upper bound" in lines[3] and "17.5" in lines[3]
    assert lines[-1] == "A hospital, n = 40. Good labels. Limits were chosen out of fold."
    assert "Not measured yet" in external_table("chest", root=tmp_path)
