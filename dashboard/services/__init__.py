"""The one door between the pages and `meddef_core`: plain values go in and come out, tensors stay inside.

Models are shared by all sessions and read-only. Whatever is derived from a scan lives in a bounded cache of the
session that asked for it and goes with it.
"""

from dashboard.services.attacks import OnProgress, attack, attack_options, checked, most, option
from dashboard.services.models import (
    cards,
    comparable,
    compared,
    data_dir,
    loaded,
    models,
    models_to_read_with,
    read_upload,
    sample_id,
    samples,
    tasks,
    thumbnail,
    thumbnail_of,
    warm_up,
)
from dashboard.services.queue import HELD_WAITING, QUEUE, THREADS, turn
from dashboard.services.reading import CAVEAT, maps, read, reading_of

__all__ = [
    "CAVEAT",
    "HELD_WAITING",
    "QUEUE",
    "THREADS",
    "OnProgress",
    "attack",
    "attack_options",
    "cards",
    "checked",
    "comparable",
    "compared",
    "data_dir",
    "loaded",
    "maps",
    "models",
    "models_to_read_with",
    "most",
    "option",
    "read",
    "read_upload",
    "reading_of",
    "sample_id",
    "samples",
    "tasks",
    "thumbnail",
    "thumbnail_of",
    "turn",
    "warm_up",
]
