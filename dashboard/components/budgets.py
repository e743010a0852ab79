"""Budgets of each norm: what the form offers, and how they are written."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.components.words import eps_words
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.results.common import AttackOption
from dashboard.services.words import Text

PAPER_BUDGETS = (0.05, 0.10)
"""Epsilons of the paper's tables."""

GREY_LEVELS = tuple(sorted([k / 255 for k in range(17)] + list(PAPER_BUDGETS)))
LENGTHS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
SHARES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.10, 0.15, 0.20)

DEFAULT_LINF = 4 / 255
"""Where the undefended models give way and MedDef mostly does not."""


@dataclass(frozen=True)
class Norm:
    """A way to measure a change: its sign, its budgets, and how sizes in it are written."""

    sign: str
    label: str
    offered: tuple[float, ...]
    words: Callable[[float], str]
    help: str


NORMS = {
    "linf": Norm(
        "L∞",
        Text("lab.attack-strength", "Attack strength ε"),
        GREY_LEVELS,
        eps_words,
        Text(
            "lab.largest-change",
            "The largest change of a pixel, in steps of 1/255, the grey levels of an 8-bit picture; 0.05 and 0.10 are "
            "those of the paper.",
        ),
    ),
    "l2": Norm(
        "L2",
        Text("lab.attack-strength-eps", "Attack strength ε: length of the change"),
        LENGTHS,
        lambda eps: tr("lab.length-eps", "length {eps}", eps=f"{eps:.4g}"),
        Text(
            "lab.root-summed",
            "The root of the summed squares of all changes: one pixel from black to white is 1, every pixel by 1/255 "
            "is "
            "0.88.",
        ),
    ),
    "l0": Norm(
        "L0",
        Text("lab.attack-strength-eps-share", "Attack strength ε: share of values"),
        SHARES,
        lambda eps: tr("lab.share-values", "{share}% of values", share=f"{100 * eps:.4g}"),
        Text("lab.how-many", "How many values change; each may change by any amount."),
    ),
}


def budget_words(eps: float, norm: str) -> str:
    """A budget, or a distance, as readers of that norm know it."""
    return NORMS[norm].words(eps)


def budget_slider(option: AttackOption) -> float:
    """A budget in the attack's norm; attacks of one norm share it, so that they can be compared."""
    norm = NORMS[option.norm]
    usual = DEFAULT_LINF if option.norm == "linf" else option.usual.eps
    return st.select_slider(
        tr(norm.label),
        offered(option),
        value=usual,
        format_func=lambda eps: _short(eps, norm),
        key=f"eps_{option.norm}",
        persist_state="session",
        help=tr(norm.help),
    )


def offered(option: AttackOption) -> list[float]:
    """The slider's budgets: those of the attack's norm, and what attacks of that norm usually take."""
    others = {each.usual.eps for each in services.attack_options() if each.norm == option.norm != "linf"}
    return sorted({*NORMS[option.norm].offered, *others})


def _short(eps: float, norm: Norm) -> str:
    """A budget for the slider, whose ends share little room."""
    if _of_paper(eps, norm):
        return tr("lab.eps-paper", "{eps} (paper)", eps=f"{eps:.2f}")
    return norm.words(eps) if eps else "0"


def _of_paper(eps: float, norm: Norm) -> bool:
    return norm.sign == "L∞" and eps in PAPER_BUDGETS
