"""Keeping a teacher's own scan for lessons."""

from dashboard.services.models import read_upload, samples
from meddef_core.data.own_samples import keep_scan
from meddef_core.data.samples import Sample
from meddef_core.errors import DataError
from meddef_core.settings import settings
from meddef_core.text import Text


def keep(data: bytes, *, task: str, truth: str | None) -> Sample:
    """Decode and de-identify a file, and keep its pixels beside the lessons; raises ScanError or DataError."""
    folder = settings().lessons_dir
    if folder is None:
        raise DataError(Text("lesson-scans.there-no", "There is no folder for own lessons; set MEDDEF_LESSONS_DIR."))
    sample = keep_scan(read_upload(data), folder, task=task, truth=truth)
    samples.clear()  # the next reader lists it
    return sample
