"""What services raise: each message is one sentence that a page shows as it is."""

from meddef_core.errors import AttackError, DataError, MedDefError, ModelError

__all__ = ["AttackError", "DataError", "MedDefError", "ModelError"]
