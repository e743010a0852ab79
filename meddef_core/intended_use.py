"""The one sentence that stands on every page and every export."""

from meddef_core.text import Text

INTENDED_USE = Text(
    "app.research-teaching",
    "For research and teaching only. This is a model output, not a diagnosis, and must not guide the care of a "
    "patient.",
)
