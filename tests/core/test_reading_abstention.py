"""The shipped fits refuse what is no such scan, accept what is, and never serve other weights."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from refusals import refused_as
from tiny_models import save_tiny_model

from meddef_core.data.images import load_images
from meddef_core.data.lists import build_lists
from meddef_core.data.phantoms import oct_phantom
from meddef_core.errors import ModelError
from meddef_core.evaluation.shifts import MOVING, SHIFTS
from meddef_core.prediction import Fitted, fitted_for, load_fitted, save_fitted
from meddef_core.prediction.abstention import Detector, fit_detector
from meddef_core.prediction.calibration import fit_temperature
from meddef_core.prediction.files import ARRAYS, NAME, Outputs, ReadingCard
from meddef_core.prediction.fit import changes_of, fit
from meddef_core.prediction.outliers import KINDS, Outlier, outliers, prepared
from meddef_core.prediction.prediction import predict
from meddef_core.prediction.statistics import STATISTICS, describe
from meddef_core.scans import Scan
from meddef_core.tasks import TASKS
from meddef_core.zoo import MODELS, LoadedModel, load_model

SHIPPED = ("oct/meddef", "oct/undefended", "chest/meddef", "chest/undefended")
CALIBRATION_ERROR = {"chest/meddef": 0.08, "chest/undefended": 0.09}
"""On the published chest test set, which differs from the films of the fit: above the five points kept elsewhere.

