"""In real DICOM files: a header that contradicts a task's population leads to abstention, and a silent one does not."""

import dataclasses
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping
from scan_files import data_set, dicom, png, ramp, written
from tiny_models import save_tiny_model

from meddef_core.data.samples import list_samples
from meddef_core.prediction.header import header_contradictions
from meddef_core.prediction.prediction import predict, prepare
from meddef_core.records import PredictionRecord, build, scan_facts
from meddef_core.report.results import prediction_numbers
from meddef_core.scans import Scan, read_scan
from meddef_core.scans.age import age_group
from meddef_core.scans.origin import _REGIONS, _VIEWS
from meddef_core.tasks import AGE_GROUPS, TASKS
from meddef_core.zoo import MODELS, LoadedModel, load_model

GREY = ramp()

FITTING: dict[str, dict[str, Any]] = {
    "chest": {
        "SOPClassUID": uid.DigitalXRayImageStorageForPresentation,
        "Modality": "DX",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "AP",
        "PatientAge": "003Y",
    },
    "oct": {
        "SOPClassUID": uid.OphthalmicTomographyImageStorage,
        "Modality": "OPT",
        "BodyPartExamined": "EYE",
        "PatientAge": "064Y",
    },
}


def scan_of(**elements: Any) -> Scan:
    """A scan read from a DICOM file with these elements; without a storage class that names a modality unless told."""
    told = {"SOPClassUID": uid.SecondaryCaptureImageStorage, "Modality": "", **elements}
    return read_scan(dicom(GREY, **told))


def attributes(task: str, **elements: Any) -> set[str]:
    """What contradicts the task in a file that has these elements beside fitting ones."""
    found = header_contradictions(scan_of(**{**FITTING[task], **elements}), TASKS[task])
    return {one.attribute for one in found}


def code(value: str, scheme: str = "SCT") -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, "whatever"
    return [item]


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    root: Path = tmp_path_factory.mktemp("models")
    save_tiny_model(root, "chest/meddef")
    return load_model("chest/meddef", root)


# ---- the table ---------------------------------------------------------------------------------------------------

MODALITIES = {"": "chest oct", "CR": "chest", "DX": "chest", "OPT": "oct", "OP": "oct", "CT": "", "MR": "", "MG": "",
              "OT": "chest oct", "nonsense": "chest oct"}  # fmt: skip
PARTS = {"": "chest oct", "CHEST": "chest", "EYE": "oct", "RETINA": "oct", "HAND": "", "Thorax a.p.": "chest oct"}
VIEWS = {"": "chest oct", "AP": "chest", "PA": "chest", "LL": "", "LATERAL": "", "upright": "chest oct"}
AGES = {"": "chest oct", "003D": "", "010W": "", "018M": "chest", "005Y": "chest", "006Y": "", "064Y": "oct",
        "64": "chest oct"}  # fmt: skip
"""Values that a header may hold, and the tasks that each does not contradict."""


@pytest.mark.filterwarnings("ignore:Invalid value:UserWarning")
def test_exactly_what_contradicts_a_task_is_named() -> None:
    for modality, part, view, age in product(MODALITIES, PARTS, VIEWS, AGES):
        scan = scan_of(Modality=modality, BodyPartExamined=part, ViewPosition=view, PatientAge=age)
        fits = {"modality": MODALITIES[modality], "body part": PARTS[part], "view": VIEWS[view], "age": AGES[age]}
        for key, task in TASKS.items():
            wrong = [name for name, tasks in fits.items() if key not in tasks.split()]
            found = header_contradictions(scan, task)
            assert [one.attribute for one in found] == wrong, (key, modality, part, view, age)


@pytest.mark.parametrize("task", ["chest", "oct"])
def test_a_fitting_header_and_a_silent_one_contradict_nothing(task: str) -> None:
    assert attributes(task) == set()
    assert header_contradictions(scan_of(), TASKS[task]) == ()
    assert header_contradictions(read_scan(png(GREY)), TASKS[task]) == ()


