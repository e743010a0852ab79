"""One probability, one level and one id per scan on every page and in every file; what is refused is not counted.

With the shipped models, on a drawn scan under growing noise: as it is usual, then unusual, then refused.
"""

import csv
import io
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from app_driving import (
    DIAGNOSE,
    LAB,
    attack,
    lab_section,
    main_text,
    open_lab,
    open_section,
    png_of,
    press,
    text_of,
    upload,
)
from pypdf import PdfReader
from streamlit.testing.v1 import AppTest

from dashboard.catalogue import catalogue
from dashboard.components import scan_level
from dashboard.components.export_buttons import file_name
from dashboard.components.words import counted, percent
from dashboard.services import batch, exports, sweeps
from dashboard.services import shared as services
from dashboard.services.results.common import LabResult, Reading
from dashboard.session import uploads
from dashboard.session.history import HistoryEntry
from dashboard.views.batch import table as batch_table
from dashboard.views.diagnose import trust as diagnose_trust
from meddef_core.prediction import Abstention, calibrate
from meddef_core.prediction.prediction import predict
from meddef_core.scans import read_scan
from meddef_core.tasks import TASKS, get_task
from meddef_core.zoo import MODELS, load_model

ATTENTION = "dashboard/views/attention/page.py"
BATCH = "dashboard/views/batch/page.py"
SENTENCE = get_task("oct").population.sentence


@dataclass(frozen=True)
class Cases:
    """Files of drawn scans, by the level that the shipped MedDef gives them."""

    usual: bytes
    unusual: bytes
    refused: bytes


@pytest.fixture(scope="module")
def cases() -> Cases:
    drawn = services.samples("oct")[0].load().pixels
    noise = np.random.default_rng(0).random(drawn.shape)
    model, found = load_model("oct/meddef", root=MODELS), {}
    for share in np.arange(0.0, 0.8, 0.02):
        data = png_of(np.rint(255 * ((1 - share) * drawn + share * noise)).astype(np.uint8))
        found.setdefault(predict(model, read_scan(data)).level, data)
    return Cases(found["usual"], found["unusual"], data)  # so much noise that every model refuses the last


def newest(app: AppTest) -> HistoryEntry:
    entry: HistoryEntry = app.session_state["history"][0]
    return entry


def sidebar(app: AppTest) -> str:
    return "\n".join(str(element.value) for kind in ("markdown", "caption") for element in app.sidebar.get(kind))


# ---- one probability ---------------------------------------------------------------------------------------------


def test_one_probability_on_every_page_and_in_every_file(shipped: AppTest) -> None:
    open_section(shipped, "samples").button(key="sample_synthetic-DRUSEN").click().run()
    entry = newest(shipped)
    assert isinstance(entry.found, Reading)
    found, raw = entry.found.prediction, max(entry.found.prediction.probabilities)
    assert found.calibrated is not None and percent(found.probability) != percent(raw)
    own = percent(found.probability)
    assert f"Drusen · {own}" in main_text(shipped) and f"Drusen · {own}" in sidebar(shipped)
    assert percent(raw) not in text_of(shipped)
    open_section(shipped, "details")
    (details,) = [box for box in shipped.expander if box.label == "Technical details"]
    everywhere = text_of(shipped).replace("\n".join(each.value for each in details.caption), "")
    assert percent(raw) in details.caption[0].value and percent(raw) not in everywhere
    shipped.switch_page(ATTENTION).run()
    (table,) = shipped.table
    assert table.value.loc["MedDef", "Clean"] == f"Drusen {own}"
    result = attack(shipped, "fgsm").session_state["lab_result"]
    clean = next(outcome.clean for outcome in result.outcomes if outcome.clean.model.id == "oct/meddef")
    assert clean.shares == found.shares
    for outcome in result.outcomes:
        step = outcome.attacked.steps[-1]
        temperature = outcome.clean.prediction.temperature
        np.testing.assert_allclose(step.shares, calibrate(np.log(step.probabilities), temperature), rtol=1e-4)
        np.testing.assert_allclose(step.shares, outcome.attacked.reading.shares, atol=1e-4)


@pytest.mark.usefixtures("shipped")
def test_a_sweep_and_its_margins_go_by_the_same_probability() -> None:
    model = next(model for model in services.models("oct") if model.id == "oct/meddef")
    clean = services.reading_of(model, services.thumbnail("oct", "synthetic-NORMAL"))
    curve = sweeps.sweep(clean, lambda *heard: None, steps=1)
    assert curve.points[0].attacked.probability == clean.probability != max(clean.prediction.probabilities)
    own, other = sorted(clean.shares)[:-3:-1]
    assert curve.points[0].margin == pytest.approx(np.log(own / other))


