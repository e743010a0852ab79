"""Child processes for work on bytes that nobody vouches for: they may fail, run long or die, and cost one sentence."""

from meddef_core.io.confinement import Limits
from meddef_core.io.pool import Pool
from meddef_core.io.worker import CancelledError, OverLimitError, Reply, WorkerError

__all__ = ["CancelledError", "Limits", "OverLimitError", "Pool", "Reply", "WorkerError"]