@pytest.mark.parametrize(
    ("task", "elements", "wrong"),
    [
        ("chest", {"SOPClassUID": uid.CTImageStorage}, "modality"),
        ("chest", {"SOPClassUID": uid.OphthalmicTomographyImageStorage}, "modality"),
        ("chest", {"SOPClassUID": uid.EnhancedMRImageStorage}, "modality"),
        ("oct", {"SOPClassUID": uid.DigitalXRayImageStorageForPresentation}, "modality"),
        ("oct", {"SOPClassUID": uid.OphthalmicOpticalCoherenceTomographyEnFaceImageStorage}, "modality"),
        ("chest", {"AnatomicRegionSequence": code("85562004")}, "body part"),
        ("chest", {"AnatomicRegionSequence": code("T-D8700", "SRT")}, "body part"),
        ("oct", {"AnatomicRegionSequence": code("28726007")}, "body part"),
        ("oct", {"AnatomicRegionSequence": code("T-D3000", "SNM3")}, "body part"),
        ("chest", {"ViewCodeSequence": code("399173006")}, "view"),
        ("chest", {"ViewCodeSequence": code("R-10232", "SRT")}, "view"),
        ("chest", {"ViewPosition": "RL"}, "view"),
        ("chest", {"BodyPartExamined": "hand"}, "body part"),
        ("chest", {"Modality": "ct"}, "modality"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value:UserWarning")
def test_codes_and_storage_classes_contradict_beside_plain_terms(
    task: str, elements: dict[str, Any], wrong: str
) -> None:
    assert attributes(task, **elements) == {wrong}


@pytest.mark.parametrize(
    ("task", "elements"),
    [
        ("chest", {"SOPClassUID": uid.ComputedRadiographyImageStorage}),
        ("chest", {"SOPClassUID": uid.SecondaryCaptureImageStorage, "Modality": "SC"}),
        ("chest", {"SOPClassUID": uid.UID("1.2.3.4.5")}),
        ("chest", {"AnatomicRegionSequence": code("51185008")}),
        ("chest", {"AnatomicRegionSequence": code("85562004", "99LOCAL")}),
        ("chest", {"AnatomicRegionSequence": code("no such code")}),
        ("chest", {"AnatomicRegionSequence": []}),
        ("chest", {"ViewCodeSequence": code("399348003")}),
        ("chest", {"ViewCodeSequence": code("R-10214", "SRT")}),
        ("oct", {"AnatomicRegionSequence": code("5665001")}),
        ("oct", {"AnatomicRegionSequence": code("T-AA000", "SRT")}),
        ("oct", {"SOPClassUID": uid.OphthalmicPhotography8BitImageStorage, "Modality": "OP"}),
    ],
)
def test_codes_that_fit_or_are_not_known_contradict_nothing(task: str, elements: dict[str, Any]) -> None:
    assert attributes(task, **elements) == set()


MEANT = {
    "CHEST": ("chest", "thora"), "THORAX": ("thora",), "CORNEA": ("cornea",), "RETINA": ("retina", "fovea", "macula"),
    "CSPINE": ("cervical spine",), "TSPINE": ("thoracic spine",), "LSPINE": ("lumbar spine",),
    "ABDOMEN": ("abdom",), "PELVIS": ("pelvi",), "ARM": ("upper arm", "upper limb"), "LEG": ("lower leg", "lower limb"),
    "AP": ("antero-posterior",), "PA": ("postero-anterior",), "LL": ("left lateral",), "RL": ("right lateral",),
    "LAT": ("lateral",), "LAO": ("left anterior oblique",), "RAO": ("right anterior oblique",),
    "LPO": ("left posterior oblique",), "RPO": ("right posterior oblique",),
}  # fmt: skip
"""Words by which the standard's meaning of a code is known, where the term itself is not one."""


def test_the_codes_are_those_of_the_standard() -> None:
    """pydicom's own tables of SNOMED are the oracle: what a code means, and which two codes of a row are one."""
    meanings: dict[str, str] = {}
    for concept in concepts["SCT"].values():
        for value, (meaning, _) in concept.items():
            meanings[value] = f"{meanings.get(value, '')} {meaning.lower()}"
    for term, codes in (_REGIONS | _VIEWS).items():
        modern = {value for value in codes.split() if value.isdecimal()}
        for value in modern & meanings.keys():
            assert any(word in meanings[value] for word in MEANT.get(term, (term.lower(),))), (term, value)
        older = {mapping["SRT"][value] for value in codes.split() if value in mapping["SRT"]}
        assert older and older <= modern, term


# ---- ages --------------------------------------------------------------------------------------------------------

UNDER_1, TO_5, TO_17, ADULT = AGE_GROUPS


@pytest.mark.parametrize(
    ("stated", "group"),
    [
        ("064Y", ADULT), ("64Y", ADULT), ("018Y", ADULT), ("017Y", TO_17), ("006Y", TO_17), ("005Y", TO_5),
        ("001Y", TO_5), ("018M", TO_5), ("012M", TO_5), ("011M", UNDER_1), ("010W", UNDER_1), ("052W", UNDER_1),
        ("053W", TO_5), ("003D", UNDER_1), ("365D", UNDER_1), ("366D", TO_5), ("999D", TO_5), ("999M", ADULT),
        ("000Y", None), ("000D", None), ("999Y", None), ("111Y", None), ("110Y", ADULT), ("", None), ("64", None),
        ("064y", None), ("0064", None), ("0064Y", None), ("-64Y", None), ("six", None), ("064Y\\005Y", None),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Invalid value:UserWarning")
def test_an_age_string_becomes_a_group_or_nothing(stated: str, group: str | None) -> None:
    assert scan_of(PatientAge=stated).age_group == group


@pytest.mark.parametrize(
    ("elements", "group"),
    [
        ({"PatientBirthDate": "20200115", "StudyDate": "20250114"}, TO_5),
        ({"PatientBirthDate": "20200115", "StudyDate": "20260114"}, TO_5),
        ({"PatientBirthDate": "20200115", "StudyDate": "20260115"}, TO_17),
        ({"PatientBirthDate": "20200229", "StudyDate": "20210228"}, UNDER_1),
        ({"PatientBirthDate": "20200229", "StudyDate": "20210301"}, TO_5),
        ({"PatientBirthDate": "20200115", "StudyDate": "20200115"}, UNDER_1),
        ({"PatientBirthDate": "19610115", "AcquisitionDate": "20250114"}, ADULT),
        ({"PatientBirthDate": "19610115", "AcquisitionDateTime": "20250114120000.00"}, ADULT),
        ({"PatientBirthDate": "19610115", "PatientAge": "003Y", "StudyDate": "20250114"}, TO_5),
        ({"PatientBirthDate": "19610115", "PatientAge": "000Y", "StudyDate": "20250114"}, ADULT),
        ({"PatientBirthDate": "19610115", "PatientAge": "64", "StudyDate": "20250114"}, ADULT),
        ({"PatientBirthDate": "19610115"}, None),
        ({"StudyDate": "20250114"}, None),
        ({"PatientBirthDate": "20300115", "StudyDate": "20250114"}, None),
        ({"PatientBirthDate": "19000101", "StudyDate": "20250114"}, None),
        ({"PatientBirthDate": "19611301", "StudyDate": "20250114"}, None),
        ({"PatientBirthDate": "00000000", "StudyDate": "20250114"}, None),
        ({"PatientBirthDate": "1961", "StudyDate": "20250114"}, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value:UserWarning")
def test_without_an_age_the_dates_give_the_group(elements: dict[str, str], group: str | None) -> None:
    assert scan_of(**elements).age_group == group


@given(st.integers(1, 110 * 12 - 1))
def test_months_and_dates_agree(months: int) -> None:
    stated, dated = Dataset(), Dataset()
    stated.PatientAge = f"{months:03d}M" if months < 1000 else f"{months // 12:03d}Y"
    year, month = divmod(2025 * 12 - months, 12)
    dated.PatientBirthDate, dated.StudyDate = f"{year}{month + 1:02d}01", "20250101"
    assert age_group(stated) == age_group(dated)


# ---- nothing leaks -----------------------------------------------------------------------------------------------

PLACE = b"qwerty"


def with_age(age: bytes) -> bytes:
    """A fitting chest film whose Patient's Age is these bytes, which pydicom would not write."""
    ds = data_set(GREY, **{key: value for key, value in FITTING["chest"].items() if key != "PatientAge"})
    ds.add_new("PatientAge", "SH", PLACE.decode())
    data = written(ds)
    assert data.count(PLACE) == 1
    return data.replace(b"SH\x06\x00" + PLACE, b"AS\x06\x00" + age.ljust(6)[:6])


def everything_told(model: LoadedModel, scan: Scan) -> str:
    """All that a page, a log or a file could show of a scan and of its prediction, but for the field of the group."""
    prediction = predict(model, scan)
    numbers = prediction_numbers(prediction)
    document = build(PredictionRecord, model=model, scan=scan_facts(scan), numbers=numbers).document()
    return " ".join((repr(scan), str(dict(scan.tags)), repr(prediction), json.dumps(document)))


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=0, max_size=6))
def test_no_bytes_in_the_place_of_an_age_stop_the_reader(age: bytes) -> None:
    scan = read_scan(with_age(age))
    assert scan.age_group in (None, *AGE_GROUPS)
    assert "PatientAge" not in scan.tags


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.sampled_from("DWMY"))
def test_an_age_is_nowhere_but_in_its_group(chest: LoadedModel, number: int, unit: str) -> None:
    stated = f"{number:03d}{unit}"
    scan = read_scan(with_age(stated.encode()))
    told = everything_told(chest, scan)
    assert stated not in told and "age_group" not in told
    assert stated not in str(dataclasses.asdict(scan))
    if scan.age_group not in (None, "1 to 5 years"):
        assert scan.age_group not in told and predict(chest, scan).level == "refused"


def test_a_birth_date_is_nowhere(chest: LoadedModel) -> None:
    scan = scan_of(PatientBirthDate="19610115", StudyDate="20250114", PatientSex="F")
    told = everything_told(chest, scan) + str(dataclasses.asdict(scan))
    for secret in ("1961", "20250114", "PatientSex", "'F'"):
        assert secret not in told


# ---- the prediction ----------------------------------------------------------------------------------------------


def test_a_model_abstains_and_says_why(chest: LoadedModel) -> None:
    scan = scan_of(Modality="CT", BodyPartExamined="HAND", ViewPosition="LL", PatientAge="064Y")
    prediction = predict(chest, scan)
    assert prediction.level == "refused" and not prediction.calibration_holds
    assert prediction.abstained is not None and prediction.abstained.reason == "header"
    assert prediction.abstained.differs == ("modality", "body part", "view", "age")
    assert prediction.sentence == prediction.abstained.sentence == (
        "The file's header says modality CT; this model is for modality CR, DX, DR or RG. "
        "The file's header says body part HAND; this model is for body part CHEST, THORAX or LUNG. "
        "The file's header says view LL; this model is for view AP or PA. "
        "The patient's age in the file's header is outside the training population (1 to 5 years)."
    )  # fmt: skip


def test_a_prepared_image_is_checked_with_its_scan(chest: LoadedModel) -> None:
    scan = scan_of(Modality="CT")
    image = prepare(chest, scan)
    assert predict(chest, image).abstained is None
    assert predict(chest, image, scan=scan) == predict(chest, scan)


def test_a_header_goes_before_the_look_of_the_image() -> None:
    """Noise is refused for its look; noise that a header calls CT for its header."""
    model = load_model("chest/meddef", MODELS)
    noise = ramp(size=(64, 64))[::-1]
    prediction = predict(model, read_scan(dicom(noise, Modality="CT")))
    assert prediction.abstained is not None and prediction.abstained.reason == "header"
    assert prediction.abstained.looks_like == ""


def test_the_packaged_film_of_an_adult_is_not_read_as_a_childs(chest: LoadedModel) -> None:
    (film,) = list_samples("chest")
    abstained = predict(chest, film.load()).abstained
    assert abstained is not None and abstained.differs == ("age",)