@pytest.mark.parametrize("share", [0.0, 1e-9, 0.0004, 0.9996, 1 - 1e-12, 1.0])
def test_no_probability_is_rounded_to_certainty(share: float) -> None:
    assert percent(share) in ("<0.1%", ">99.9%")
    assert (counted(share) in ("0.0%", "100.0%")) == (share in (0.0, 1.0))
    assert percent(0.944) == counted(0.944) == "94.4%"


# ---- ids and times -----------------------------------------------------------------------------------------------


def test_id_and_time_stand_wherever_a_scan_or_its_result_does(shipped: AppTest, cases: Cases) -> None:
    upload(shipped, cases.usual, name="smith.png")
    chosen = shipped.session_state["chosen"]
    both = f"{chosen.short_id}, read {chosen.read:%H:%M} UTC"
    assert chosen.short_id == read_scan(cases.usual).short_id
    assert both in main_text(shipped) and both in sidebar(shipped)
    attack(shipped, "fgsm")
    said = main_text(shipped)
    assert said.count(both) >= 2 and both in sidebar(shipped)  # with the scan, and with the result's settings
    assert both in main_text(shipped.switch_page(ATTENTION).run())


def test_files_are_named_by_the_scan_and_say_its_id_and_time(shipped: AppTest, cases: Cases) -> None:
    upload(shipped, cases.usual, name="smith.png")
    entry = newest(shipped)
    short_id = entry.chosen.short_id
    assert file_name(entry, kind="reading") == f"meddef-{short_id}-reading-oct-{entry.created:%Y%m%d-%H%M%S}"
    said = page_of(entry)
    assert f"scan {short_id}, read {entry.chosen.read:%Y-%m-%d %H:%M} UTC" in said
    assert json.loads(exports.json_file(entry.kept, entry.found, entry.note))["scan"]["id"] == short_id


def page_of(entry: HistoryEntry) -> str:
    (sheet,) = PdfReader(io.BytesIO(exports.pdf_file(entry.kept, entry.found, entry.note))).pages
    return " ".join(sheet.extract_text().split())


# ---- unusual scans -----------------------------------------------------------------------------------------------


def test_no_page_or_file_calls_an_unusual_scan_calibrated(shipped: AppTest, cases: Cases) -> None:
    upload(shipped, cases.unusual)
    entry = newest(shipped)
    assert isinstance(entry.found, Reading) and entry.found.prediction.level == "unusual"
    for said in (
        main_text(shipped),
        main_text(attack(shipped, "fgsm")),
        main_text(shipped.switch_page(ATTENTION).run()),
    ):
        assert "unlike most of the training scans" in said and "not calibrated for this scan" in said
        assert "are calibrated on validation patients" not in said
        assert SENTENCE in said
    assert "unusual scan, not calibrated" in sidebar(shipped)
    document = json.loads(exports.json_file(entry.kept, entry.found, entry.note))
    assert document["numbers"]["level"] == "unusual" and document["numbers"]["calibration_holds"] is False
    said = page_of(entry)
    assert "unlike most training scans" in said and "uncalibrated for this scan" in said and SENTENCE in said
    attacked = newest(shipped)
    assert isinstance(attacked.found, LabResult) and "uncalibrated for this scan" in page_of(attacked)


# ---- refused scans -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "button", "run"),
    [(LAB, "lab_anyway", "run_attack"), (ATTENTION, "attention_anyway", "attention_run")],
)
def test_a_refused_scan_is_used_only_anyway_and_counts_nowhere(
    shipped: AppTest, cases: Cases, page: str, button: str, run: str
) -> None:
    upload(shipped, cases.refused)
    assert "No output: the model abstains" in sidebar(shipped)
    shipped.switch_page(page).run()
    keys = {each.key for each in shipped.button}
    assert button in keys and run not in keys and not shipped.main.table
    assert "The model abstains from this scan" in shipped.main.error[0].value
    shipped.button(key=button).click().run()
    assert "The model abstains from this scan" in shipped.main.error[0].value
    shipped.selectbox(key="attack_white_box" if page == LAB else "attention_attack").set_value("fgsm").run()
    shipped.button(key=run).click().run()
    assert not shipped.exception
    result = shipped.session_state["lab_result"]
    assert result.outcomes and not result.counted
    assert "Not valid and not counted" in main_text(shipped)
    assert "Attack not counted: the model abstains" in sidebar(shipped) and "Attack changed" not in sidebar(shipped)
    entry = newest(shipped)
    records = json.loads(exports.json_file(entry.kept, entry.found, entry.note))["records"]
    assert all(each["numbers"]["clean"]["abstained"]["sentence"] for each in records)
    assert "The model abstains" in page_of(entry)


