"""A prediction as records hold it. Importing this does not import torch."""

from typing import TYPE_CHECKING, Any

from meddef_core.records.plain import plain
from meddef_core.records.prediction import Output

if TYPE_CHECKING:
    from meddef_core.prediction.prediction import Prediction


def output_of(prediction: "Prediction") -> Output:
    """One output: every field, and what is made of them for a person."""
    return Output.model_validate(fields_of(prediction))


def fields_of(prediction: "Prediction") -> dict[str, Any]:
    """The fields of an output, plain."""
    return {
        **plain(prediction),
        "shares": plain(prediction.shares),
        "level": prediction.level,
        "calibration_holds": prediction.calibration_holds,
        "sentence": prediction.sentence,
    }
