"""A figure at one hospital against the same on a model's test set: the difference, its interval, is it significant?

Shares: Newcombe's square-and-add interval of the two Wilson intervals (Newcombe 1998, method 10) and Fisher's exact
test. Any other figure with two intervals: square-and-add again; significant where the interval excludes zero.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import fisher_exact

from meddef_core.prediction.operating import Proportion
from meddef_core.records.site import Difference, Figure

ALPHA = 0.05
"""Significance level."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval, of n scans."""

    value: float
    interval: tuple[float, float]
    n: int


def share_figure(here: Proportion, there: Proportion | None = None) -> Figure:
    """A share here, compared with one there by Fisher's exact test."""
    if there is None:
        return Figure(here=here.value, interval=here.interval, n=here.n)
    table = [[here.hits, here.n - here.hits], [there.hits, there.n - there.hits]]
    p = min(1.0, float(fisher_exact(table)[1]))
    span = _square_and_add(here, there)
    difference = Difference(value=here.value - there.value, interval=span, significant=p < ALPHA, p=p)
    return Figure(
        here=here.value, interval=here.interval, n=here.n, there=there.value, there_n=there.n, difference=difference
    )


def figure(here: Estimate, there: Estimate | None = None) -> Figure:
    """Any figure here, compared by the square-and-add interval of the difference."""
    low, high = (float(np.clip(end, 0, 1)) for end in here.interval)
    own = {"here": here.value, "interval": (min(low, here.value), max(high, here.value)), "n": here.n}
    if there is None:
        return Figure(**own)
    span = _square_and_add(here, there)
    significant = not span[0] <= 0 <= span[1]
    difference = Difference(value=here.value - there.value, interval=span, significant=significant)
    return Figure(**own, there=there.value, there_n=there.n, difference=difference)


def _square_and_add(a: Estimate | Proportion, b: Estimate | Proportion) -> tuple[float, float]:
    (a_low, a_high), (b_low, b_high) = a.interval, b.interval
    value = a.value - b.value
    below = math.hypot(a.value - a_low, b_high - b.value)
    above = math.hypot(a_high - a.value, b.value - b_low)
    return max(-1.0, value - below), min(1.0, value + above)
