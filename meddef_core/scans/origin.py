"""What a header says in codes of where a picture comes from, as the plain terms that other attributes use.

Newer kinds of objects (digital radiography, ophthalmic tomography) name region and view by codes of SNOMED where older
ones use the short terms of Body Part Examined and View Position; the storage class names the modality a third time.
"""

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from meddef_core.scans.damage import DAMAGE
from meddef_core.scans.deidentify import plain_text

_STORAGE = "1.2.840.10008.5.1.4.1.1."

_MODALITIES = {
    "CR": "1",
    "DX": "1.1 1.1.1",
    "MG": "1.2 1.2.1 13.1.3 13.1.4 13.1.5",
    "IO": "1.3 1.3.1",
    "CT": "2 2.1 2.2",
    "US": "3 3.1 6 6.1 6.2 6.3",
    "MR": "4 4.1 4.3 4.4",
    "NM": "5 20",
    "XA": "12.1 12.1.1 12.3 13.1.1 13.1.2",
    "RF": "12.2 12.2.1",
    "IVOCT": "14.1 14.2",
    "ES": "77.1.1 77.1.1.1",
    "GM": "77.1.2 77.1.2.1",
    "SM": "77.1.3 77.1.6",
    "XC": "77.1.4 77.1.4.1 77.1.7",
    "OP": "77.1.5.1 77.1.5.2 77.1.5.5 77.1.5.6",
    "OPT": "77.1.5.4",
    "OPTENF": "77.1.5.7",
    "OPTBSV": "77.1.5.8",
    "PT": "128 128.1 130",
}
"""Storage classes by the modality that they are for (PS3.4 B.5), as endings of their common root. Secondary captures
are not among them: they hold pictures of any origin.
"""

_REGIONS = {
    "CHEST": "51185008 816094009 T-D3000",
    "THORAX": "43799004 T-D3200",
    "LUNG": "39607008 86598002 T-28000 T-280A0",
    "EYE": "81745001 371398005 40638003 79652003 T-AA000 T-D0801 T-AA180 T-AA770",
    "RETINA": "5665001 67046006 82859000 T-AA610 T-AA621 T-AA620",
    "OPTIC NERVE HEAD": "81016008 24665002 T-AA630",
    "CORNEA": "28726007 T-AA200",
    "ANTERIOR CHAMBER": "31636006 T-AA050",
    "IRIS": "41296002 T-AA500",
    "LENS": "78076003 T-AA700",
    "ABDOMEN": "818981001 818983003 113345001 T-D4000",
    "PELVIS": "816092008 12921003 T-D6000",
    "HEAD": "69536005 T-D1100",
    "SKULL": "89546000 T-11100",
    "BRAIN": "12738006 T-A0100",
    "NECK": "45048000 T-D1600",
    "SPINE": "421060004 T-D04FF",
    "CSPINE": "122494005 T-11501",
    "TSPINE": "122495006 T-11502",
    "LSPINE": "122496007 T-11503",
    "RIB": "113197003 T-11300",
    "STERNUM": "56873002 T-11210",
    "CLAVICLE": "51299004 T-12310",
    "SCAPULA": "79601000 T-12280",
    "HEART": "80891009 T-32000",
    "BREAST": "76752008 T-04000",
    "SHOULDER": "16982005 T-D2220",
    "HUMERUS": "85050009 T-12410",
    "ARM": "40983000 53120007 T-D8200 T-D8000",
    "ELBOW": "16953009 T-15430",
    "FOREARM": "14975008 T-D8500",
    "WRIST": "74670003 T-15460",
    "HAND": "85562004 T-D8700",
    "FINGER": "7569003 T-D8800",
    "THUMB": "76505004 T-D8810",
    "HIP": "29836001 24136001 T-D2500 T-15710",
    "FEMUR": "71341001 T-12710",
    "THIGH": "68367000 T-D9100",
    "LEG": "30021000 61685007 T-D9400 T-D9000",
    "KNEE": "72696002 T-D9200",
    "PATELLA": "64234005 T-12730",
    "ANKLE": "70258002 T-15750",
    "FOOT": "56459004 T-D9700",
    "TOE": "29707007 T-D9800",
}
"""Regions (PS3.16 CID 4031, CID 4209 and older lists) by the term of Body Part Examined, in SNOMED CT and SNOMED RT."""

_VIEWS = {
    "AP": "399348003 R-10206",
    "PA": "272479007 R-10214 R-40888",
    "LL": "399173006 R-10236",
    "RL": "399198007 R-10232",
    "LAT": "399067008 R-102CD",
    "LAO": "399135007 R-10220",
    "RAO": "399356000 R-40985",
    "LPO": "399006002 R-10212",
    "RPO": "399038007 R-10210",
    "OBLIQUE": "399182000 R-102C1",
    "AXIAL": "399061009 R-10241",
}
"""Views (PS3.16 CID 4010) by the term of View Position."""

_SCHEMES = ("SCT", "SRT", "SNM3", "99SDM")
"""Coding schemes whose values the tables hold: SNOMED CT, and the names that SNOMED RT has had."""

_LONGEST = 16_384
"""Bytes of a sequence that is looked into: one code takes a few hundred."""


def coded_terms(header: Dataset) -> dict[str, str]:
    """The plain terms that coded attributes of `header` stand for, by keyword; a code of no table is left out."""
    found = {
        "SOPClassUID": _term(_MODALITIES, _storage_class(header)),
        "AnatomicRegionSequence": _term(_REGIONS, _first_code(header, "AnatomicRegionSequence")),
        "ViewCodeSequence": _term(_VIEWS, _first_code(header, "ViewCodeSequence")),
    }
    return {keyword: term for keyword, term in found.items() if term is not None}


def _storage_class(header: Dataset) -> str:
    uid = plain_text(header, "SOPClassUID")
    return uid.removeprefix(_STORAGE) if uid.startswith(_STORAGE) else ""


def _term(table: dict[str, str], code: str) -> str | None:
    return next((term for term, codes in table.items() if code in codes.split()), None)


def _first_code(header: Dataset, keyword: str) -> str:
    """Code Value of a sequence's first item, "" where there is none or it cannot be read: it then names nothing."""
    try:
        if keyword not in header:
            return ""
        raw = header.get_item(keyword)
        if isinstance(raw, RawDataElement) and len(raw.value or b"") > _LONGEST:
            return ""
        items = header[keyword].value
        if not isinstance(items, Sequence) or not items:
            return ""
        if plain_text(items[0], "CodingSchemeDesignator") not in _SCHEMES:
            return ""
        return plain_text(items[0], "CodeValue")
    except DAMAGE:
        return ""
