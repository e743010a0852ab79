""" "From the PACS" on the page Diagnose, on a real server: find, list, read; and a server that is slow or away."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import streamlit as st
from odd_server import answering
from orthanc_server import Orthanc, free_port
from pacs_files import film, study_of, volume, written
from streamlit.testing.v1 import AppTest

from dashboard.services import pacs
from meddef_core.pacs.errors import PacsError

ROOT = Path(__file__).resolve().parents[2]


def ask_in_vain() -> None:
    with pytest.raises(PacsError):
        pacs.find(since=None, until=None, modality="", patient_id="")


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], AppTest]]:
    monkeypatch.delenv("MEDDEF_DATA_DIR", raising=False)
    st.cache_resource.clear()
    yield lambda: AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    st.cache_resource.clear()


def find(app: AppTest, **fields: str) -> AppTest:
    for name, value in fields.items():
        (field,) = (each for each in app.text_input if str(each.key).startswith(f"pacs_{name}"))
        field.set_value(value)
    return press(app, "pacs_find")


def press(app: AppTest, key: str) -> AppTest:
    (button,) = (each for each in app.button if each.key == key)
    app = button.click().run()
    assert not app.exception
    return app


def keys(app: AppTest) -> set[str]:
    return {str(each.key) for kind in ("button", "text_input", "date_input") for each in app.get(kind)}


def words(app: AppTest) -> str:
    kinds = ("markdown", "info", "error", "caption")
    return "\n".join(str(each.value) for kind in kinds for each in app.main.get(kind))


def test_without_a_server_nothing_is_offered(monkeypatch: pytest.MonkeyPatch, start: Callable[[], AppTest]) -> None:
    monkeypatch.delenv("MEDDEF_PACS_URL", raising=False)
    app = start()
    assert not [key for key in keys(app) if key.startswith("pacs_")] and "PACS" not in words(app)
    assert not [each for each in app.expander if "PACS" in each.label]


def test_a_film_is_found_and_read(orthanc: Orthanc, start: Callable[[], AppTest]) -> None:
    orthanc.put(written(study_of(1, film())))
    orthanc.put(written(study_of(2, volume(2, (256, 256)))))
    app = find(start(), patient=" P1 ")
    assert "pacs_study_1.2.826.0.1.1" in keys(app) and "pacs_study_1.2.826.0.1.2" not in keys(app)
    assert "2024\\-02\\-29" in words(app)
    app = press(app, "pacs_study_1.2.826.0.1.1")
    app = press(app, "pacs_read_1.2.826.0.1.1.1")
    assert app.session_state["chosen"].scan.container == "DICOM"
    assert "Origin: the PACS" in words(app)
    assert "Number1" not in words(app)
    app = press(app, "clear_everything")
    assert not [key for key in keys(app) if key.startswith("pacs_study")] and "P1" not in words(app)
    assert [each.value for each in app.text_input if str(each.key).startswith("pacs_patient")] == [""]


def test_a_volume_is_opened_like_an_uploaded_one(orthanc: Orthanc, start: Callable[[], AppTest]) -> None:
    data = written(study_of(2, volume(3, (256, 256))))
    orthanc.put(data)
    app = press(find(start()), "pacs_study_1.2.826.0.1.2")
    app = press(app, "pacs_read_1.2.826.0.1.2.1")
    other = start()
    other.file_uploader[0].set_value(("volume.dcm", data, "application/dicom"))
    other.run()
    for key in ("chosen", "problem"):
        assert (key in app.session_state) == (key in other.session_state)
    assert app.session_state["pacs_digest"] and [e.value for e in app.main.error] == [e.value for e in other.main.error]


def test_what_finds_nothing_and_who_is_away_is_one_sentence(
    orthanc: Orthanc, start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = find(start(), patient="nobody")
    assert "No study matches." in words(app)
    monkeypatch.setenv("MEDDEF_PACS_URL", f"http://127.0.0.1:{free_port()}/dicom-web")
    app = press(app, "pacs_find")
    (error,) = app.main.error
    assert error.value.startswith("The PACS at http://127.0.0.1") and error.value.count(".") == 4


def test_a_scan_that_cannot_be_fetched_clears_the_one_before(
    orthanc: Orthanc, start: Callable[[], AppTest], server: Orthanc
) -> None:
    orthanc.put(written(study_of(1, film())))
    app = press(find(start()), "pacs_study_1.2.826.0.1.1")
    assert "chosen" in app.session_state
    orthanc.clear()
    app = press(app, "pacs_read_1.2.826.0.1.1.1")
    assert "chosen" not in app.session_state and "holds 0 pictures" in words(app)


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (None, None, {"P1", "P2"}),
        (date(2024, 2, 1), None, {"P2"}),
        (None, date(2024, 2, 1), {"P1"}),
        (date(2024, 1, 1), date(2024, 1, 1), {"P1"}),
    ],
)
def test_days_limit_what_is_found(orthanc: Orthanc, since: date | None, until: date | None, found: set[str]) -> None:
    for number, day in ((1, "20240101"), (2, "20240215")):
        orthanc.put(written(study_of(number, film(StudyDate=day))))
    listing = pacs.find(since=since, until=until, modality="", patient_id="")
    assert {study.patient_id for study in listing.studies} == found
    assert [study.date for study in listing.studies] == sorted((s.date for s in listing.studies), reverse=True)


def test_one_who_waits_for_the_pacs_keeps_nobody_waiting(
    orthanc: Orthanc, start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session asks a server that does not answer; meanwhile another session opens its page and predicts."""
    released = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        released.wait(120)

    with answering(silent) as slow:
        monkeypatch.setenv("MEDDEF_PACS_URL", slow.url)
        waiting = threading.Thread(target=ask_in_vain, daemon=True)
        waiting.start()
        while not slow.asked:
            time.sleep(0.01)
        app = start()
        assert not app.exception and "chosen" in app.session_state
        assert waiting.is_alive()
        released.set()
        waiting.join(60)
        assert not waiting.is_alive()
