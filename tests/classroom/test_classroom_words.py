"""What a class reads of an output: no probability where the model abstains, nor of anything made of such a scan."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dashboard.classroom.words import output_words, translator
from dashboard.services import classroom as computed
from dashboard.services import teaching_broken
from dashboard.services.models import models
from dashboard.services.reading import reading_of_scan
from dashboard.services.results.common import Reading
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


@pytest.fixture
def film(monkeypatch: pytest.MonkeyPatch) -> Reading:
    """A drawn B-scan whose header says that it is a chest film: only the header tells, and no picture of it has one."""
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(MODELS))
    drawn = list_samples("oct")[0].load()
    model = next(each for each in models("oct") if each.id == "oct/undefended")
    found = reading_of_scan(model, replace(drawn, tags={"Modality": "CR", "BodyPartExamined": "CHEST"}))
    assert found.abstained is not None and found.abstained.reason == "header"
    return found


def test_nothing_made_of_a_scan_has_a_probability_where_the_model_abstains_from_it(film: Reading) -> None:
    tr = translator("en")
    outcome = computed.attacked(film, name="fgsm", eps=8 / 255)
    behind = computed.filtered(film, outcome.attacked.reading.picture, kind="jpeg", strength=70)
    knowing, _ = computed.adaptive(film, kind="jpeg", strength=70, eps=8 / 255)
    broken = teaching_broken.broken_for(film, defence="quantiser", eps=8 / 255)
    thinned = teaching_broken.thinned_for(film, sparsity=0.5, eps=8 / 255)
    for each in (
        *(film, outcome.attacked.reading, outcome.noise.reading, behind.clean, behind.attacked, knowing),
        *(broken.clean, broken.naive.reading, broken.adaptive.reading),
        *(thinned.clean, thinned.attacked.reading),
    ):
        assert each.abstained == film.abstained
        said = output_words(tr, "oct", each)
        assert "%" not in said and "not valid" in said
