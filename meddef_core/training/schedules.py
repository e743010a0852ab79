"""What changes over training, as pure functions of the share of it that is done (0 at the start, 1 at the end)."""

import math


def one_cycle(progress: float, *, peak: float, warm_up: float, final: float = 0.0) -> float:
    """Learning rate: linear rise to `peak` over `warm_up`, cosine fall to `final` (after Smith and Topin 2018)."""
    if progress < warm_up:
        return peak * progress / warm_up
    fall = (progress - warm_up) / (1 - warm_up)
    return final + (peak - final) * 0.5 * (1 + math.cos(math.pi * min(fall, 1.0)))


def epsilon_ramp(progress: float, *, eps: float, warm_up: float) -> float:
    """Training epsilon: linear rise over `warm_up`, then constant; a full budget at once can end in one class."""
    return eps if progress >= warm_up else eps * progress / warm_up


def ema_decay(step: int, *, decay: float) -> float:
    """Decay of the weight average: small at first, so that random early weights are forgotten."""
    return min(decay, (1 + step) / (10 + step))
