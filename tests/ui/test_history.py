"""The session's history: what was read and attacked comes back, goes when deleted, and never grows without bound."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from app_driving import (
    DIAGNOSE,
    LAB,
    attack,
    attacked_outputs,
    open_section,
    png_of,
    press,
    speak_chinese,
    text_of,
    upload,
)
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Slider

from dashboard.services import shared as services
from dashboard.services.results.common import LabResult, Reading
from dashboard.session import history
from dashboard.session.history import HistoryEntry


def entries(app: AppTest) -> tuple[HistoryEntry, ...]:
    return tuple(app.session_state["history"]) if "history" in app.session_state else ()


def keys(app: AppTest) -> list[str]:
    return [entry.key.split()[0] for entry in entries(app)]


def sample(app: AppTest, label: str) -> AppTest:
    return open_section(app, "samples").button(key=f"sample_synthetic-{label}").click().run()


def test_a_fresh_session_lists_what_it_shows_once(app: AppTest) -> None:
    assert keys(app) == ["reading"]
    app.run()
    app.switch_page(LAB).run()
    app.switch_page(DIAGNOSE).run()
    assert keys(app) == ["reading"]
    assert "History of this session (1)" in [each.label for each in app.expander]
    assert entries(app)[0].thumbnail.shape == (64, 64)


def test_readings_and_attacks_are_listed_newest_first(app: AppTest) -> None:
    sample(app, "CNV")
    attack(app, "fgsm")
    assert not app.exception and keys(app) == ["attack", "reading", "reading"]
    said = text_of(app)
    assert "of 2 outputs" in said and "FGSM" in said
    press(app)  # the same attack again is no second entry
    assert keys(app) == ["attack", "reading", "reading"]


def test_an_attack_is_shown_again_on_its_own_scan(app: AppTest) -> None:
    attack(app, "fgsm")
    result = app.session_state["lab_result"]
    app.switch_page(DIAGNOSE).run()
    sample(app, "CNV")
    place = keys(app).index("attack")
    app.button(key=f"history_show_{place}").click().run()
    assert not app.exception
    assert app.session_state["chosen"].sample == "synthetic-NORMAL"
    assert app.session_state["lab_result"] is result
    assert app.title[0].value == "Attack lab" and attacked_outputs(app) == 2


def shown_again(app: AppTest, fingerprint: str) -> AppTest:
    place = [entry.chosen.fingerprint for entry in entries(app)].index(fingerprint)
    return app.button(key=f"history_show_{place}").click().run()


def test_a_film_that_is_shown_again_keeps_its_window(app: AppTest) -> None:
    app.segmented_control(key="task").set_value("chest").run()
    film = app.session_state["chosen"].fingerprint
    app.segmented_control(key="task").set_value("oct").run()
    assert "the image that the models read" not in text_of(open_section(app, "details"))
    shown_again(app, film)
    app.button(key="diagnose_preset_2").click().run()
    assert not app.exception and app.session_state["chosen"].window is not None


def deep(seed: int) -> bytes:
    """A file of 16-bit values, which a window selects from."""
    return png_of(np.random.default_rng(seed).integers(0, 60000, (120, 140)).astype(np.uint16))


def test_an_upload_that_is_shown_again_keeps_its_window(app: AppTest) -> None:
    upload(app, deep(0))
    mine = app.session_state["chosen"].fingerprint
    upload(app, deep(1))
    sample(app, "CNV")
    shown_again(app, mine)
    assert not app.exception and app.session_state["chosen"].fingerprint == mine
    open_section(app, "details")
    (width,) = [one for one in app.slider if str(one.key).startswith("diagnose_width_")]
    width.set_value(2000.0)
    app.button(key="diagnose_apply_window").click().run()
    narrowed = app.session_state["chosen"]
    assert not app.exception and narrowed.window[1] == 2000.0 and narrowed.fingerprint != mine
    shown_again(app, mine)
    assert app.session_state["chosen"].window is None and not app.exception
    app.button(key="clear_everything").click().run()
    assert "source" not in app.session_state and entries(app) == ()


def film(values: np.ndarray) -> bytes:
    """A DICOM file of several frames, (frames, height, width) of 8 bits."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = uid.UID("1.2.3.4")
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.Modality, ds.PhotometricInterpretation, ds.SamplesPerPixel = "OPT", "MONOCHROME2", 1
    ds.NumberOfFrames, ds.Rows, ds.Columns = values.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.PixelData = values.tobytes()
    ds["PixelData"].VR = "OB"
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def slice_slider(app: AppTest) -> Slider:
    (slider,) = [one for one in app.slider if str(one.key).startswith("volume_slice_")]
    return slider


def test_a_slice_that_is_shown_again_can_be_exchanged_for_another(app: AppTest) -> None:
    values = np.random.default_rng(0).integers(0, 255, (3, 60, 64), dtype=np.uint8)
    upload(app, film(values), name="a.dcm", kind="application/dicom")
    second = app.session_state["chosen"]
    assert second.frame == second.number == 2
    slice_slider(app).set_value(3).run()
    assert app.session_state["chosen"].frame == 3 and not app.exception
    shown_again(app, second.fingerprint)
    assert app.session_state["chosen"].frame == 2 == slice_slider(app).value
    slice_slider(app).set_value(1).run()
    assert app.session_state["chosen"].frame == 1 and not app.exception


def test_a_slice_whose_volume_was_let_go_opens_it_again(app: AppTest) -> None:
    values = np.random.default_rng(0).integers(0, 255, (5, 60, 64), dtype=np.uint8)
    upload(app, film(values), name="a.dcm", kind="application/dicom")
    slice_slider(app).set_value(2).run()
    second = app.session_state["chosen"]
    sample(app, "CNV")
    assert not [one for one in app.slider if str(one.key).startswith("volume_slice_")]
    shown_again(app, second.fingerprint)
    open_section(app, "volume").button(key="volume_reopen").click().run()
    assert not app.exception and app.session_state["chosen"].number == 2 == slice_slider(app).value


