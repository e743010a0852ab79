"""Certificates by randomised smoothing on a pooled grid: what provably cannot change a prediction."""

from meddef_core.certification.radius import Radii, certified_radius, lower_bound, radii
from meddef_core.certification.smoothed import Smoothed, smoothed

__all__ = ["Radii", "Smoothed", "certified_radius", "lower_bound", "radii", "smoothed"]
