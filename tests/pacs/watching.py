"""A watch as the tests run it, and what it left behind."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orthanc_server import Orthanc

from meddef_core.pacs.audit_log import StudyLog
from meddef_core.pacs.client import open_pacs
from meddef_core.pacs.found import Instance
from meddef_core.pacs.ledger import Ledger, default_url
from meddef_core.pacs.results.subject import result_uids
from meddef_core.pacs.watch import Watch
from meddef_core.zoo import LoadedModel, load_model

CHEST, OCT = "chest/meddef", "oct/meddef"


@contextmanager
def watching(folder: Path, *models: str, stable: float = 0.0, **options: Any) -> Iterator[Watch]:
    """A watch on the server of the settings; what it writes is in `folder`."""
    ledger = Ledger(default_url(folder))
    try:
        yield Watch(
            open_pacs(),
            ledger,
            audit=StudyLog(folder / "audit.jsonl"),
            models=[load_model(each) for each in models or (CHEST, OCT)],
            stable=stable,
            **options,
        )
    finally:
        ledger.close()


def audit_lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def expected(source: str, model: LoadedModel) -> set[str]:
    """The UIDs of the results that a source must have."""
    instance = Instance(
        study="1.2", series="1.2.3", uid=source, sop_class="", number=1, frames=1, rows=None, columns=None
    )
    return set(result_uids(instance, weights=model.card.weights.sha256, task=model.task.key))


def results_in(orthanc: Orthanc) -> Counter[str]:
    """How often each result is there; sources are not counted."""
    uids = (each["SOPInstanceUID"] for each in orthanc.instances())
    return Counter(uid for uid in uids if uid.startswith("2.25."))