def test_a_file_without_room_is_let_go_and_the_page_says_so(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = deep(0), deep(1)
    monkeypatch.setattr(history, "MOST_FILE_BYTES", max(len(first), len(second)) + 1000)
    upload(app, first)
    mine = app.session_state["chosen"].fingerprint
    upload(app, second)
    assert [entry.file is not None for entry in entries(app)] == [True, False, False]
    sample(app, "CNV")
    shown_again(app, mine)
    assert not app.exception and app.session_state["chosen"].fingerprint == mine
    assert "upload it again to choose another frame or window" in text_of(open_section(app, "details"))


def test_a_reading_is_shown_again_with_its_model_and_task(app: AppTest) -> None:
    app.segmented_control(key="diagnose_model_oct").set_value("oct/undefended").run()
    first = entries(app)[0]
    assert isinstance(first.found, Reading) and first.found.model.id == "oct/undefended"
    app.segmented_control(key="diagnose_model_oct").set_value("oct/meddef").run()
    app.segmented_control(key="task").set_value("chest").run()
    assert app.session_state["chosen"].task == "chest"
    place = [entry.key for entry in entries(app)].index(first.key)
    app.button(key=f"history_show_{place}").click().run()
    assert not app.exception
    assert app.session_state["chosen"].task == "oct" == app.segmented_control(key="task").value
    assert app.segmented_control(key="diagnose_model_oct").value == "oct/undefended"
    assert app.title[0].value == "Diagnose"


def test_one_entry_is_deleted_and_stays_deleted_while_it_is_on_the_page(app: AppTest) -> None:
    sample(app, "CNV")
    assert keys(app) == ["reading", "reading"]
    kept = entries(app)[1]
    app.button(key="history_delete_0").click().run()
    assert entries(app) == (kept,)
    app.run()
    assert entries(app) == (kept,) and not app.exception
    app.button(key="history_delete_0").click().run()
    assert entries(app) == () and "Nothing was read or attacked yet" in text_of(app)


def test_clear_everything_forgets_the_history(app: AppTest) -> None:
    attack(app, "fgsm")
    app.button(key="clear_everything").click().run()
    assert entries(app) == () and "history_aside" not in app.session_state
    assert "Nothing was read or attacked yet" in text_of(app)


def test_sessions_do_not_see_each_others_history(start: Callable[[], AppTest]) -> None:
    one, other = start(), start()
    sample(one, "DRUSEN")
    assert len(entries(one)) == 2 and len(entries(other)) == 1


def test_the_history_speaks_chinese(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_chinese(app, monkeypatch)
    assert not app.exception
    assert "本次会话的历史（1）" in [each.label for each in app.expander]
    assert app.button(key="history_delete_0").label == "删除"


# ---- bounds ------------------------------------------------------------------------------------------------------


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A session's state without a page."""
    held: dict[str, object] = {}
    monkeypatch.setattr("streamlit.session_state", held)
    return held


def an_entry(app: AppTest) -> HistoryEntry:
    return entries(app)[0]


def test_at_most_twenty_are_kept(app: AppTest, session: dict[str, object]) -> None:
    entry = an_entry(app)
    for number in range(30):
        found = replace(entry.found, model=replace(entry.found.model, id=f"oct/{('meddef', 'undefended')[number % 2]}"))
        chosen = replace(entry.chosen, fingerprint=f"{number}")
        history.remember(chosen, found)
    assert len(history.entries()) == history.MOST == 20
    assert history.entries()[0].chosen.fingerprint == "29"


def test_large_scans_are_forgotten_before_memory_fills(app: AppTest, session: dict[str, object]) -> None:
    entry = an_entry(app)
    for number in range(6):
        pixels = np.full((2000, 1500), number / 10, dtype=np.float32)  # 12 MB
        chosen = replace(entry.chosen, fingerprint=f"{number}", scan=replace(entry.chosen.scan, pixels=pixels))
        history.remember(chosen, entry.found)
    held = history.entries()
    assert 1 <= len(held) < 6 and history.weight(held) <= history.MOST_BYTES
    assert [each.chosen.fingerprint for each in held] == ["5", "4"]
    # One scan that is larger than all of the room is still what the page shows: it stays, alone.
    pixels = np.zeros((3000, 3000), dtype=np.float32)
    history.remember(
        replace(entry.chosen, fingerprint="huge", scan=replace(entry.chosen.scan, pixels=pixels)), entry.found
    )
    assert [each.chosen.fingerprint for each in history.entries()] == ["huge"]


def test_a_scan_that_entries_share_counts_once(app: AppTest, session: dict[str, object]) -> None:
    entry = an_entry(app)
    assert history.weight((entry, entry)) == history.weight((entry,))
    assert history.weight((entry,)) >= entry.chosen.scan.pixels.nbytes + entry.thumbnail.nbytes


@pytest.fixture
def attacked(app: AppTest) -> HistoryEntry:
    attack(app, "fgsm")
    return an_entry(app)


def test_an_attack_that_follows_a_slider_leaves_one_entry(attacked: HistoryEntry, session: dict[str, object]) -> None:
    entry = attacked
    found = entry.found
    assert isinstance(found, LabResult) and found.option == services.option("fgsm")
    for eps in (1 / 255, 2 / 255, 3 / 255):
        history.remember(entry.chosen, replace(found, spec=replace(found.spec, eps=eps)))
    assert len(history.entries()) == 1
    held = history.entries()[0].found
    assert isinstance(held, LabResult) and held.spec.eps == pytest.approx(3 / 255)
