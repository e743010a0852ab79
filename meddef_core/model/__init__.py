"""The network: backbone B, DAAM D, self-attention A and head C, in the order of the paper's pipeline."""

from meddef_core.model.daam import MSF_SCALES, DaamMaps
from meddef_core.model.meddef import (
    VARIANT_WORDS,
    VARIANTS,
    MedDef,
    MedDefConfig,
    Trace,
    average_on_grid,
    parameter_count,
)

__all__ = [
    "MSF_SCALES",
    "VARIANTS",
    "VARIANT_WORDS",
    "DaamMaps",
    "MedDef",
    "MedDefConfig",
    "Trace",
    "average_on_grid",
    "parameter_count",
]
