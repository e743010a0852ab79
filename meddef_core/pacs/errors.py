"""What can go wrong between this program and a PACS."""

from meddef_core.errors import MedDefError


class PacsError(MedDefError):
    """The PACS is not set up, refuses what is asked, or answers with something else."""


class AwayError(PacsError):
    """The PACS cannot be reached or is too busy: the same request may work later."""


class AbsentError(PacsError):
    """The PACS does not hold what is asked for."""


class TooLargeError(PacsError):
    """An answer has more bytes than are taken."""
