"""Every page and state through Streamlit's own test runner, with the real core behind it."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from app_driving import ABOUT, DIAGNOSE, LAB, attack, open_section, png_of, text_of, upload
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage
from streamlit.testing.v1 import AppTest

from meddef_core.explanation import MAP_CAVEAT
from meddef_core.intended_use import INTENDED_USE

MISNAMED = "notes_of_mrs_smith.png"


def multi_frame_dicom(*, frames: int) -> bytes:
    header = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = UltrasoundMultiFrameImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = UID("1.2.3")
    header.PatientName = "Smith^Jane"
    header.Modality = "US"
    header.Rows, header.Columns, header.NumberOfFrames = 64, 80, frames
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 8, 8, 7, 0
    header.PixelData = np.random.default_rng(0).integers(0, 255, (frames, 64, 80), dtype=np.uint8).tobytes()
    buffer = io.BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def picture() -> bytes:
    return png_of(np.random.default_rng(0).integers(0, 255, (300, 400), dtype=np.uint8))


@pytest.mark.parametrize("page", [DIAGNOSE, LAB, ABOUT])
def test_every_page_states_the_intended_use(app: AppTest, page: str) -> None:
    app.switch_page(page).run()
    assert not app.exception
    assert INTENDED_USE in text_of(app)


def test_a_fresh_session_reads_the_first_sample(app: AppTest) -> None:
    assert not app.exception
    said = text_of(app)
    assert "Synthetic: drawn, not a patient" in said
    assert "Model output of MedDef" in said
    bars = [bar.text for bar in app.get("progress")]
    assert len(bars) == 4
    assert all("%" in text for text in bars)
    assert MAP_CAVEAT not in said  # no map is drawn until it is asked for
    said = text_of(open_section(app, "maps"))
    assert MAP_CAVEAT in said
    for title in ("Grad-CAM", "AFD noise gate", "MFE edges", "MFE texture", "Self-attention"):
        assert f"**{title}**" in said


def test_a_known_truth_is_judged_and_an_unknown_one_is_not(app: AppTest) -> None:
    chosen, found = app.session_state["chosen"], app.session_state["history"][0].found
    right = found.prediction.label == chosen.truth
    assert ("**Correct.**" in text_of(app), "**Wrong output.**" in text_of(app)) == (right, not right)
    app.segmented_control(key="task").set_value("chest").run()
    said = text_of(app)
    assert app.session_state["chosen"].truth is None
    assert "**Correct.**" not in said and "**Wrong output.**" not in said


def test_a_dicom_sample_says_what_was_removed(app: AppTest) -> None:
    app.segmented_control(key="task").set_value("chest").run()
    assert not app.exception
    removed = app.session_state["chosen"].scan.removed
    assert removed > 0
    assert f"Removed {removed} identifying elements" in text_of(app)


def test_the_undefended_model_has_no_maps_of_its_own(app: AppTest) -> None:
    app.segmented_control(key="diagnose_model_oct").set_value("oct/undefended").run()
    assert "Model output of Undefended" in text_of(app)
    said = text_of(open_section(app, "maps"))
    assert "**Grad-CAM**" in said and "**AFD noise gate**" not in said
    assert "so it has no such maps" in said


def test_a_sample_is_chosen_by_its_button(app: AppTest) -> None:
    app.button(key="sample_synthetic-NORMAL").click().run()
    assert app.session_state["chosen"].truth == "NORMAL"
    assert app.button(key="sample_synthetic-NORMAL").label == "Chosen"


def test_an_upload_is_read_and_its_name_is_nowhere(app: AppTest, picture: bytes) -> None:
    upload(app, picture, name="smith_jane_1961.png")
    assert not app.exception and not app.error
    chosen = app.session_state["chosen"]
    assert chosen.scan.size == (300, 400) and chosen.truth is None
    assert "smith" not in text_of(app)
    assert "smith" not in str(app.session_state)


def test_a_refusal_is_one_sentence(app: AppTest) -> None:
    upload(app, b"not a picture at all, only words", name=MISNAMED)
    assert not app.exception
    assert len(app.error) == 1 and "PNG, JPEG or DICOM" in app.error[0].value
    app.button(key="sample_synthetic-CNV").click().run()
    assert "PNG, JPEG or DICOM." not in text_of(app)


def test_an_upload_stays_when_the_kind_of_scan_is_corrected(app: AppTest, picture: bytes) -> None:
    upload(app, picture)
    before = app.session_state["chosen"].fingerprint
    app.segmented_control(key="task").set_value("chest").run()
    assert app.session_state["chosen"].fingerprint == before
    assert len(app.get("progress")) == 2


def test_the_scan_carries_over_to_the_lab(app: AppTest) -> None:
    app.button(key="sample_synthetic-DRUSEN").click().run()
    app.switch_page(LAB).run()
    assert "**Synthetic B-scan, DRUSEN**" in text_of(app)


def test_clear_everything_forgets_scan_and_results(app: AppTest, picture: bytes) -> None:
    upload(app, picture)
    attack(app, "fgsm")
    app.button(key="clear_everything").click().run()
    assert not app.exception
    assert "chosen" not in app.session_state and "lab_result" not in app.session_state
    assert "No scan is chosen" in text_of(app)
    app.switch_page(DIAGNOSE).run()
    assert "No scan is chosen" in text_of(app)


def test_two_sessions_do_not_see_each_other(start: Callable[[], AppTest], picture: bytes) -> None:
    one, other = start(), start()
    upload(one, picture)
    other.run()
    assert one.session_state["chosen"].fingerprint != other.session_state["chosen"].fingerprint


def test_a_server_without_models_says_so(
    start: Callable[[], AppTest], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path_factory.mktemp("none")))
    app = start()
    assert not app.exception
    assert "There is no trained model" in app.error[0].value


def test_a_wrong_data_folder_is_one_sentence(
    start: Callable[[], AppTest], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDEF_DATA_DIR", str(tmp_path_factory.mktemp("gone") / "nothing"))
    app = start()
    assert not app.exception
    assert "MEDDEF_DATA_DIR is set but is not a folder" in app.error[0].value


def test_a_multi_frame_file_opens_as_a_volume(app: AppTest) -> None:
    upload(app, multi_frame_dicom(frames=3), name="cine.dcm", kind="application/dicom")
    assert not app.exception
    assert "**Uploaded scan, slice 2**" in text_of(app)
