"""Every attack there is. An attack family is one module of `methods` with a tuple `ATTACKS` of `AttackInfo`."""

import importlib
import pkgutil
from typing import Any

from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.spec import AttackSpec
from meddef_core.attacks.traits import THREATS
from meddef_core.errors import AttackError


def _discover() -> dict[str, AttackInfo]:
    """Collect `ATTACKS` from the modules of `methods`, so that adding an attack is adding a file."""
    package = importlib.import_module("meddef_core.attacks.methods")
    found: dict[str, AttackInfo] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        for info in getattr(importlib.import_module(f"{package.__name__}.{module}"), "ATTACKS", ()):
            if info.name in found:
                raise RuntimeError(f"two attacks are called {info.name!r}")
            found[info.name] = info
    # White box first, controls last: menus show the attacks in this order.
    return dict(sorted(found.items(), key=lambda item: THREATS.index(item[1].threat)))


ATTACKS: dict[str, AttackInfo] = _discover()


def get_attack(name: str) -> AttackInfo:
    """The attack of that name; AttackError naming those there are."""
    try:
        return ATTACKS[name]
    except KeyError:
        raise AttackError(f"there is no attack {name!r}; choose one of {', '.join(ATTACKS)}") from None


def default_spec(name: str, **changes: Any) -> AttackSpec:
    """The attack as it is usually run, at 8/255 where it bounds the L-infinity norm; `changes` replace fields."""
    return AttackSpec(**{"name": name, "eps": 8 / 255, **get_attack(name).defaults, **changes})
