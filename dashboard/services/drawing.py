"""What reports are drawn with: colours on paper, and intervals of shares."""

from meddef_core.evaluation.metrics import wilson
from meddef_core.report.canvas import Rgb

__all__ = ["Rgb", "wilson"]
