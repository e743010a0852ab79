"""What several pages ask of the core: models, scans, predictions, maps, attacks, and a turn in the queue."""

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
