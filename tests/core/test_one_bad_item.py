"""One bad item costs only its own row: in a folder, in a table, among the models."""

import csv
import io
import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Run
from refusals import refused_as
from scan_files import png
from tiny_models import save_tiny_model

from meddef_core.auditing.modules import load_folder
from meddef_core.errors import ModelError, ScanError
from meddef_core.io.cells import harmless
from meddef_core.report.tables import model_table
from meddef_core.scans.archive import folder_entries
from meddef_core.scans.files import read_file
from meddef_core.tasks import TASKS
from meddef_core.zoo import list_models, load_model, malformed_models

CLASSES = TASKS["oct"].classes


def scan() -> bytes:
    return png(np.random.default_rng(0).integers(0, 255, (64, 80), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scan among what is none: a pipe, a socket, a link to nowhere, a name that is no UTF-8."""
    root = tmp_path / "scans"
    root.mkdir()
    (root / "a.png").write_bytes(scan())
    os.mkfifo(root / "pipe.png")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(root / "socket.png"))
    (root / "link.png").symlink_to("/dev/zero")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe.png")).write_bytes(scan())
    return root


def test_a_folder_of_odd_things_is_read_row_by_row(folder: Path) -> None:
    entries = {entry.name: entry for entry in folder_entries(folder, classes=CLASSES)}
    assert set(entries) == {"a.png", "pipe.png", "socket.png", "\ufffd\ufffd.png"}
    assert entries["a.png"].load() == entries["\ufffd\ufffd.png"].load() == scan()
    for name in ("pipe.png", "socket.png"):
        with refused_as(ScanError, "scan.no-ordinary"):
            entries[name].load()


def test_the_command_writes_a_table_of_such_a_folder(run: Run, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "table.csv"
    document = run("batch", folder, "--task", "oct", "--output", output, "--json").document
    rows = {row["name"]: row for row in document["numbers"]["rows"]}
    assert rows["a.png"]["prediction"] is not None and rows["\ufffd\ufffd.png"]["prediction"] is not None
    assert "no ordinary file" in rows["pipe.png"]["problem"]
    assert len(list(csv.DictReader(io.StringIO(output.read_text("utf-8-sig"))))) == 4


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/"])
def test_devices_and_folders_are_not_opened(path: str) -> None:
    with refused_as(ScanError, "scan.no-ordinary"):
        read_file(Path(path))


def test_an_audit_passes_over_what_is_no_file(folder: Path) -> None:
    for name in ("one", "two"):
        group = folder.parent / "classes" / name
        group.mkdir(parents=True)
        (group / "a.png").write_bytes(scan())
        os.mkfifo(group / "b.png")
    found = load_folder(folder.parent / "classes", size=16, channels=1, limit=8)
    assert found.x.shape == (2, 1, 16, 16)


# ---- cells -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", "=+-@＝＋－＠﹢﹣﹦﹫")
@pytest.mark.parametrize("before", ["", " ", "\t", "\u00a0", "a;", "a; ", 'a;"', "a,", "a\t", "a\n", "a|"])
def test_nothing_that_runs_stands_where_a_cell_could_begin(before: str, sign: str) -> None:
    cell = harmless(f"{before}{sign}1+1")
    assert cell != f"{before}{sign}1+1" and cell.replace("'", "") == f"{before}{sign}1+1"
    for separator in ";,|\t\n":
        for part in cell.split(separator):
            assert part.strip().strip('"').strip()[:1] != sign


@pytest.mark.parametrize(
    "cell", ["", "a.png", "CNV", "0.9731", "NORMAL/ü.png", "a - b", "left; right", "x=1", "mail@host"]
)
def test_plain_cells_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


# ---- model cards -------------------------------------------------------------------------------------------------

BROKEN = {
    "cut": lambda card: json.dumps(card)[:200],
    "a list": lambda card: "[]",
    "no UTF-8": lambda card: "\udcff",
    "a missing field": lambda card: json.dumps({key: value for key, value in card.items() if key != "weights"}),
    "another folder's": lambda card: json.dumps(card | {"name": "other"}),
    "no such task": lambda card: json.dumps(card | {"task": "knee"}),
    "no such network": lambda card: json.dumps(card | {"config": {"classes": 4, "width": 7}}),
    "a recipe of text": lambda card: json.dumps(card | {"training": {"recipe": "none"}}),
    "an objective of text": lambda card: json.dumps(card | {"training": {"recipe": {"objective": "pgd"}}}),
    "lists of numbers": lambda card: json.dumps(card | {"data": {"lists": {"test": 126}}}),
    "text for metrics": lambda card: json.dumps(card | {"metrics": {"clean": "good"}}),
}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models, of which tests break the second's card."""
    root = tmp_path / "models"
    for name in ("meddef", "bad"):
        save_tiny_model(root, f"oct/{name}")
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(root))
    return root


@pytest.mark.parametrize("damage", BROKEN)
def test_a_malformed_card_removes_only_its_own_model(models: Path, run: Run, damage: str) -> None:
    path = models / "oct" / "bad" / "card.json"
    text = BROKEN[damage](json.loads(path.read_text()))
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert [card.key for card in list_models()] == ["oct/meddef"]
    assert list(malformed_models()) == ["oct/bad"]
    assert load_model("oct/meddef").card.key == "oct/meddef"
    with pytest.raises(ModelError):
        load_model("oct/bad")
    result = run("models", "--json")
    assert [each["key"] for each in result.document["models"]] == ["oct/meddef"]
    assert [each["key"] for each in result.document["malformed"]] == ["oct/bad"]
    assert result.err.count("\n") == 1


def test_a_table_of_an_incomplete_card_has_dashes(models: Path) -> None:
    for metrics in ({"n": 126}, {"clean": {}}, {"attacked": [{}]}, {"protocol": "official", "clean": {"accuracy": 1}}):
        card = list_models()[0].model_copy(update={"metrics": metrics})
        assert model_table([card]).splitlines()[-1].count("-") >= 2
