"""What the registry holds of an attack: its traits, and the function that runs it."""

from collections.abc import Callable
from dataclasses import dataclass

from meddef_core.attacks.search import Search
from meddef_core.attacks.traits import AttackTraits


@dataclass(frozen=True, kw_only=True)
class AttackInfo(AttackTraits):
    """A registry entry."""

    run: Callable[[Search], None]
    """Visits candidate images through a `Search`, which keeps the best."""
