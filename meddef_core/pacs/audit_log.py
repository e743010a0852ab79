"""One JSON line per study that the watch has worked through: for whoever must know what was stored, where and by what.

A line holds no name, patient ID, accession number, date of birth or of study, and no output of a model. It does hold
the Study Instance UID: only by it can the study be found again in the PACS, and DICOM's own audit messages (PS3.15 A.5)
name studies by it. The file is that of `meddef_core.io.line_file`: whole lines, rotated, open to its owner alone.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from meddef_core import __version__
from meddef_core.io.line_file import LineFile, reason
from meddef_core.pacs.errors import PacsError
from meddef_core.pacs.ledger import STORED, LedgerEntry
from meddef_core.pacs.results.subject import derived_uid
from meddef_core.text import Text


class StudyLog:
    """A file that lines are added to, each whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = LineFile(path)

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
            self._file.add(json.dumps(line).encode(), mark=name.encode())
        except OSError as error:
            raise PacsError(
                Text(
                    "pacs.audit-log",
                    "The audit log {path} cannot be written ({error}); check MEDDEF_PACS_AUDIT and its disk.",
                    path=self._path,
                    error=reason(error),
                )
            ) from error
        return name


def line_id(study: str, entries: Sequence[LedgerEntry]) -> str:
    """The id of the line on a study with these entries: another one once a result joins."""
    return derived_uid(study, *sorted(f"{each.report} {each.state}" for each in entries), "audit")


def _told(entry: LedgerEntry) -> dict[str, str]:
    told = {"task": entry.task, "model": entry.model, "weights_sha256": entry.weights, "outcome": entry.state}
    return told | ({"report": entry.report, "capture": entry.capture} if entry.state in STORED else {})
