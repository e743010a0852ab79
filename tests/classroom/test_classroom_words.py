"""What a class reads of an output: no probability where the model abstains."""

import cv2
import numpy as np
import pytest

from dashboard.classroom.words import output_words, translator
from dashboard.services.models import models
from dashboard.services.reading import reading_of_scan
from meddef_core.data.samples import list_samples
from meddef_core.scans import Scan, read_scan
from meddef_core.zoo import MODELS


def noise() -> Scan:
    pixels = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
    return read_scan(cv2.imencode(".png", pixels)[1].tobytes())


def test_no_probability_is_shown_where_the_model_abstains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(MODELS))
    model = next(each for each in models("oct") if each.id == "oct/meddef")
    tr = translator("en")
    assert "%" in output_words(tr, "oct", reading_of_scan(model, list_samples("oct")[0].load()))
    refused = reading_of_scan(model, noise())
    assert refused.abstained is not None and "%" not in output_words(tr, "oct", refused)
