"""The one sentence that stands on every page and every export."""

INTENDED_USE = (
    "For research and teaching only. This is a model output, not a diagnosis, and must not guide the care of a patient."
)
