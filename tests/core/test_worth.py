"""What a prediction is worth as a yes/no test: ranges by Bayes' rule, and the paragraph on picture and page."""

import io
from dataclasses import replace

import numpy as np
import pytest
from pypdf import PdfReader

from meddef_core.data.phantoms import oct_phantom
from meddef_core.prediction import OperatingPoint, Proportion, fitted_for, questions
from meddef_core.prediction.prediction import predict, prepare
from meddef_core.prediction.predictive import predictive_ranges, span_of, standard_point
from meddef_core.records import PredictionRecord, build, scan_facts
from meddef_core.report.one_page import report
from meddef_core.report.outputs import output_of
from meddef_core.report.results import prediction_numbers
from meddef_core.report.sheet import Sheet, SheetSide
from meddef_core.report.worth import NOT_FITTED, NOT_USUAL, worth_line
from meddef_core.words import percent
from meddef_core.zoo import MODELS, LoadedModel, load_model

POINT = OperatingPoint(0.4, Proportion(90, 100), Proportion(80, 100))


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return load_model("oct/meddef", root=MODELS)


def test_ranges_hold_every_corner_of_both_intervals() -> None:
    for prevalence in (0.01, 0.1, 0.5):
        corners = [
            (
                s * prevalence / (s * prevalence + (1 - c) * (1 - prevalence)),
                c * (1 - prevalence) / (c * (1 - prevalence) + (1 - s) * prevalence),
            )
            for s in POINT.sensitivity.interval
            for c in POINT.specificity.interval
        ]
        ranges = predictive_ranges(POINT, prevalence=prevalence)
        for found, values in zip(ranges, zip(*corners, strict=True), strict=True):
            assert found == pytest.approx((min(values), max(values)))


def test_the_span_holds_the_range_of_every_prevalence_in_it() -> None:
    wide = span_of(POINT)
    for prevalence in np.linspace(0.01, 0.5, 50):
        for (low, high), (least, most) in zip(predictive_ranges(POINT, prevalence=prevalence), wide, strict=True):
            assert None not in (low, high, least, most)
            assert least - 1e-12 <= low <= high <= most + 1e-12  # type: ignore[operator]


def test_the_page_of_a_prediction_has_threshold_sensitivity_predictive_values_and_population(
    model: LoadedModel,
) -> None:
    scan = oct_phantom("CNV").scan
    found = predict(model, scan)
    worth = worth_line(model, output_of(found))
    record = build(PredictionRecord, model=model, scan=scan_facts(scan), numbers=prediction_numbers(found))
    picture = np.asarray(prepare(model, scan)[0, 0])
    side = SheetSide(title="MedDef", record=record, clean=picture, worth=worth)
    page = report(Sheet(scan="A scan", truth=None, sides=(side,)))
    said = " ".join(" ".join(each.extract_text() for each in PdfReader(io.BytesIO(page)).pages).split())
    fitted = fitted_for(model)
    assert fitted is not None
    point = standard_point(fitted, questions(model.task)[0])
    low, high = point.sensitivity.interval
    assert f"at the standard threshold {percent(point.threshold)}: positive" in said
    assert f"[{percent(low)}, {percent(high)}] ({point.sensitivity.hits} / {point.sensitivity.n})" in said
    (ppv, npv), (wide_ppv, wide_npv) = predictive_ranges(point, prevalence=0.1), span_of(point)
    for title, ends in (("PPV", ppv), ("NPV", npv), ("PPV", wide_ppv), ("NPV", wide_npv)):
        assert f"{title} {percent(ends[0] or 0)} to {percent(ends[1] or 0)}" in said
    assert "At a prevalence of 10%" in said and "from 1% to 50%" in said
    assert model.task.population.sentence in said


def test_nothing_is_claimed_where_nothing_is_known(model: LoadedModel) -> None:
    usual = output_of(predict(model, oct_phantom("NORMAL").scan))
    noise = replace(oct_phantom("CNV").scan, pixels=np.random.default_rng(0).random((300, 400), dtype=np.float32))
    assert worth_line(model, output_of(predict(model, noise))) == ""
    assert worth_line(replace(model, folder=None), usual) == NOT_FITTED
    unusual = usual.model_copy(update={"level": "unusual"})
    assert worth_line(model, unusual).endswith(NOT_USUAL) and NOT_USUAL not in worth_line(model, usual)
