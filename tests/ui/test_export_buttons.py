"""What leaves the dashboard: files made on demand, records that the command line replays, nothing of a file's name."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from app_driving import LAB, attack, lab_section, open_lab, open_section, press, speak_chinese
from PIL import Image
from pypdf import PdfReader
from streamlit.testing.v1 import AppTest

from dashboard.services import exports
from dashboard.services import shared as services
from dashboard.services.exports import ScanNote
from dashboard.services.results.common import AttackChoice, LabResult, Reading
from dashboard.session import history
from dashboard.session.history import HistoryEntry
from meddef_core.cli import main
from meddef_core.intended_use import INTENDED_USE

NAME = "mrs_smith_left_eye.png"
Replay = Callable[[bytes, Path | None], int]


def text_of_page(page: bytes) -> str:
    """All words of a PDF of one page."""
    (sheet,) = PdfReader(io.BytesIO(page)).pages
    return " ".join(sheet.extract_text().split())


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    """Runs `meddef replay` on exported bytes; gives its exit code."""

    def call(data: bytes, scan: Path | None = None) -> int:
        path = tmp_path / "record.json"
        path.write_bytes(data)
        with pytest.raises(SystemExit) as caught:
            main(["replay", str(path), *([] if scan is None else ["--scan", str(scan)])])
        return int(caught.value.code or 0)

    return call


def newest(app: AppTest) -> HistoryEntry:
    entry: HistoryEntry = app.session_state["history"][0]
    return entry


def lab_result(*, ids: tuple[str, ...] = ("oct/undefended", "oct/meddef"), **changes: object) -> LabResult:
    """An attack on the first sample, computed without a page."""
    choice = replace(AttackChoice(attack="pgd", eps=4 / 255, steps=2), **changes)
    spec, source = services.checked(choice, "oct")
    picture = services.thumbnail("oct", "synthetic-NORMAL")
    clean = [services.reading_of(model, picture) for model in services.compared("oct", ids)]
    outcomes = tuple(services.attack(each, spec, lambda *heard: None, source=source) for each in clean)
    return LabResult("f", "oct", services.option(spec.name), spec, source, outcomes)


def note() -> ScanNote:
    sample = services.samples("oct")[0]
    scan = sample.load()
    return ScanNote(
        title=f"{sample.title} · scan {scan.short_id}",
        truth=sample.truth,
        digest=scan.digest,
        short_id=scan.short_id,
        sample=sample.key,
    )


# ---- records -----------------------------------------------------------------------------------------------------


def test_a_reading_replays_to_its_numbers(app: AppTest, replay: Replay, capsys: pytest.CaptureFixture[str]) -> None:
    entry = newest(app)
    assert isinstance(entry.found, Reading)
    data = exports.json_file(entry.kept, entry.found, entry.note)
    document = json.loads(data)
    assert document["kind"] == "prediction" and document["scan"]["sample"] == "synthetic-NORMAL"
    assert document["numbers"]["probabilities"] == list(entry.found.prediction.probabilities)
    assert document["scan"]["id"] == entry.chosen.short_id
    assert replay(data, None) == 0
    assert "the same" in capsys.readouterr().out
    document["numbers"]["probabilities"][0] += 0.01
    assert replay(json.dumps(document).encode(), None) == 1


def test_an_attack_replays_on_every_model_with_its_control(app: AppTest, replay: Replay) -> None:
    attack(app, "pgd")
    assert not app.exception
    entry = newest(app)
    data = exports.json_file(entry.kept, entry.found, entry.note)
    records = json.loads(data)["records"]
    assert [each["model"]["key"] for each in records] == ["oct/undefended"] * 2 + ["oct/meddef"] * 2
    assert [each["spec"]["name"] for each in records] == ["pgd", "noise"] * 2
    assert replay(data, None) == 0


def places(value: object, path: str = "") -> set[str]:
    """Every key within a document, by its path."""
    if isinstance(value, dict):
        return {each for key, item in value.items() for each in (f"{path}.{key}", *places(item, f"{path}.{key}"))}
    if isinstance(value, list):
        return {each for item in value for each in places(item, path)}
    return set()


@pytest.mark.usefixtures("start")
def test_the_command_line_writes_the_same_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "scan.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8)).save(picture)
    with pytest.raises(SystemExit):
        main(["attack", str(picture), "--task", "oct", "--steps", "2", "--eps", "4/255", "--json"])
    typed = json.loads(capsys.readouterr().out)
    found = lab_result(ids=("oct/meddef",))
    exported = json.loads(exports.json_file(exports.records(found, note()), found, note()))["records"][0]
    assert places(exported) == places(typed) | {".scan.sample"}
    assert typed["kind"] == exported["kind"] == "attack" and typed["spec"] == exported["spec"]


@pytest.mark.usefixtures("start")
@pytest.mark.parametrize(
    ("ids", "changes"),
    [
        (("oct/meddef",), {"attack": "deepfool", "eps": 3.0}),
        (("oct/meddef",), {"attack": "transfer", "source": "oct/undefended"}),
        (("oct/undefended+jpeg",), {"attack": "fgsm", "steps": None}),
    ],
)
def test_attacks_of_every_kind_replay_to_the_same_image(
    ids: tuple[str, ...], changes: dict[str, object], replay: Replay, capsys: pytest.CaptureFixture[str]
) -> None:
    found = lab_result(ids=ids, **changes)
    data = exports.json_file(exports.records(found, note()), found, note())
    assert replay(data, None) == 0
    assert capsys.readouterr().out.count("identical bit by bit") == 2


def test_an_upload_replays_from_its_file_and_its_name_is_nowhere(app: AppTest, replay: Replay, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8)).save(buffer, "PNG")
    (tmp_path / NAME).write_bytes(buffer.getvalue())
    app.file_uploader[0].set_value((NAME, buffer.getvalue(), "image/png"))
    app.run()
    entry = newest(app)
    assert entry.note.sample is None
    record = exports.json_file(entry.kept, entry.found, entry.note)
    assert replay(record, tmp_path / NAME) == 0
    assert replay(record, None) == 2
    page = exports.pdf_file(entry.kept, entry.found, entry.note)
    assert "smith" not in text_of_page(page)
    for data in (record, page, exports.png_file(entry.kept, entry.found, entry.note)):
        assert b"smith" not in data
    assert len(record) < 5_000


# ---- picture and page --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("start")
def test_picture_and_page_show_what_the_record_says() -> None:
    found = lab_result()
    kept = exports.records(found, note())
    with Image.open(io.BytesIO(exports.png_file(kept, found, note()))) as picture:
        assert picture.width == 1600 and picture.info["Comment"] == INTENDED_USE
    page = exports.pdf_file(kept, found, note())
    said = text_of_page(page)
    assert INTENDED_USE in said and "oct/meddef" in said and "Not audited" in said
    assert "Grad-CAM" in said and note().digest in said
    assert found.outcomes[0].clean.label in said
    assert note().short_id in said and services.tasks()["oct"].population.sentence in said


@pytest.mark.usefixtures("start")
def test_a_model_behind_a_defence_has_no_maps_but_a_page() -> None:
    found = lab_result(ids=("oct/undefended+jpeg",))
    said = text_of_page(exports.pdf_file(exports.records(found, note()), found, note()))
    assert "Grad-CAM" not in said and "JPEG" in said


def test_files_are_made_when_their_button_is_pressed(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not app.download_button
    assert [button.key for button in open_section(app, "export").download_button] == [
        "export_reading_png", "export_reading_json", "export_reading_pdf"
    ]  # fmt: skip
    app.switch_page(LAB).run()
    assert not app.download_button
    press(open_lab(app, "fgsm"))
    assert not app.exception and not app.download_button
    assert len(lab_section(app, "export").download_button) == 3


def test_buttons_speak_chinese_and_files_english(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(app, monkeypatch)
    assert not app.exception
    assert "图片（PNG）" in [button.label for button in open_section(app, "export").download_button]
    entry = newest(app)
    assert INTENDED_USE in text_of_page(exports.pdf_file(entry.kept, entry.found, entry.note))


def test_the_three_files_of_a_result_name_one_record(app: AppTest) -> None:
    first = newest(app)
    app.run()
    assert newest(app) is first
    held = history.HistoryEntry  # the entry, not the run, is what files are made of
    assert isinstance(first, held)
    said = text_of_page(exports.pdf_file(first.kept, first.found, first.note))
    with Image.open(io.BytesIO(exports.png_file(first.kept, first.found, first.note))) as picture:
        assert picture.info["Record-SHA256"] in said