Adults' films made these models' probabilities more cautious with distance, on children's films too.
"""


def scan_of(pixels: np.ndarray) -> Scan:
    return Scan(pixels=pixels.astype(np.float32), container="PNG", bits=8, digest="0" * 64)


@pytest.fixture(scope="module")
def drawn() -> Detector:
    """A detector of made-up statistics, whatever the network."""
    rng = np.random.default_rng(0)

    def some(n: int, centre: float) -> dict[str, np.ndarray]:
        return {name: rng.normal(centre, 1.0, (n, 8)) for name in STATISTICS}

    others = some(100, 6.0)
    return fit_detector(some(300, 0.0), some(200, 0.0), others=others, kinds=["noise", "text"] * 50)


# ---- the detector ------------------------------------------------------------------------------------------------


def test_limits_come_from_validation_scans_and_from_outliers(drawn: Detector) -> None:
    rng = np.random.default_rng(1)
    usual = {name: rng.normal(0, 1, (1000, 8)) for name in STATISTICS}
    strange = {name: rng.normal(6, 1, (1000, 8)) for name in STATISTICS}
    assert (drawn.scores(usual) <= drawn.unusual_above).mean() > 0.95
    assert (drawn.scores(strange) > drawn.refused_above).mean() > 0.97
    assert drawn.unusual_above < drawn.refused_above


def test_a_reason_names_what_differs_most(drawn: Detector) -> None:
    found = {name: np.ones((1, 8)) for name in STATISTICS} | {"layout": np.full((1, 8), 300.0)}
    familiarity = drawn.judge(found, np.eye(4)[:1])
    assert familiarity.level != "usual" and familiarity.differs[0] == "layout"
    assert (familiarity.looks_like is not None) == (familiarity.level == "refused")


def test_a_usual_picture_gives_no_reason(drawn: Detector) -> None:
    familiarity = drawn.judge({name: np.full((1, 8), 0.5) for name in STATISTICS}, np.eye(4)[:1])
    assert (familiarity.level, familiarity.differs, familiarity.looks_like) == ("usual", (), None)


def test_being_nearer_than_any_scan_makes_up_for_nothing(drawn: Detector) -> None:
    far = {name: np.full((1, 8), 9.0) for name in STATISTICS}
    flat = far | {name: np.zeros((1, 8)) for name in STATISTICS[3:]}
    assert drawn.beyond(flat)[0, 3:].min() >= -2.0 and drawn.judge(flat, np.eye(4)[:1]).level != "usual"


def test_a_statistic_does_not_depend_on_its_batch() -> None:
    network = load_model("oct/meddef", MODELS).network
    x = torch.rand(3, 1, 224, 224, generator=torch.Generator().manual_seed(0))
    together, alone = describe(network, x), describe(network, x[1:2])
    for name in STATISTICS:
        np.testing.assert_allclose(together[name][1:2], alone[name], rtol=1e-3, atol=1e-4)


# ---- the outliers ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strangers() -> list[Outlier]:
    """Without a data folder, those of both tasks are the same."""
    return outliers(TASKS["oct"])


def test_there_are_two_hundred_outliers_to_report_and_no_source_stands_on_both_sides(strangers: list[Outlier]) -> None:
    found = strangers
    halves = {half: {one.source for one in found if one.half == half} for half in ("choose", "report")}
    assert not halves["choose"] & halves["report"]
    assert sum(one.half == "report" for one in found) >= 200
    assert {one.kind for one in found} == set(KINDS) - {"other task"}
    assert all(one.pixels.dtype == np.float32 and 0 <= one.pixels.min() <= one.pixels.max() <= 1 for one in found)


# ---- the shipped fits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", SHIPPED)
def test_the_shipped_fit_keeps_its_promises(key: str) -> None:
    fitted = fitted_for(load_model(key, MODELS))
    assert fitted is not None
    test = fitted.card.test
    # The guarantee on another hospital's scans costs some of the model's own, and the undefended model's most.
    least = 0.85 if key == "oct/undefended" else 0.93
    assert test["accepted"]["accepted"]["share"] >= least and test["refused"]["refused"]["share"] >= 0.95
    assert test["refused"]["refused"]["n"] >= 200
    calibrated = test["calibration"]["calibrated"]
    assert calibrated["expected_calibration_error"] <= CALIBRATION_ERROR.get(key, 0.05)
    files = sum((MODELS / key / name).stat().st_size for name in (NAME, ARRAYS))
    assert files < 300_000


def test_the_temperature_is_fitted_over_the_changes_that_the_classes_were_balanced_over(
    tiny_data: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_model(tmp_path, "oct/tiny", training={"offsets": {"shifts": ["none", "rim"]}})
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path))
    model = load_model("oct/tiny")
    card = fit(model, data_dir=tiny_data).card
    assert card.fitted_on["temperature_over"] == ["none", "rim"]
    lists = build_lists(model.task, tiny_data)
    images = load_images(lists, "val", preprocessing=model.preprocessing, data_dir=tiny_data)
    x, labels = images.batch(slice(0, len(images)))
    with torch.inference_mode():
        logits = torch.cat([model.network(shift.apply(x)) for shift in SHIFTS if shift.key in ("none", "rim")])
    assert card.temperature == pytest.approx(fit_temperature(logits.double(), np.tile(labels, 2)), rel=1e-3)


def test_without_offsets_the_temperature_is_fitted_on_scans_as_they_are() -> None:
    for key, changes in (
        ("oct/resnet18-undefended", ("none",)),
        ("chest/meddef", MOVING),
    ):
        assert tuple(shift.key for shift in changes_of(load_model(key))) == changes


@pytest.mark.parametrize("key", SHIPPED[::2])
def test_outliers_to_report_are_refused_here_and_now(key: str, strangers: list[Outlier]) -> None:
    model = load_model(key, MODELS)
    fitted = fitted_for(model)
    assert fitted is not None
    found = [one for one in strangers if one.half == "report"][::5]
    scores = fitted.detector.scores(describe(model.network, torch.from_numpy(prepared(found, model.preprocessing))))
    assert (scores > fitted.detector.refused_above).mean() >= 0.9


@pytest.mark.parametrize("label", TASKS["oct"].classes)
def test_drawn_scans_are_accepted(label: str) -> None:
    prediction = predict(load_model("oct/meddef", MODELS), oct_phantom(label, seed=0).scan)
    assert prediction.abstained is None and prediction.familiarity is not None
    assert prediction.calibrated is not None and sum(prediction.calibrated) == pytest.approx(1)
    assert int(np.argmax(prediction.calibrated)) == prediction.index


def test_noise_is_refused_with_its_reason() -> None:
    noise = scan_of(np.random.default_rng(0).random((300, 300)))
    prediction = predict(load_model("chest/meddef", MODELS), noise)
    assert prediction.abstained is not None and prediction.abstained.looks_like == "noise"
    assert "chest radiograph" in prediction.abstained.sentence and "noise" in prediction.abstained.sentence


def test_test_scans_are_accepted(data_dir: Path) -> None:
    model = load_model("oct/meddef", MODELS)
    lists = build_lists(model.task, data_dir)
    images = load_images(lists, "test", preprocessing=model.preprocessing, data_dir=data_dir)
    x, _ = images.batch(np.arange(0, len(images), 6))
    fitted = fitted_for(model)
    assert fitted is not None
    assert (fitted.detector.scores(describe(model.network, x)) <= fitted.detector.refused_above).mean() >= 0.95


# ---- files -------------------------------------------------------------------------------------------------------


def fit_beside(model: LoadedModel, drawn: Detector) -> Fitted:
    """A fit with made-up arrays beside a tiny model."""
    outputs = Outputs(np.eye(4), np.arange(4))
    card = ReadingCard(
        model=model.card.key,
        weights_sha256=model.card.weights.sha256,
        arrays_sha256="",
        temperature=2.0,
        unusual_above=drawn.unusual_above,
        refused_above=drawn.refused_above,
        kinds=drawn.kinds.names,
        fitted_on={},
        test={},
    )
    assert model.folder is not None
    fitted = Fitted(card, drawn, outputs, outputs)
    save_fitted(model.folder, fitted)
    return fitted


def test_a_fit_comes_back_as_it_was_written(tmp_path: Path, drawn: Detector) -> None:
    card = save_tiny_model(tmp_path, "oct/meddef")
    model = load_model("oct/meddef", tmp_path)
    assert fitted_for(model) is None
    written = fit_beside(model, drawn)
    again = load_fitted(tmp_path / "oct/meddef", key="oct/meddef", weights_sha256=card.weights.sha256)
    found = {name: np.full((2, 8), 0.7) for name in STATISTICS}
    np.testing.assert_allclose(again.detector.scores(found), written.detector.scores(found), rtol=1e-4)
    assert again.card.temperature == 2.0


def test_a_fit_for_other_weights_is_refused_and_the_reading_goes_on(tmp_path: Path, drawn: Detector) -> None:
    save_tiny_model(tmp_path, "oct/meddef")
    fit_beside(load_model("oct/meddef", tmp_path), drawn)
    save_tiny_model(tmp_path, "oct/meddef", seed=7)
    model = load_model("oct/meddef", tmp_path)
    with refused_as(ModelError, "prediction.calibration-key-fitted"):
        fitted_for(model)
    prediction = predict(model, oct_phantom("CNV").scan)
    assert prediction.calibrated is None and prediction.familiarity is None
    assert prediction.note is not None and "meddef calibrate" in prediction.note


@pytest.mark.parametrize("damage", ["missing", "cut", "malformed"])
def test_damaged_files_are_one_sentence(tmp_path: Path, drawn: Detector, damage: str) -> None:
    save_tiny_model(tmp_path, "oct/meddef")
    model = load_model("oct/meddef", tmp_path)
    fit_beside(model, drawn)
    folder = tmp_path / "oct/meddef"
    if damage == "missing":
        (folder / ARRAYS).unlink()
    elif damage == "cut":
        (folder / ARRAYS).write_bytes((folder / ARRAYS).read_bytes()[:-10])
    else:
        card = json.loads((folder / NAME).read_text())
        (folder / NAME).write_text(json.dumps(card | {"temperature": -1}))
    with pytest.raises(ModelError, match="meddef calibrate"):
        fitted_for(replace(model))
