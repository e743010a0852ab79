"""An attack's epsilon: read from text, checked and written for a person. Everywhere between, it is a float."""

import math
from typing import Literal, get_args

from meddef_core.errors import AttackError
from meddef_core.text import Text

Norm = Literal["linf", "l2", "l0"]
"""What bounds an attack: the largest change of a value, the Euclidean length of the change, the share of values."""

NORMS: tuple[Norm, ...] = get_args(Norm)

BUDGET_WORDS: dict[Norm, str] = {
    "linf": Text("eps.lie-between", "lie between 0 and 1 in pixel units (4/255, say)"),
    "l2": Text("eps.euclidean-length", "be a Euclidean length from 0 up (3.0, say)"),
    "l0": Text("eps.share-values", "be a share of values between 0 and 1 (0.14, say)"),
}
"""What an epsilon of each norm must be, as the end of a sentence."""


def parse_eps(text: str, *, norm: Norm = "linf") -> float:
    """Read "8/255" or "0.031" as an epsilon of that norm; AttackError with one sentence on anything else."""
    numerator, slash, denominator = text.partition("/")
    try:
        eps = float(numerator) / (float(denominator) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        raise AttackError(
            Text("eps.epsilon-must", 'epsilon must look like "4/255" or "0.016", not {text}', text=repr(text))
        ) from None
    check_budget(eps, norm=norm)
    return eps


def as_eps(value: float | str, *, norm: Norm = "linf") -> float:
    """An epsilon that is given as a number or as text; AttackError for what is none of that norm."""
    if isinstance(value, str):
        return parse_eps(value, norm=norm)
    check_budget(value, norm=norm)
    return value


def format_eps(eps: float, *, norm: Norm = "linf") -> str:
    """Write an epsilon, or a distance, the way readers of that norm know it.

    "4/255 (0.0157)", or "0.01" where it is no multiple of 1/255; "L2 3" for a length; "14% of values" for a share.
    """
    if norm == "l2":
        return f"L2 {eps:.4g}"
    if norm == "l0":
        return f"{100 * eps:.4g}% of values"
    steps = _whole_steps(eps)
    return f"{eps:.4g}" if steps is None else f"{steps}/255 ({eps:.4f})"


def short_eps(eps: float) -> str:
    """ "4/255", or "0.01" where it is no multiple of 1/255: what a command takes and a table's head has room for."""
    steps = _whole_steps(eps)
    return f"{eps:.4g}" if steps is None else f"{steps}/255"


def exact_eps(eps: float) -> str:
    """The shortest text that `parse_eps` reads back as this very number: "4/255", or all digits."""
    steps = _whole_steps(eps) if eps < 1 else None
    return repr(eps) if steps is None else f"{steps}/255"


def grey_steps(change: float) -> str:
    """A measured L-infinity change in steps of 1/255, "3.42/255 (0.0134)": it need be no whole number of them."""
    return f"{255 * change:.2f}/255 ({change:.4f})"


def check_budget(eps: float, *, norm: Norm) -> None:
    """AttackError unless `eps` is an epsilon of that norm: up to 1 for "linf" and "l0", any length for "l2"."""
    most = math.inf if norm == "l2" else 1.0
    if not (is_number(eps) and 0 <= eps <= most and eps < math.inf):
        raise AttackError(
            Text("eps.epsilon-must-rule", "epsilon must {rule}, not {eps}", rule=BUDGET_WORDS[norm], eps=repr(eps))
        )


def is_number(value: object) -> bool:
    """Whether a value is a number, which True and False are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole_steps(eps: float) -> int | None:
    """How many of the 255 steps of an 8-bit grey value it is; None where it is no whole number of them."""
    steps = eps * 255
    return round(steps) if abs(steps - round(steps)) < 1e-6 else None
