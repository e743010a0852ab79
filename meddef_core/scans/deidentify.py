"""Of a DICOM header, only what describes the picture stays, and only in words of the standard.

The list is an allow-list of attributes *and* of their values: a name typed into "Body Part Examined" does not pass.
"""

from collections.abc import Mapping

from pydicom.dataset import Dataset

from meddef_core.text import Text

_COUNTS = ("Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel", "PixelRepresentation", "NumberOfFrames")
"""Attributes kept when they are whole numbers."""

_TERMS: Mapping[str, str] = {
    "Modality": "CR DX DR RG RF XA MG IO PX BMD CT MR PT NM US IVUS OP OPT OPTENF OPTBSV OPM OCT IVOCT XC ES GM SM DMS "
    "SC OT",
    "ViewPosition": "AP PA LL RL RLD LLD RLO LLO LAT LATERAL LAO RAO LPO RPO OBLIQUE AXIAL CC MLO",
    "BodyPartExamined": "CHEST THORAX LUNG RIB STERNUM CLAVICLE SCAPULA HEART BREAST SPINE CSPINE TSPINE LSPINE SSPINE "
    "ABDOMEN PELVIS HIP BRAIN HEAD SKULL ORBIT SINUS JAW MANDIBLE MAXILLA FACE NECK EYE RETINA CORNEA OPTIC_NERVE_HEAD "
    "EXTREMITY SHOULDER ARM HUMERUS ELBOW FOREARM RADIUS ULNA WRIST HAND FINGER THUMB LEG FEMUR THIGH KNEE PATELLA "
    "TIBIA FIBULA ANKLE CALCANEUS HEEL FOOT TOE WHOLEBODY",
    "Laterality": "L R B",
    "ImageLaterality": "L R U B",
    "BurnedInAnnotation": "YES NO",
    "VOILUTFunction": "LINEAR LINEAR_EXACT SIGMOID",
    "PhotometricInterpretation": "MONOCHROME1 MONOCHROME2 PALETTE_COLOR RGB YBR_FULL YBR_FULL_422 YBR_ICT YBR_RCT",
}
"""Attributes kept when their value is one of these terms of the standard (PS3.3 C.7.3.1.1.1, PS3.16 and others), in
which a space is written as an underscore here. Devices that write them in small letters are understood."""

_OFTEN_ANNOTATED = frozenset(("US", "OT", "XC", "ES", "OP", "SC"))
"""Modalities whose pictures often carry text: ultrasound, captured screens, photographs."""

_CAPTURED = "1.2.840.10008.5.1.4.1.1.7"
"""Secondary Capture Image Storage; those of its multi-frame kinds go on with a point, those of eyes with another 7."""

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""The elements that may hold the picture itself."""


def kept_tags(header: Dataset) -> dict[str, str]:
    """The allow-listed attributes of `header` by keyword, as text."""
    tags = {}
    for keyword in _COUNTS:
        value = header.get(keyword)
        if isinstance(value, int):
            tags[keyword] = str(int(value))
    for keyword, terms in _TERMS.items():
        text = plain_text(header, keyword).upper()
        if text.replace(" ", "_") in terms.split():
            tags[keyword] = text
    return tags


def plain_text(header: Dataset, keyword: str) -> str:
    """The text of a coded attribute, "" when absent.

    Taken from the raw bytes, because pydicom writes values that it finds odd to its log, and they may be names.
    """
    if keyword not in header:
        return ""
    value = header.get_item(keyword).value
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")).strip(" \0")


def count_removed(header: Dataset, tags: Mapping[str, str]) -> int:
    """How many elements of `header` are left behind; a sequence counts once, pixel data not at all."""
    return len(header) - len(tags) - sum(keyword in header for keyword in PIXELS)


def burned_in_warning(header: Dataset) -> tuple[str, ...]:
    """One sentence when names may stand in the picture itself, which no de-identification of a header removes."""
    stated = plain_text(header, "BurnedInAnnotation")
    if stated == "YES":
        return (
            Text(
                "scan.burned-text",
                "Burned-in text possible: the file says that text is part of the picture; check it for names.",
            ),
        )
    captured = f"{plain_text(header, 'SOPClassUID')}.".startswith(f"{_CAPTURED}.")
    if stated != "NO" and (captured or plain_text(header, "Modality") in _OFTEN_ANNOTATED):
        return (
            Text(
                "scan.burned-text-possible",
                "Burned-in text possible: pictures of this kind often show text; check it for names.",
            ),
        )
    return ()
