"""Attacks in pixel units, on classifiers of two classes or more.

`run_attack(model, x, y, AttackSpec(name="pgd", eps=4 / 255))` is the one entry. An attack family is one module of
`methods` that offers a tuple `ATTACKS` of `AttackInfo`; the registry finds it.
"""

from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.registry import ATTACKS, default_spec, get_attack
from meddef_core.attacks.result import AttackResult, Measures, measure
from meddef_core.attacks.run import run_attack
from meddef_core.attacks.second_engine import check_engine
from meddef_core.attacks.spec import AttackSpec, AttackStep
from meddef_core.eps import format_eps, parse_eps

__all__ = [
    "ATTACKS",
    "AttackInfo",
    "AttackResult",
    "AttackSpec",
    "AttackStep",
    "Measures",
    "check_engine",
    "default_spec",
    "format_eps",
    "get_attack",
    "measure",
    "parse_eps",
    "run_attack",
]
