"""Every baseline there is. A family is one module of this package with a tuple `BASELINES` of `Baseline`."""

import importlib
import pkgutil

from meddef_core.baselines.baseline import Baseline
from meddef_core.errors import ModelError

NOT_FAMILIES = ("registry", "sides", "compare", "contenders")
"""Modules that build on the registry; importing them here would go round."""


def _discover() -> dict[str, Baseline]:
    """Collect `BASELINES` from the sibling modules, so that adding a defence is adding a file."""
    package = importlib.import_module(__package__ or "meddef_core.baselines")
    found: dict[str, Baseline] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        if module in NOT_FAMILIES:
            continue
        for baseline in getattr(importlib.import_module(f"{package.__name__}.{module}"), "BASELINES", ()):
            if baseline.name in found:
                raise RuntimeError(f"two baselines are called {baseline.name!r}")
            found[baseline.name] = baseline
    return found


BASELINES: dict[str, Baseline] = _discover()


def get_baseline(name: str) -> Baseline:
    """The baseline of that name; ModelError naming those there are."""
    try:
        return BASELINES[name]
    except KeyError:
        raise ModelError(f"There is no baseline {name!r}; choose one of {', '.join(BASELINES)}.") from None
