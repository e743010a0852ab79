"""The objects that are stored: valid, of the right study, and with nothing of their source but what that asks for."""

import io
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from dicom_checks import codes_of, dumped, errors_of, items, numbers_of, texts_of
from pacs_files import FOREIGN, PATIENT, STUDY, film, volume, written
from pydicom import dcmread
from pydicom.dataset import Dataset

from meddef_core.pacs.found import Instance
from meddef_core.pacs.frames import PredictedFrame, first_scan, predict_every
from meddef_core.pacs.results import concepts
from meddef_core.pacs.results.capture import capture, panel_pixels
from meddef_core.pacs.results.identity import stamp
from meddef_core.pacs.results.report import RESEARCH_USE, report
from meddef_core.pacs.results.subject import ReportSubject, derived_uid, result_uids
from meddef_core.prediction.abstention import Level, Reason
from meddef_core.zoo import load_model

IDENTITY: dict[str, Any] = {
    "00080020": {"vr": "DA", "Value": [STUDY["StudyDate"]]},
    "00080030": {"vr": "TM", "Value": [STUDY["StudyTime"]]},
    "00080050": {"vr": "SH", "Value": [STUDY["AccessionNumber"]]},
    "00200010": {"vr": "SH", "Value": [STUDY["StudyID"]]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": PATIENT["PatientName"]}]},
    "00100020": {"vr": "LO", "Value": [PATIENT["PatientID"]]},
    "00100030": {"vr": "DA", "Value": [PATIENT["PatientBirthDate"]]},
    "00100040": {"vr": "CS", "Value": [PATIENT["PatientSex"]]},
}
BEGUN = datetime(2026, 1, 2, 3, 4, 5)


def subject_of(ds: Dataset, task: str) -> ReportSubject:
    """The real predictions for an object, as the watch makes them."""
    data, model = written(ds), load_model(f"{task}/meddef")
    first, frames = first_scan(data)
    instance = Instance(
        study=ds.StudyInstanceUID,
        series=ds.SeriesInstanceUID,
        uid=ds.SOPInstanceUID,
        sop_class=ds.SOPClassUID,
        number=1,
        frames=frames,
        rows=ds.Rows,
        columns=ds.Columns,
    )
    slices = predict_every(model, data, first=first, frames=frames)
    return ReportSubject(instance=instance, identity=IDENTITY, model=model, slices=slices, created=BEGUN)


def film_with_secrets() -> Dataset:
    ds = film(**FOREIGN)
    block = ds.private_block(0x0009, "SECRETCREATOR", create=True)
    block.add_new(0x01, "LO", "SECRETPRIVATE")
    request = Dataset()
    request.RequestedProcedureID = "SECRETNESTED"
    ds.RequestAttributesSequence = [request]
    return ds


@pytest.fixture(scope="module")
def subjects() -> dict[str, ReportSubject]:
    return {"film": subject_of(film_with_secrets(), "chest"), "volume": subject_of(volume(6), "oct")}


@pytest.fixture(scope="module")
def stored(subjects: dict[str, ReportSubject], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Report and picture of each subject as files."""
    folder, paths = tmp_path_factory.mktemp("results"), {}
    for name, subject in subjects.items():
        for kind, make in (("report", report), ("capture", capture)):
            paths[f"{name} {kind}"] = folder / f"{name}_{kind}.dcm"
            make(subject).save_as(paths[f"{name} {kind}"], enforce_file_format=True)
    return paths


KINDS = ("film report", "film capture", "volume report", "volume capture")


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_is_valid(stored: dict[str, Path], kind: str) -> None:
    assert errors_of(stored[kind]) == []


def test_the_validator_finds_errors(stored: dict[str, Path], tmp_path: Path) -> None:
    ds = dcmread(stored["film capture"])
    del ds.Laterality
    ds.ConversionType = "NONSENSE"
    ds.save_as(tmp_path / "bad.dcm")
    assert errors_of(tmp_path / "bad.dcm")


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_is_part_of_its_study_and_holds_nothing_else_of_its_source(
    stored: dict[str, Path], kind: str
) -> None:
    ds, data = dcmread(stored[kind]), stored[kind].read_bytes()
    for keyword, value in {**PATIENT, **STUDY}.items():
        assert str(ds[keyword].value) == value
    assert ds.ReferringPhysicianName == "" and ds.SpecificCharacterSet == "ISO_IR 192"
    assert b"SECRET" not in data and b"004Y" not in data
    assert not any(element.tag.is_private for element in ds.iterall())


@pytest.mark.parametrize("keyword", FOREIGN)
def test_the_source_does_hold_what_results_leave_out(keyword: str) -> None:
    assert FOREIGN[keyword].encode() in written(film_with_secrets())


@pytest.mark.parametrize("name", ["film", "volume"])
def test_an_object_made_again_is_the_same_to_the_byte(
    name: str, subjects: dict[str, ReportSubject], stored: dict[str, Path]
) -> None:
    for kind, make in (("report", report), ("capture", capture)):
        buffer = io.BytesIO()
        make(subjects[name]).save_as(buffer, enforce_file_format=True)
        assert buffer.getvalue() == stored[f"{name} {kind}"].read_bytes()


# ---- the report ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["film", "volume"])
def test_a_report_names_software_weights_and_use(
    name: str, subjects: dict[str, ReportSubject], stored: dict[str, Path]
) -> None:
    ds, subject = dcmread(stored[f"{name} report"]), subjects[name]
    said = dumped(stored[f"{name} report"])
    assert ds.ContentTemplateSequence[0].TemplateIdentifier == "1500" and ds.Modality == "SR"
    assert ds.ContentQualification == "RESEARCH" and ds.VerificationFlag == "UNVERIFIED"
    assert ("Intended use of this output", "113009", "DCM") in codes_of(ds)
    assert sum(RESEARCH_USE in text for text in texts_of(ds)) == 1
    assert ds.SoftwareVersions == subject.software and ds.DeviceSerialNumber == subject.weights
    for line in ("Device Observer Name", "Device Observer Serial Number", "Algorithm Version", "Research use only"):
        assert line in said
    assert subject.weights in said and subject.model.card.key in said
    references = [item.ReferencedSOPSequence[0] for item in items(ds) if item.ValueType == "IMAGE"]
    assert {one.ReferencedSOPInstanceUID for one in references} == {subject.instance.uid}
    assert [one.get("ReferencedFrameNumber") for one in references] == [each.frame for each in subject.slices]


def test_an_abstention_is_a_result_with_its_reason_and_no_probability(
    subjects: dict[str, ReportSubject], stored: dict[str, Path]
) -> None:
    (only,) = subjects["film"].slices
    assert only.prediction.abstained is not None
    ds = dcmread(stored["film report"])
    found = {(name, value) for name, value, scheme in codes_of(ds) if scheme == "99MEDDEF"}
    assert {("Model output, not a diagnosis", "ABSTAINS"), ("Reason for the abstention", "IMAGE")} <= found
    assert only.prediction.abstained.sentence in texts_of(ds) and numbers_of(ds) == []


def test_a_prediction_is_told_for_every_frame(subjects: dict[str, ReportSubject], stored: dict[str, Path]) -> None:
    slices = subjects["volume"].slices
    assert len(slices) == 6 and all(each.prediction.abstained is None for each in slices)
    ds = dcmread(stored["volume report"])
    expected = [share for each in slices for share in each.prediction.shares]
    assert numbers_of(ds) == pytest.approx(expected, abs=2e-6) and 0 < min(numbers_of(ds)) < max(numbers_of(ds)) < 1
    labels = [code for name, code, _ in codes_of(ds) if name == "Model output, not a diagnosis"]
    assert set(labels) == {each.prediction.label for each in slices}
    assert any("6 frames, each predicted by itself" in text and "not a probability" in text for text in texts_of(ds))


# ---- the picture ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["film", "volume"])
def test_a_picture_says_that_its_text_is_burnt_in(
    name: str, subjects: dict[str, ReportSubject], stored: dict[str, Path]
) -> None:
    ds, subject = dcmread(stored[f"{name} capture"]), subjects[name]
    assert (ds.BurnedInAnnotation, ds.ConversionType, ds.ContentQualification) == ("YES", "WSD", "RESEARCH")
    assert ds.SourceImageSequence[0].ReferencedSOPInstanceUID == subject.instance.uid
    assert np.array_equal(ds.pixel_array, panel_pixels(subject)) and ds.pixel_array.shape[1:] == (1600, 3)
    banner = ds.pixel_array[:70].astype(int)
    assert (banner.min(axis=2) < 60).mean() > 0.01  # letters, dark on the band


def test_the_frame_with_the_most_of_a_finding_is_shown(subjects: dict[str, ReportSubject]) -> None:
    subject = subjects["volume"]
    none = subject.model.task.index("NORMAL")
    finding = [1 - each.prediction.shares[none] for each in subject.slices]
    assert subject.slices[int(np.argmax(finding))] is subject.shown


# ---- names and identity --------------------------------------------------------------------------------------------


def test_uids_follow_source_weights_and_task_alone(subjects: dict[str, ReportSubject]) -> None:
    one = subjects["film"].instance
    names = result_uids(one, weights="a" * 64, task="chest")
    assert names == result_uids(one, weights="a" * 64, task="chest") and len(set(names)) == 2
    others = [result_uids(one, weights="b" * 64, task="chest"), result_uids(one, weights="a" * 64, task="oct")]
    others.append(result_uids(subjects["volume"].instance, weights="a" * 64, task="chest"))
    assert len({*names, *(uid for pair in others for uid in pair)}) == 8
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in names)
    # Another value would store every result of every clinic a second time.
    assert derived_uid("1.2.3", "a" * 64, "chest", "report") == PINNED


PINNED = "2.25.131382726443326112679139283240286411685"


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"vr": "PN", "Value": [{"Alphabetic": "Wang^Xiaodong", "Ideographic": "王^小東"}]}, "Wang^Xiaodong=王^小東"),
        ({"vr": "PN", "Value": [{"Ideographic": "王"}]}, "=王"),
        ({"vr": "PN"}, ""),
        ({"vr": "PN", "Value": []}, ""),
        ({"vr": "PN", "Value": [None]}, ""),
        (None, ""),
        ("text", ""),
        ({"vr": "PN", "Value": [{"Alphabetic": "A^" + "b" * 200}]}, "A^" + "b" * 200),
    ],
)
def test_a_name_is_repeated_as_it_stands(element: object, value: str) -> None:
    ds = Dataset()
    stamp(ds, {} if element is None else {"00100010": element}, study="1.2.3")
    buffer = io.BytesIO()
    ds.save_as(buffer, implicit_vr=False, little_endian=True)
    again = dcmread(io.BytesIO(buffer.getvalue()), force=True)
    assert str(again.PatientName) == value and again.StudyInstanceUID == "1.2.3" and again.PatientID == ""


def test_values_that_break_a_rule_are_repeated_too() -> None:
    ds = Dataset()
    stamp(ds, {"00100030": {"vr": "DA", "Value": ["1950-13-45"]}, "00100040": {"Value": ["female"]}}, study="1.2.3")
    buffer = io.BytesIO()
    ds.save_as(buffer, implicit_vr=False, little_endian=True)
    again = dcmread(io.BytesIO(buffer.getvalue()), force=True)
    assert (again["PatientBirthDate"].value, again.PatientSex) == ("1950-13-45", "female")


def test_frames_come_in_their_order_each_with_its_own_output() -> None:
    ds = volume(5, (256, 256))
    data, model = written(ds), load_model("oct/meddef")
    heard: list[tuple[int, int]] = []
    first, frames = first_scan(data)
    slices: tuple[PredictedFrame, ...] = predict_every(
        model, data, first=first, frames=frames, on_frame=lambda done, total: heard.append((done, total))
    )
    assert [each.frame for each in slices] == [1, 2, 3, 4, 5] and heard == [(n, 5) for n in range(1, 6)]
    assert [each.facts["frame"] for each in slices] == [1, 2, 3, 4, 5]
    assert np.array_equal(slices[0].picture, slices[4].picture)
    assert not np.array_equal(slices[0].picture, slices[1].picture)


def test_every_reason_and_level_has_its_code() -> None:
    assert set(concepts.REASONS) == set(get_args(Reason)) and set(concepts.LEVELS) == set(get_args(Level))
    own = [*concepts.REASONS.values(), *concepts.LEVELS.values(), *concepts.CALIBRATED.values()]
    assert all(len(each.value) <= 16 and len(each.meaning) <= 64 for each in own)  # SH and LO
