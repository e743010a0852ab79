"""The defences MedDef is compared with, as small wrappers around a classifier of images in [0, 1].

`get_baseline("jpeg").build(network)` is the defended network; `adaptive(...)` of it is what an honest attacker has the
gradients of. A family is one module here that offers a tuple `BASELINES` of `Baseline`; the registry finds it.
"""

from meddef_core.baselines.baseline import Baseline
from meddef_core.baselines.defended import Defended, Transform, adaptive, reset
from meddef_core.baselines.registry import BASELINES, get_baseline

__all__ = ["BASELINES", "Baseline", "Defended", "Transform", "adaptive", "get_baseline", "reset"]
