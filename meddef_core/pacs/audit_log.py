"""One JSON line per study that the watch has worked through: for whoever must know what was stored, where and by what.

A line holds no name, patient ID, accession number, date of birth or of study, and no output of a model. It does hold
the Study Instance UID: only by it can the study be found again in the PACS, and DICOM's own audit messages (PS3.15 A.5)
name studies by it. The file is opened to the user of the watch alone.
"""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from meddef_core import __version__
from meddef_core.pacs.errors import PacsError
from meddef_core.pacs.ledger import STORED, LedgerEntry
from meddef_core.pacs.results.subject import derived_uid

_TAIL = 1024**2
"""Bytes at the end of the file among which a line is looked for that an interrupted watch may have written."""


class StudyLog:
    """A file that lines are added to, each whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def once(self, study: str, entries: Sequence[LedgerEntry]) -> str:
        """Add the line on a study unless the file ends with it already; gives its id. Raises PacsError."""
        name = line_id(study, entries)
        line = {
            "id": name,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "software": f"MedDef {__version__}",
            "study": study,
            "results": [_told(each) for each in entries if each.state != "not matched"],
            "not_matched": sum(each.state == "not matched" for each in entries),
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - _TAIL))
                tail = stream.read()
                if name.encode() not in tail:
                    broken = tail and not tail.endswith(b"\n")
                    os.write(stream.fileno(), (b"\n" if broken else b"") + json.dumps(line).encode() + b"\n")
                    os.fsync(stream.fileno())
        except OSError as error:
            raise PacsError(
                f"The audit log {self._path} cannot be written ({error.strerror}); "
                "check MEDDEF_PACS_AUDIT and its disk."
            ) from error
        return name


def line_id(study: str, entries: Sequence[LedgerEntry]) -> str:
    """The id of the line on a study with these entries: another one once a result joins."""
    return derived_uid(study, *sorted(f"{each.report} {each.state}" for each in entries), "audit")


def _told(entry: LedgerEntry) -> dict[str, str]:
    told = {"task": entry.task, "model": entry.model, "weights_sha256": entry.weights, "outcome": entry.state}
    return told | ({"report": entry.report, "capture": entry.capture} if entry.state in STORED else {})
