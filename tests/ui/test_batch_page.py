"""Page "Batch": files in, one table out, in this session and nowhere else."""

import csv
import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from app_driving import speak_chinese, text_of
from conftest import ROOT
from PIL import Image
from refusals import refused_as
from streamlit.testing.v1 import AppTest

from dashboard.services import batch
from dashboard.services import shared as services
from dashboard.services.work import BusyError, Holdings
from meddef_core.data.phantoms import oct_phantom
from meddef_core.errors import ScanError
from meddef_core.intended_use import INTENDED_USE

BATCH = "dashboard/views/batch/page.py"
CLASSES = ("CNV", "DME", "DRUSEN", "NORMAL")


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    drawn = oct_phantom("NORMAL", seed=seed).scan.pixels
    Image.fromarray((255 * drawn).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def visit(start: Callable[[], AppTest]) -> Callable[[], AppTest]:
    """Starts a session on the page; the server of `start` is used, its own first page is not."""
    return lambda: AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run().switch_page(BATCH).run()


@pytest.fixture
def page(visit: Callable[[], AppTest]) -> AppTest:
    return visit()


def read_all(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    page.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files]).run()
    page.button(key="batch_start").click().run()
    assert not page.exception
    return page


def known_set() -> bytes:
    """One scan of each class, a letter, and the first scan again."""
    files = {f"set/{name}/{number}.png": png(number) for number, name in enumerate(CLASSES)}
    return packed({**files, "set/letter.txt": b"Dear colleague", "set/CNV/again.png": png(0)})


def test_the_empty_page_says_what_to_do(page: AppTest) -> None:
    assert not page.exception
    assert "No table yet" in text_of(page)
    assert page.button(key="batch_start").disabled
    assert INTENDED_USE in text_of(page)


def test_an_archive_becomes_a_table_with_a_score(page: AppTest) -> None:
    read_all(page, ("secret_clinic.zip", known_set()))
    said = text_of(page)
    assert "a prediction for 5 of 6 files" in said and "1 could not be read" in said and "abstained" not in said
    assert "of 4 scans of known class" in said and "Balanced accuracy" in said and "left out: 1" in said
    frame = page.dataframe[0].value
    assert list(frame["File"])[:2] == ["set/CNV/0.png", "set/DME/1.png"]
    assert "not an image" in frame["Remarks"][4]
    assert [metric.label for metric in page.metric][-1] == "abstains"
    assert [float(metric.value) for metric in page.metric][-1] == 0
    assert sum(float(metric.value) for metric in page.metric) == 5
    assert all(picture.startswith("data:image/png;base64,") for picture in frame["Scan"][:4])
    assert frame["Scan"][4] == ""
    assert "secret_clinic" not in str(page.session_state)


def test_files_of_no_known_class_have_no_score(page: AppTest) -> None:
    read_all(page, ("a.png", png(0)), ("b.png", png(1)))
    said = text_of(page)
    assert "a prediction for 2 of 2 files" in said and "No file lay in a folder named by a class" in said
    assert "Known class" not in page.dataframe[0].value.columns


def test_a_set_without_a_class_has_no_balanced_accuracy(page: AppTest) -> None:
    read_all(page, ("a.zip", packed({"cnv/a.png": png(0)})))
    assert "No balanced accuracy" in text_of(page) and "Drusen" in text_of(page)


def test_the_file_to_take_away_is_stamped(page: AppTest) -> None:
    read_all(page, ("a.zip", known_set()))
    lines = list(csv.DictReader(io.StringIO(batch.csv_of(page.session_state["batch_job"]).decode("utf-8-sig"))))
    assert len(lines) == 6 and {line["intended_use"] for line in lines} == {INTENDED_USE}


def test_what_interrupts_the_page_does_not_end_the_batch(page: AppTest) -> None:
    job = batch.open_job([("a.zip", known_set())], model=services.models("oct")[0], task="oct")
    page.session_state["batch_job"] = batch.next_row(job, lambda ahead: None)
    page.run()
    assert "a prediction for 5 of 6 files" in text_of(page)
    assert page.session_state["batch_job"].held is None


def test_cancelling_keeps_what_is_done_and_lets_the_files_go(page: AppTest) -> None:
    held = batch.HELD.bytes
    job = batch.next_row(
        batch.open_job([("a.zip", known_set())], model=services.models("oct")[0], task="oct"), lambda ahead: None
    )
    assert batch.HELD.bytes > held
    page.session_state["batch_job"] = job = batch.stop(job)
    assert not job.entries and batch.HELD.bytes == held + sum(len(file.data) for file in job.kept)
    page.run()
    assert "a prediction for 1 of 6 files" in text_of(page) and "5 files were not looked at" in text_of(page)


def test_a_row_opens_its_scan_on_diagnose(page: AppTest) -> None:
    read_all(page, ("a.zip", known_set()))
    job = page.session_state["batch_job"]
    assert [file.number for file in job.kept] == [1, 2, 3, 4, 6]  # not the letter
    page.selectbox(key="batch_row").set_value(3).run()
    page.button(key="batch_open").click().run()
    assert not page.exception and page.title[0].value == "Diagnose"
    chosen = page.session_state["chosen"]
    assert chosen.short_id == job.rows[2].short_id and chosen.task == "oct"
    assert "set/DRUSEN" not in chosen.title
    page.switch_page(BATCH).run()
    assert "a prediction for 5 of 6 files" in text_of(page)  # the table is still there


def test_files_beyond_the_limit_are_not_kept(monkeypatch: pytest.MonkeyPatch, page: AppTest) -> None:
    monkeypatch.setattr(batch, "MOST_KEPT", 2 * len(png(0)) - 1)
    read_all(page, ("a.png", png(0)), ("b.png", png(0)))
    job = page.session_state["batch_job"]
    assert [file.number for file in job.kept] == [1]
    assert page.selectbox(key="batch_row").options == [f"1 · a.png · {job.rows[0].short_id}"]


@pytest.mark.parametrize("key", ["clear_everything", "batch_forget"])
def test_forgetting_forgets_names_too(page: AppTest, key: str) -> None:
    read_all(page, ("smith.png", png(0)))
    assert "smith" in page.dataframe[0].value.to_string()
    page.button(key=key).click().run()
    assert not page.exception and "No table yet" in text_of(page)
    assert "batch_job" not in page.session_state


def test_two_sessions_have_two_tables(visit: Callable[[], AppTest]) -> None:
    one, other = visit(), visit()
    read_all(one, ("a.png", png(0)))
    assert "No table yet" in text_of(other.run())


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch, visit: object) -> None:
    monkeypatch.setattr(batch, "MOST_BYTES", 1000)
    with refused_as(ScanError, "batch.files-mb"):
        batch.open_job([("a.png", bytes(2000))], model=services.models("oct")[0], task="oct")


def test_a_server_that_holds_too_much_says_so(monkeypatch: pytest.MonkeyPatch, visit: object) -> None:
    monkeypatch.setattr(batch, "HELD", Holdings(most=1000))
    with refused_as(BusyError, "work.server-holds"):
        batch.open_job([("a.png", png(0))], model=services.models("oct")[0], task="oct")


def test_the_page_speaks_chinese(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(page, monkeypatch)
    read_all(page, ("a.zip", known_set()))
    assert "平衡准确率" in text_of(page)
