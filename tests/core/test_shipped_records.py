"""Every record that ships: it can be read, and each number under a model's name is of the weights of that name."""

from pathlib import Path

import pytest

from meddef_core.records import (
    EARLIER,
    AblationRecord,
    Claim,
    Collection,
    Match,
    Record,
    ReportedTable,
    match,
    match_weights,
    read,
    read_file,
    shipped,
)
from meddef_core.records.documents import RESULTS
from meddef_core.report.tables import tables
from meddef_core.zoo import MODELS, Card, list_models

PATHS = sorted(path for path in RESULTS.rglob("*.json") if path.name != "reported.json")


def cards() -> list[Card]:
    return list_models(MODELS)


def name_of(path: Path) -> str:
    return str(path.relative_to(RESULTS))


def record_of(path: Path) -> Record:
    found = read(path.read_bytes())
    assert not isinstance(found, Collection)
    return found


def claims_of(path: Path) -> list[Claim]:
    """Every number under a name: those that the record names, and its file's, under which tables and pages show it."""
    record = record_of(path)
    named = list(record.claims())
    own = record.model.weights_sha256
    if path.parent.name in ("oct", "chest") and own is not None:
        named.append(Claim(path.parent.name, (f"{path.parent.name}/{path.stem}",), (own,)))
    return named


def test_the_records_of_the_paper_are_read() -> None:
    assert {row.task for row in read_file(ReportedTable, RESULTS / "reported.json").rows} == {"oct", "chest"}


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_each_number_is_of_the_weights_of_its_name_or_known_to_be_of_others(path: Path) -> None:
    here = shipped(cards())
    other = {claim.names[0] for claim in claims_of(path) if match(claim, here) is Match.OTHER_WEIGHTS}
    assert other == set()


def test_the_check_covers_every_kind_that_ships_and_most_numbers_match() -> None:
    here = shipped(cards())
    found = [match(claim, here) for path in PATHS for claim in claims_of(path)]
    assert len(PATHS) >= 50 and found.count(Match.MATCHED) > 60
    assert {path.relative_to(RESULTS).parts[0] for path in PATHS} == {
        "ablation", "audit", "baselines", "certified", "dissection", "external", "paper", "paper-pruning", "pointing",
        "pruning", "shifts", "worst",
    }  # fmt: skip


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_no_network_of_an_ablation_stands_under_the_name_of_a_model(task: str) -> None:
    record = read_file(AblationRecord, RESULTS / "ablation" / f"{task}.json")
    titles = {card.title for card in cards()}
    assert not titles & {row.title for row in record.numbers.rows}
    small = {"oct": "oct/meddef-narrow", "chest": "chest/meddef-plain"}[task]
    assert [(row.variant, each.seed, key) for row, each, key in record.shipped_as(shipped(cards()))] == [
        ("full", 0, small)
    ]


def test_tables_mark_every_number_of_earlier_weights_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDEF_RESULTS_DIR", raising=False)
    known = tables()
    marked = {name: known[name]().count(f"({EARLIER})") for name in known if name != "models"}
    assert {name: count for name, count in marked.items() if count} == {}
    assert "| MedDef |" in known["baselines-oct"]() and "| MedDef |" in known["baselines-chest"]()


def test_what_was_fitted_beside_a_model_is_of_its_weights() -> None:
    from meddef_core.prediction.files import load_fitted

    fitted = [card for card in cards() if (MODELS / card.key / "reading.json").is_file()]
    assert len(fitted) > 10
    for card in fitted:
        found = load_fitted(MODELS / card.key, key=card.key, weights_sha256=card.weights.sha256).card
        assert match_weights(found.model, found.weights_sha256, shipped([card])) is Match.MATCHED
