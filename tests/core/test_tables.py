"""Tables come from cards and records, and documents hold the ones these give."""

import json
import shutil
from pathlib import Path

import pytest

from meddef_core.errors import DataError, MedDefError
from meddef_core.evaluation.tables import (
    ablation_table,
    audit_table,
    baseline_table,
    model_table,
    pruning_table,
    worst_case_table,
    write_blocks,
)
from meddef_core.zoo import MODELS, list_models

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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


def share(value: float) -> dict[str, object]:
    return {"balanced_accuracy": value, "balanced_interval": [value - 0.05, value + 0.05]}


def write_record(path: Path, numbers: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"numbers": numbers, "data": {"protocol": "official"}}))


def test_worst_cases_of_other_budgets_share_one_table(tmp_path: Path) -> None:
    small = share(0.8) | {"budget": 4 / 255, "eps": "4/255 (0.0157)"}
    large = share(0.6) | {"budget": 8 / 255, "eps": "8/255 (0.0314)"}
    write_record(tmp_path / "worst/oct/meddef.json", {"n": 126, "clean": share(0.9), "attacked": [small, large]})
    write_record(tmp_path / "worst/oct/other.json", {"n": 126, "clean": share(0.9), "attacked": [small]})
    assert worst_case_table(root=tmp_path).splitlines() == [
        "| model | protocol | n | clean | 4/255 | 8/255 |",
        "|---|---|---|---|---|---|",
        "| oct/meddef | official | 126 | 90.0 (85-95) | 80.0 (75-85) | 60.0 (55-65) |",
        "| oct/other | official | 126 | 90.0 (85-95) | 80.0 (75-85) | - |",
    ]


def test_an_audit_is_shown_with_what_it_found(tmp_path: Path) -> None:
    findings = [
        {"title": "Zero gradients", "sentence": "Half have none.", "status": "failed"},
        {"title": "Noise", "sentence": "Weaker.", "status": "passed"},
    ]
    held = {"robust": 6, "robust_interval": [0.12, 0.45], "eps": 4 / 255}
    unasked = {"title": "DAAM", "sentence": "The model has no DAAM.", "status": "not applicable"}
    for name, n, verdict, found in (
        ("bad", 24, "red", findings),
        ("good", 24, "green", [*findings[1:], findings[1], unasked]),
        ("one", 6, "green", findings[1:]),
        ("single", 1, "green", findings[1:]),
    ):
        numbers = {"n": n, "verdict": verdict, "findings": found, **held, "robust": min(6, n)}
        write_record(tmp_path / f"audit/oct/{name}.json", numbers)
    rows = audit_table(root=tmp_path).splitlines()[2:]
    assert rows == [
        "| oct/bad | 24 | 25.0 (12-45) at 4/255 | red | Zero gradients: Half have none. |",
        "| oct/good | 24 | 25.0 (12-45) at 4/255 | green | no flaw found by 2 checks on 24 scans |",
        "| oct/one | 6 | 100.0 (12-45) at 4/255 | green | no flaw found by 1 check on 6 scans |",
        "| oct/single | 1 | 100.0 (12-45) at 4/255 | green | no flaw found by 1 check on 1 scan |",
    ]


def test_baselines_stand_with_both_attackers(tmp_path: Path) -> None:
    row = {"title": "JPEG", "clean": share(0.9), "ignoring": share(0.7), "adaptive": share(0.1)}
    write_record(tmp_path / "baselines/oct.json", {"rows": [row]})
    last = baseline_table("oct", root=tmp_path).splitlines()[-1]
    assert last == "| JPEG | 90.0 (85-95) | 70.0 (65-75) | 10.0 (5-15) |"


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
    with pytest.raises(MedDefError, match="check the path"):
        write_blocks(tmp_path / "none.md")


def test_a_broken_record_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "worst" / "oct" / "meddef.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(DataError, match=r"^The record meddef.json cannot be read; measure it again\.$"):
        worst_case_table(root=tmp_path)


def test_a_level_of_pruning_is_a_row_with_its_success_rate(tmp_path: Path) -> None:
    def level(sparsity: float, rate: float | None) -> dict[str, object]:
        attacked = share(0.5) | {"spec": {"name": "pgd"}, "eps": "4/255 (0.0157)", "attack_success_rate": rate}
        return {"n": 40, "sparsity": sparsity, "clean": share(0.9), "attacked": [attacked]}

    write_record(tmp_path / "pruning" / "oct" / "meddef.json", {"rows": [level(0, 0.25), level(0.8, None)]})
    head, _, first, last = pruning_table(root=tmp_path).splitlines()
    assert head == "| model | n | pruned | clean | PGD at 4/255 | success |"
    assert first == "| oct/meddef | 40 | 0% | 90.0 (85-95) | 50.0 (45-55) | 25.0 |"
    assert last.endswith("| 80% | 90.0 (85-95) | 50.0 (45-55) | - |")
    assert pruning_table(root=tmp_path / "none") == "*Not measured yet.*"


def test_an_ablation_says_its_seeds_and_its_test(tmp_path: Path) -> None:
    def row(variant: str, title: str, deviation: float | None) -> dict[str, object]:
        spread = {"mean": 0.75, "standard_deviation": deviation}
        seeds = [{"seed": 0}, {"seed": 1}] if deviation is not None else [{"seed": 0}]
        named = {"variant": variant, "title": title, "parameters": 5_470_000, "seeds": seeds}
        return named | {"clean": spread, "attacked": spread}

    numbers = {
        "n": 126,
        "eps": "8/255 (0.0314)",
        "rows": [row("full", "MedDef", 0.02), row("without_daam", "without DAAM", None)],
        "pairs": [{"first": "full", "second": "without_daam", "p": 0.034}],
        "verdict": "No part helps.",
    }
    assert ablation_table("oct", root=tmp_path) == "*Not measured yet.*"
    write_record(tmp_path / "ablation" / "oct.json", numbers)
    _, _, full, without, _, verdict = ablation_table("oct", root=tmp_path).splitlines()
    assert full == "| MedDef | 5.47 | 0, 1 | 75.0 ± 2.0 | 75.0 ± 2.0 |  |"
    assert without == "| without DAAM | 5.47 | 0 | 75.0 | 75.0 | 0.034 |"
    assert verdict == "n = 126. No part helps."
