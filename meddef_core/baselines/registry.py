"""Every baseline there is. A family is one module of this package with a tuple `BASELINES` of `Baseline`."""

from meddef_core.baselines.baseline import Baseline
from meddef_core.errors import ModelError
from meddef_core.registry import collected
from meddef_core.text import Text

NOT_FAMILIES = ("registry", "sides")
"""Modules that build on the registry; importing them here would go round."""


BASELINES: dict[str, Baseline] = collected(
    "meddef_core.baselines", "BASELINES", key=lambda baseline: str(baseline.name), but=NOT_FAMILIES
)


def get_baseline(name: str) -> Baseline:
    """The baseline of that name; ModelError naming those there are."""
    try:
        return BASELINES[name]
    except KeyError:
        raise ModelError(
            Text(
                "baseline.there-no",
                "There is no baseline {name}; choose one of {known}.",
                name=repr(name),
                known=", ".join(BASELINES),
            )
        ) from None
