"""A refused upload takes everything of the scan before with it, on every page, and says why."""

from collections.abc import Callable

import numpy as np
import pytest
from app_driving import (
    ABOUT,
    DIAGNOSE,
    LAB,
    ROBUSTNESS,
    attack,
    lab_section,
    main_text,
    open_section,
    pictures,
    png_of,
    upload,
)
from streamlit.runtime.uploaded_file_manager import DeletedFile
from streamlit.testing.v1 import AppTest
from test_history import film

from dashboard.services.queue import HELD, SETTINGS
from dashboard.session import state, uploads
from dashboard.session.state import LAB_FOUND, UPLOADED
from meddef_core.scans.limits import MAX_BYTES

ATTENTION = "dashboard/views/attention/page.py"
BATCH = "dashboard/views/batch/page.py"
TEACH = "dashboard/views/teach/page.py"
PAGES = (DIAGNOSE, LAB, ATTENTION, BATCH, TEACH, ROBUSTNESS, ABOUT)
HELD_BYTES = SETTINGS.held_mb * 1024**2
OF_THE_SCAN = (DIAGNOSE, LAB, ATTENTION)
"""Pages that work on the chosen scan."""


def scan(seed: int) -> bytes:
    return png_of(np.random.default_rng(seed).integers(0, 60000, (120, 140)).astype(np.uint16))


REFUSED = {
    "a letter": (b"Dear colleague, this is not a scan.", "PNG, JPEG or DICOM"),
    "a damaged picture": (scan(5)[:2000], "damaged"),
    "too large": (b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES), "MB"),
    "a volume of nothing": (film(np.zeros((3, 64, 64), np.uint8)), "blank"),
}


def visit(app: AppTest, page: str) -> AppTest:
    app.switch_page(page).run()
    assert not app.exception
    return app


def a_scan_with_all_its_results(app: AppTest) -> tuple[str, set[str]]:
    """Upload, read, attack and look at maps; the scan's id, and the pictures that all pages showed of it."""
    others = pictures(app)
    upload(app, scan(0))
    short_id = app.session_state["chosen"].short_id
    shown = pictures(open_section(app, "maps"))
    attack(app, "fgsm")
    lab_section(app, "transfer")
    app.button(key="lab_transfer").click().run()
    shown |= pictures(app)
    shown |= pictures(visit(app, ATTENTION))
    assert short_id in main_text(app) and f"{LAB_FOUND}transfer" in app.session_state
    strip = {address for address in others if address in shown}
    return short_id, shown - strip


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_of_the_former_scan_is_left_on_any_page(app: AppTest, name: str) -> None:
    data, reason = REFUSED[name]
    short_id, shown = a_scan_with_all_its_results(app)
    assert len(shown) > 10
    upload(visit(app, DIAGNOSE), data, name="mrs_smith.png")
    assert not app.exception
    for page in PAGES:
        said = main_text(visit(app, page))
        assert short_id not in said and "smith" not in said, page
        assert not pictures(app) & shown, page
        assert not [button.key for button in app.main.get("download_button") if str(button.key).startswith("export_")]
        assert "Model output of" not in said and "Synthetic B-scan" not in said.replace("Sample:", ""), page
        if page in OF_THE_SCAN:
            assert reason in "\n".join(error.value for error in app.main.error), page
    for key in ("chosen", "lab_result", f"{LAB_FOUND}transfer", "source", "history_shown"):
        assert key not in app.session_state


def test_the_kind_of_scan_can_be_corrected_without_a_sample_taking_the_place(app: AppTest) -> None:
    upload(app, REFUSED["a letter"][0])
    app.segmented_control(key="task").set_value("chest").run()
    assert "chosen" not in app.session_state and "PNG, JPEG or DICOM" in app.error[0].value


def test_an_error_goes_with_the_next_good_file_and_comes_with_the_next_bad_one(app: AppTest) -> None:
    upload(app, REFUSED["a letter"][0])
    upload(app, scan(1))
    assert not app.main.error and app.session_state["chosen"].origin == UPLOADED
    good = app.session_state["chosen"].short_id
    upload(app, REFUSED["a damaged picture"][0])
    assert good not in main_text(app) and "damaged" in app.main.error[0].value
    app.button(key="sample_synthetic-CNV").click().run()
    assert not app.main.error and app.session_state["chosen"].sample == "synthetic-CNV"


def test_a_refused_scan_can_be_shown_again_from_the_history(app: AppTest) -> None:
    upload(app, scan(1))
    mine = app.session_state["chosen"]
    upload(app, REFUSED["a letter"][0])
    app.button(key="history_show_0").click().run()
    assert app.session_state["chosen"] is mine and not app.main.error


# ---- what Streamlit itself refuses -------------------------------------------------------------------------------


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A session's state without a page, with a scan and an attack on it."""
    held: dict[str, object] = {"chosen": "a scan", "lab_result": "an attack", "lab_found_sweep": "curves", "source": 1}
    monkeypatch.setattr("streamlit.session_state", held)
    return held


def refuse_deleted(held: dict[str, object]) -> None:
    held[uploads.uploader_key()] = [DeletedFile("1")]
    uploads.receive_upload()


@pytest.mark.parametrize("refused", [refuse_deleted, lambda held: uploads.refuse_lost()])
def test_a_file_that_never_arrived_is_refused_like_any_other(
    session: dict[str, object], refused: Callable[[dict[str, object]], None]
) -> None:
    before = uploads.uploader_key()
    refused(session)
    assert state.problem() == uploads.NOT_TAKEN and state.chosen() is None and state.lab_result() is None
    assert not {"source", "lab_found_sweep"} & set(session)
    assert uploads.uploader_key() != before  # the browser lets go of the file and of its name


# ---- batch -------------------------------------------------------------------------------------------------------


def test_a_refused_batch_takes_the_table_before_with_it(app: AppTest) -> None:
    visit(app, BATCH)
    for name, data in (("a.png", scan(0)), ("b.zip", b"PK\x05\x06" + bytes(18))):
        app.file_uploader[0].set_value([(name, data, "application/octet-stream")]).run()
        app.button(key="batch_start").click().run()
        assert not app.exception
        assert bool(app.main.dataframe) == (name == "a.png")
    assert "There is no file to read" in app.error[0].value and "batch_job" not in app.session_state


def test_a_file_that_memory_is_short_for_is_tried_again_by_itself(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Others:
        """Stands for what other sessions hold."""

    others = Others()
    HELD.admit(others, HELD_BYTES - HELD.bytes)
    upload(app, scan(0))
    assert "chosen" not in app.session_state and "as many scans as it has memory for" in main_text(app)
    assert "tried again by itself" in main_text(visit(app, LAB))
    app.run()
    assert "chosen" not in app.session_state
    del others
    monkeypatch.setattr(uploads, "AGAIN", 0.0)
    app.run()
    assert app.session_state["chosen"].origin == UPLOADED and "waiting" not in app.session_state
    assert "tried again" not in main_text(visit(app, DIAGNOSE))
