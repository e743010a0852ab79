"""The age of a patient, read from a header, made coarse and dropped: only a group of ages leaves this module."""

import re
from datetime import date

from pydicom.dataset import Dataset

from meddef_core.scans.deidentify import plain_text

AGE_GROUPS = ("under 1 year", "1 to 5 years", "6 to 17 years", "18 years or older")
"""All that is ever kept of a patient's age."""

_FIRST_YEARS = (1, 6, 18)
"""Whole years at which the next group begins."""

_OLDEST = 110
"""Ages above this are what anonymisers write (born on 1 January 1900) and say nothing."""

_AGE = re.compile(r"([0-9]{1,3})([DWMY])")
"""Age String (PS3.5 6.2): three digits and a unit. Systems that drop the leading zeros are understood too."""

_UNITS_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12, "Y": 1}

_TAKEN = ("AcquisitionDateTime", "AcquisitionDate", "StudyDate", "SeriesDate", "ContentDate")
"""When the picture was taken, the closest first; each begins with a date."""


def age_group(header: Dataset) -> str | None:
    """One of `AGE_GROUPS`: by the Patient's Age, else by birth date and date of the picture.

    None where neither is there, or where what is there is no possible age; zero is what systems write for "not known".
    """
    years = _stated_years(plain_text(header, "PatientAge"))
    if years is None:
        years = _years_since_birth(header)
    if years is None or not 0 <= years <= _OLDEST:
        return None
    return AGE_GROUPS[sum(years >= first for first in _FIRST_YEARS)]


def _stated_years(text: str) -> int | None:
    """Whole years of an Age String; None where it is malformed, zero or beyond `_OLDEST`."""
    found = _AGE.fullmatch(text)
    if found is None or int(found[1]) == 0:
        return None
    years = int(int(found[1]) / _UNITS_A_YEAR[found[2]])
    return years if years <= _OLDEST else None


def _years_since_birth(header: Dataset) -> int | None:
    born = _date(plain_text(header, "PatientBirthDate"))
    taken = next((found for name in _TAKEN if (found := _date(plain_text(header, name)[:8])) is not None), None)
    if born is None or taken is None or taken < born:
        return None
    return taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))


def _date(text: str) -> date | None:
    """A DICOM date, YYYYMMDD; None where there is no such day."""
    if re.fullmatch(r"[0-9]{8}", text) is None:
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
