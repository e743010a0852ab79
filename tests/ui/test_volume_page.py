"""The page Diagnose with a volume: every source, its slices, its strip, and what it leaves behind."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from app_driving import DIAGNOSE, LAB, main_text, open_lab, open_section, png_of, press, speak_chinese, upload
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core"))

from volume_files import cube, images, opt, packed, pages, series

from dashboard.components.viewer import asked
from dashboard.services import volumes as service
from dashboard.session import state, volumes
from dashboard.views.diagnose.volume_strip import LEVELS, level_of, picked, strip
from meddef_core.scans import read_scan
from meddef_core.tasks import TASKS

CUBE = cube(9, (120, 140), seed=2)


def give(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    """Several files at once."""
    app.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    return app.run()


SOURCES = {
    "OPT": [("smith.dcm", opt(CUBE))],
    "series": series(CUBE),
    "images": images(CUBE, "smith_{}.png"),
    "ZIP": [("smith.zip", packed(images(CUBE)))],
    "TIFF": [("smith.tif", pages(CUBE))],
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_volume_opens_at_its_middle_with_every_slice_predicted(app: AppTest, name: str) -> None:
    give(app, *SOURCES[name])
    assert not app.exception and not app.main.error
    chosen = app.session_state["chosen"]
    assert chosen.number == 5
    np.testing.assert_allclose(chosen.scan.pixels, CUBE[4] / np.float32(255), atol=1e-6)
    said = main_text(app)
    assert "9 slices" in said and "Uploaded scan, slice 5" in said and "smith" not in said
    (found,) = app.session_state[volumes.FOUND]
    assert [row.number for row in found.found.slices] == list(range(1, 10))
    assert all(preview is not None for preview in found.previews)
    assert {f"volume_strongest_{label}" for label in found.found.findings} <= {str(b.key) for b in app.button}


def the_slider(app: AppTest) -> object:
    (slider,) = [each for each in app.slider if str(each.key).startswith("volume_slice_")]
    return slider


def test_the_slider_the_viewer_and_the_buttons_choose_a_slice(app: AppTest) -> None:
    give(app, *SOURCES["OPT"])
    the_slider(app).set_value(2).run()  # type: ignore[attr-defined]
    assert app.session_state["chosen"].number == 2
    np.testing.assert_allclose(app.session_state["chosen"].scan.pixels, CUBE[1] / np.float32(255), atol=1e-6)
    (found,) = app.session_state[volumes.FOUND]
    strongest = found.found.strongest("DME")
    app.button(key="volume_strongest_DME").click().run()
    assert strongest is not None and app.session_state["chosen"].number == strongest.number
    assert the_slider(app).value == strongest.number  # type: ignore[attr-defined]


def test_a_slice_in_the_strip_has_the_output_that_the_page_gives_it_alone(app: AppTest) -> None:
    give(app, *SOURCES["images"])
    (found,) = app.session_state[volumes.FOUND]
    for number in (1, 9):
        the_slider(app).set_value(number).run()  # type: ignore[attr-defined]
        entry = app.session_state["history"][0]
        alone, row = entry.found.prediction, found.found.slices[number - 1].prediction
        assert row is not None and (alone.label, alone.level) == (row.label, row.level)
        np.testing.assert_allclose(alone.shares, row.shares, atol=1e-6)


def test_attack_and_records_are_of_the_chosen_slice(app: AppTest) -> None:
    data = opt(CUBE)
    give(app, ("a", data))
    the_slider(app).set_value(7).run()  # type: ignore[attr-defined]
    (record,) = (kept.record for kept in app.session_state["history"][0].kept)
    assert record.scan.frame == 7 and record.scan.sha256 == app.session_state["chosen"].scan.digest
    assert record.scan.id == read_scan(data, frame=7).short_id
    press(open_lab(app, "fgsm"))
    assert app.session_state["lab_result"].fingerprint == app.session_state["chosen"].fingerprint
    app.switch_page(DIAGNOSE).run()
    assert app.session_state["chosen"].number == 7 and "9 slices" in main_text(app)


def test_another_scan_and_a_refused_one_take_the_volume_with_them(app: AppTest) -> None:
    for replace in (
        lambda: open_section(app, "samples").button(key="sample_synthetic-CNV").click().run(),
        lambda: upload(app, b"Dear colleague"),
        lambda: upload(app, png_of(CUBE[0])),
        lambda: app.button(key="clear_everything").click().run(),
    ):
        give(app, *SOURCES["TIFF"])
        assert state.VOLUME in app.session_state
        replace()
        assert not app.exception
        assert not {key for key in state.OF_A_VOLUME if key in app.session_state}
        assert "9 slices" not in main_text(app)


def test_contradicting_files_are_refused_in_one_sentence(app: AppTest) -> None:
    give(app, *images(CUBE[:3]), *images(cube(3, (60, 64)), "b{}.png"))
    assert "differ in size" in app.main.error[0].value and "chosen" not in app.session_state


def test_a_slice_that_cannot_be_read_leaves_the_one_before(app: AppTest) -> None:
    values = CUBE.copy()
    values[7] = 0
    give(app, ("a", opt(values)))
    the_slider(app).set_value(8).run()  # type: ignore[attr-defined]
    assert app.session_state["chosen"].number == 5
    assert any("Slice 8 cannot be shown" in error.value and "blank" in error.value for error in app.main.error)
    (found,) = app.session_state[volumes.FOUND]
    assert level_of(found.found.slices[7]) == "unread" and found.previews[7] is None
    the_slider(app).set_value(6).run()  # type: ignore[attr-defined]
    assert not app.main.error


def test_a_volume_whose_middle_is_blank_opens_beside_it(app: AppTest) -> None:
    values = CUBE.copy()
    values[3:6] = 0
    give(app, ("a", opt(values)))
    assert app.session_state["chosen"].number in (3, 7)


def test_a_volume_of_nothing_is_refused(app: AppTest) -> None:
    give(app, ("a", opt(np.zeros_like(CUBE))))
    assert "blank" in app.main.error[0].value and "chosen" not in app.session_state


def test_a_cancelled_prediction_waits_for_a_press(app: AppTest) -> None:
    give(app, *SOURCES["OPT"])
    app.session_state[volumes.CANCELLED] = True
    del app.session_state[volumes.FOUND]
    app.run()
    assert "The prediction of all slices was cancelled." in main_text(app) and volumes.FOUND not in app.session_state
    app.button(key="volume_resume").click().run()
    assert len(app.session_state[volumes.FOUND]) == 1


def test_each_model_has_its_own_strip_and_few_are_kept(app: AppTest) -> None:
    give(app, *SOURCES["OPT"])
    app.segmented_control(key="diagnose_model_oct").set_value("oct/undefended").run()
    assert [each.model.id for each in app.session_state[volumes.FOUND]] == ["oct/undefended", "oct/meddef"]


def test_the_files_have_one_row_a_slice(app: AppTest) -> None:
    give(app, *SOURCES["ZIP"])
    (found,) = app.session_state[volumes.FOUND]
    rows = list(csv.DictReader(io.StringIO(service.csv_file(found).decode("utf-8-sig"))))
    document = json.loads(service.json_file(found))
    assert [row["slice"] for row in rows] == [str(n) for n in range(1, 10)]
    assert document["kind"] == "volume" and len(document["numbers"]["slices"]) == 9
    assert "scan_1" not in json.dumps(document)


def test_the_strip_has_a_shape_for_every_level_and_a_gap_where_there_is_no_output(app: AppTest) -> None:
    values = CUBE.copy()
    values[0] = 0
    give(app, ("a", opt(values)))
    (reading,) = app.session_state[volumes.FOUND]
    figure = strip(reading.found, at=5, task=TASKS["oct"])
    names = [trace.name for trace in figure.data]
    assert names[:3] == ["CNV", "DME", "Drusen"] and "not read" in names
    assert len({trace.line.dash for trace in figure.data[:3]}) == 3
    assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)
    assert figure.data[0].y[0] is None and figure.data[0].y[4] is not None
    assert len({symbol for _, _, symbol in LEVELS.values()}) == len(LEVELS)
    assert picked([{"x": 4, "y": 1}]) == 4 and picked([]) is None


def test_a_chest_film_of_frames_has_a_strip_and_no_output_for_the_volume(app: AppTest) -> None:
    app.segmented_control(key="task").set_value("chest").run()
    give(app, *SOURCES["TIFF"])
    (reading,) = app.session_state[volumes.FOUND]
    assert reading.found.verdict is None and reading.found.findings == ("PNEUMONIA",)


def test_the_volume_in_chinese(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    give(app, *SOURCES["OPT"])
    speak_chinese(app, monkeypatch)
    assert "9 层" in main_text(app) and "slices" not in main_text(app)


def test_the_viewer_tells_of_a_slice(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told:
        slice = 3

    monkeypatch.setattr("streamlit.session_state", {"viewer": Told()})
    assert asked("viewer", "slice") == 3
    monkeypatch.setattr("streamlit.session_state", {})
    assert asked("viewer", "slice") is None


def test_a_lab_page_knows_the_slice_by_name(app: AppTest) -> None:
    give(app, *SOURCES["OPT"])
    app.switch_page(LAB).run()
    assert "Uploaded scan, slice 5" in main_text(app)
