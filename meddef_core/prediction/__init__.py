"""How far a prediction can be trusted: calibrated probabilities, operating points, and refusing what is no such scan.

Everything here is fitted on a task's training and validation patients and stands beside a model's weights, in
`reading.json` and `reading.safetensors`; figures of the test list are recorded there and nothing is chosen on them.
"""

from meddef_core.evaluation.reliability import ReliabilityBin, calibration_error, reliability
from meddef_core.prediction.abstention import Abstention, Detector, Familiarity
from meddef_core.prediction.calibration import calibrate, fit_temperature
from meddef_core.prediction.files import Fitted, fitted_for, load_fitted, save_fitted
from meddef_core.prediction.operating import (
    OperatingPoint,
    Proportion,
    ThresholdQuestion,
    operating_point,
    predictive_values,
    questions,
    threshold_at_sensitivity,
    youden_threshold,
)

__all__ = [
    "Abstention",
    "Detector",
    "Familiarity",
    "Fitted",
    "OperatingPoint",
    "Proportion",
    "ReliabilityBin",
    "ThresholdQuestion",
    "calibrate",
    "calibration_error",
    "fit_temperature",
    "fitted_for",
    "load_fitted",
    "operating_point",
    "predictive_values",
    "questions",
    "reliability",
    "save_fitted",
    "threshold_at_sensitivity",
    "youden_threshold",
]
