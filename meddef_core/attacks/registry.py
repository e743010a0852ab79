"""Every attack there is. An attack family is one module of `methods` with a tuple `ATTACKS` of `AttackInfo`."""

from typing import Any

from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.spec import AttackSpec
from meddef_core.attacks.traits import THREATS
from meddef_core.errors import AttackError
from meddef_core.registry import collected
from meddef_core.text import Text

_FOUND = collected("meddef_core.attacks.methods", "ATTACKS", key=lambda info: str(info.name))

ATTACKS: dict[str, AttackInfo] = dict(sorted(_FOUND.items(), key=lambda item: THREATS.index(item[1].threat)))
"""White box first, controls last: menus show the attacks in this order."""


def get_attack(name: str) -> AttackInfo:
    """The attack of that name; AttackError naming those there are."""
    try:
        return ATTACKS[name]
    except KeyError:
        raise AttackError(
            Text(
                "attack.there-no",
                "there is no attack {name}; choose one of {known}",
                name=repr(name),
                known=", ".join(ATTACKS),
            )
        ) from None


def default_spec(name: str, **changes: Any) -> AttackSpec:
    """The attack as it is usually run, at 8/255 where it bounds the L-infinity norm; `changes` replace fields."""
    return AttackSpec(**{"name": name, "eps": 8 / 255, **get_attack(name).defaults, **changes})
