"""What a result repeats of its study: the elements that make it part of that study, and nothing else.

PS3.3 asks for these in every object of a study (Patient C.7.1.1, General Study C.7.2.1; types 1 and 2), and they must
agree within it. The referring physician may be left empty and is.
"""

from collections.abc import Mapping
from typing import Any

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

REPEATED = (
    "StudyDate", "StudyTime", "AccessionNumber", "StudyID",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
)  # fmt: skip
EMPTY = ("ReferringPhysicianName",)

UTF_8 = "ISO_IR 192"

_LONGEST = 1024
_NAME_PARTS = ("Alphabetic", "Ideographic", "Phonetic")


def stamp(result: Dataset, identity: Mapping[str, Any], *, study: str) -> None:
    """Make `result` part of the study of that UID; `identity` is DICOM JSON, as `Pacs.identity` gives it.

    Values are repeated as they stand, also where they break a rule of the standard: another value would be another
    patient's.
    """
    result.SpecificCharacterSet = UTF_8
    result.StudyInstanceUID = study
    for keyword in REPEATED:
        tag = Tag(tag_for_keyword(keyword) or 0)
        value = _text(identity.get(f"{tag:08X}"))
        result[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE)
    for keyword in EMPTY:
        setattr(result, keyword, "")


def _text(element: Any) -> str:
    values = element.get("Value") if isinstance(element, Mapping) else None
    if not isinstance(values, list) or not values:
        return ""
    value = values[0]
    if isinstance(value, Mapping):
        value = "=".join(str(value.get(part, "")) for part in _NAME_PARTS).rstrip("=")
    return str(value)[:_LONGEST] if isinstance(value, str | int | float) else ""
