"""How a person reads a share or an epsilon, and how an epsilon is read from text: the same as on the command line."""

from meddef_core.eps import Norm, exact_eps, format_eps, grey_steps, parse_eps, short_eps
from meddef_core.intended_use import INTENDED_USE
from meddef_core.text import Text, plain
from meddef_core.words import counted, percent

__all__ = [
    "INTENDED_USE",
    "Norm",
    "Text",
    "counted",
    "exact_eps",
    "format_eps",
    "grey_steps",
    "parse_eps",
    "percent",
    "plain",
    "short_eps",
]
