"""What a check is."""

from collections.abc import Callable
from dataclasses import dataclass

from meddef_core.auditing.bench import Bench
from meddef_core.auditing.finding import CheckOutcome, Severity


@dataclass(frozen=True, kw_only=True)
class Check:
    """A registry entry: one way in which a robustness number can be wrong, and the function that looks for it."""

    group: str
    """A key of `GROUPS`."""
    name: str
    title: str
    raised_if: str
    """When it fails, as one sentence that begins with "Raised if"."""
    severity: Severity
    """The worst it can find: red where the number would be worthless, amber where it is an upper bound."""
    run: Callable[[Bench], CheckOutcome]
    needs: tuple[str, ...] = ()
    """Keys of `bench.NEEDS`: without them the check is not applicable."""
