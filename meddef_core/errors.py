"""Failures a person can act on. Each message is one sentence that says what is wrong and what to do."""

from collections.abc import Sequence


class MedDefError(ValueError):
    """Base of every failure caused by what was asked for; the command line exits with 2 on it."""

    def __init__(self, message: str = "", *, code: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = tuple(code)
        """Lines of Python that put it right, where the fault lies in somebody's code."""


class ScanError(MedDefError):
    """A file is not a scan that can be read."""


class DataError(MedDefError):
    """A data set is missing, incomplete or would leak patients."""


class RecipeError(MedDefError):
    """A training recipe asks for something impossible."""


class ModelError(MedDefError):
    """A model or its card is missing, malformed or does not match its weights."""


class AttackError(MedDefError):
    """An attack's settings make no sense, or its result broke the contract."""


class RecordError(MedDefError):
    """A record is damaged, of another version, or does not fit the scan and the models that are here."""
