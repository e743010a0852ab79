"""Dates of a search, as QIDO-RS takes them (PS3.4 C.2.2.2.5)."""

from datetime import datetime

from meddef_core.pacs.errors import PacsError
from meddef_core.text import Text


def checked_range(text: str) -> str:
    """ "20260131", or a range with a hyphen of which one end may be open; raises PacsError for anything else."""
    ends = text.split("-")
    if text and (len(ends) > 2 or not any(ends) or not all(map(_is_date, filter(None, ends)))):
        raise PacsError(
            Text("pacs.text-no", "{text} is no date; write YYYYMMDD, or a range as YYYYMMDD-YYYYMMDD.", text=repr(text))
        )
    if len(ends) == 2 and all(ends) and ends[0] > ends[1]:
        raise PacsError(
            Text("pacs.range-text", "The range {text} ends before it begins; exchange its dates.", text=text)
        )
    return text


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return len(text) == 8