def test_pictures_of_a_refused_scan_enter_no_transfer_count(shipped: AppTest, cases: Cases) -> None:
    upload(shipped, cases.refused)
    shipped.switch_page(LAB).run()
    shipped.button(key="lab_anyway").click().run()
    press(open_lab(shipped, "fgsm"))
    lab_section(shipped, "transfer")
    shipped.button(key="lab_transfer").click().run()
    assert not shipped.exception and "Nothing is counted here" in main_text(shipped)


def test_another_scan_needs_another_consent(shipped: AppTest, cases: Cases) -> None:
    upload(shipped, cases.refused)
    shipped.switch_page(LAB).run()
    shipped.button(key="lab_anyway").click().run()
    shipped.switch_page(DIAGNOSE).run()
    upload(shipped, png_of(np.random.default_rng(7).integers(0, 255, (300, 400), dtype=np.uint8)))
    assert "lab_anyway" in {each.key for each in shipped.switch_page(LAB).run().button}


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("differs", [(), ("edges",)])
def test_any_reason_of_an_abstention_is_said(differs: tuple[str, ...]) -> None:
    model = next(model for model in services.models("oct") if model.id == "oct/meddef")
    usual = services.reading_of(model, services.thumbnail("oct", "synthetic-CNV"))
    reason = "The header says CT; this model was trained on OCT B-scans."
    abstained = replace(usual, prediction=replace(usual.prediction, abstained=Abstention("", differs, reason)))
    assert abstained.prediction.level == "refused"
    assert scan_level.abstention_words(abstained, task=get_task("oct")) == reason
    assert "kind “Chest X-ray”" in scan_level.abstention_words(abstained, task=get_task("oct"), better="chest")


# ---- batch -------------------------------------------------------------------------------------------------------


def test_a_batch_counts_abstentions_apart_and_tells_scans_apart(shipped: AppTest, cases: Cases) -> None:
    shipped.switch_page(BATCH).run()
    files = [("a.png", cases.usual), ("b.png", cases.unusual), ("c.png", cases.refused), ("d.txt", b"a letter")]
    shipped.file_uploader[0].set_value([(name, data, "image/png") for name, data in files]).run()
    shipped.button(key="batch_start").click().run()
    assert not shipped.exception
    said = main_text(shipped)
    assert "a prediction for 2 of 4 files" in said and "abstained from 1;" in said and "1 could not be read" in said
    assert "not calibrated: 1." in said and SENTENCE in said
    frame = shipped.dataframe[0].value
    assert list(frame["Scan id"]) == [*(read_scan(data).short_id for _, data in files[:3]), ""]
    assert list(frame["Scan check"]) == ["usual scan", "unusual scan", "abstains", ""]
    lines = list(csv.DictReader(io.StringIO(batch.csv_of(shipped.session_state["batch_job"]).decode("utf-8-sig"))))
    assert [line["level"] for line in lines] == ["usual", "unusual", "refused", ""]
    assert [line["calibrated"] for line in lines] == ["yes", "no", "", ""]
    assert [line["scan_id"] for line in lines] == list(frame["Scan id"])
    assert {line["trained_on"] for line in lines} == {SENTENCE}


# ---- words -------------------------------------------------------------------------------------------------------


def test_words_that_stand_in_constants_have_chinese_ones() -> None:
    words = {uploads.NOT_TAKEN, scan_level.UNCALIBRATED, scan_level.CALIBRATED, scan_level.NOT_HERE, scan_level.BETTER}
    words |= {scan_level.UNUSUAL, diagnose_trust.NOT_USUAL, diagnose_trust.NOT_FITTED, *batch_table.LEVELS.values()}
    words |= {task.population.sentence for task in TASKS.values()} | set(scan_level.DIFFERENCES.values())
    assert not [word for word in words if catalogue("zh").find(word) is None]
