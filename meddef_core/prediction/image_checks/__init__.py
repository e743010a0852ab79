"""Is a picture one upright scan in grey? Asked of the picture itself, for files without a header.

The checks know no model: they are fitted once for a task (`fit`), stand in `assets/image_checks`, and go on when the
models change. A mirrored scan is not told, and no check knows a lateral film: none was at hand to test one on.
"""

from meddef_core.prediction.image_checks.check import FAULTS, SENTENCES, Fault, find_fault, image_abstention
from meddef_core.prediction.image_checks.files import ImageChecks, image_checks, load_checks, save_checks

__all__ = [
    "FAULTS",
    "SENTENCES",
    "Fault",
    "ImageChecks",
    "find_fault",
    "image_abstention",
    "image_checks",
    "load_checks",
    "save_checks",
]
