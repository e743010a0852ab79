"""A scan in, a prediction out, by the card's own preprocessing."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from refusals import refused_as
from tiny_models import save_tiny_model

from meddef_core.errors import ModelError
from meddef_core.prediction.prediction import from_logits, predict, predict_batch, prepare
from meddef_core.scans import Scan
from meddef_core.zoo import LoadedModel, load_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    root: Path = tmp_path_factory.mktemp("models")
    save_tiny_model(root, "oct/meddef")
    return load_model("oct/meddef", root)


@pytest.fixture(scope="module")
def scan() -> Scan:
    pixels = np.random.default_rng(0).random((300, 500), dtype=np.float32)
    return Scan(pixels=pixels, container="synthetic", bits=8, digest="0" * 64)


def test_prepare_is_the_cards_preprocessing(model: LoadedModel, scan: Scan) -> None:
    image = prepare(model, scan)
    assert image.shape == (1, 1, 224, 224) and image.dtype == torch.float32
    np.testing.assert_array_equal(image[0].numpy(), model.preprocessing(scan.pixels))
    assert not np.allclose(image[0].numpy(), model.task.preprocessing.__class__()(scan.pixels))


def test_a_scan_and_its_prepared_image_give_the_same_prediction(model: LoadedModel, scan: Scan) -> None:
    prediction = predict(model, scan)
    assert predict(model, prepare(model, scan)) == prediction
    assert prediction.model == "oct/meddef" and prediction.classes == model.task.classes


def test_the_numbers_are_the_networks(model: LoadedModel, scan: Scan) -> None:
    with torch.no_grad():
        logits = model.network(prepare(model, scan))[0]
    prediction = predict(model, scan)
    np.testing.assert_allclose(prediction.logits, logits.numpy(), rtol=1e-6)
    np.testing.assert_allclose(prediction.probabilities, logits.softmax(dim=0).numpy(), rtol=1e-5)
    assert sum(prediction.probabilities) == pytest.approx(1, abs=1e-12)
    assert prediction.index == int(logits.argmax())
    assert prediction.label == prediction.classes[prediction.index]


def test_a_prediction_is_plain_and_frozen(model: LoadedModel, scan: Scan) -> None:
    prediction = predict(model, scan)
    assert all(type(value) is float for value in (*prediction.probabilities, *prediction.logits))
    with pytest.raises(FrozenInstanceError):
        prediction.label = "NORMAL"  # type: ignore[misc]


def test_an_attacked_image_of_a_scan_that_is_abstained_from_is_abstained_from(model: LoadedModel, scan: Scan) -> None:
    film = replace(scan, tags={"Modality": "CR", "BodyPartExamined": "CHEST"})
    clean, image = predict(model, film), prepare(model, film)
    assert clean.abstained is not None and clean.abstained.reason == "header"
    attacked = (image + 4 / 255).clamp(0, 1)
    assert predict(model, attacked).abstained is None, "an image alone has no header to judge it by"
    found = predict(model, attacked, like=clean)
    assert found.abstained == clean.abstained and found.level == "refused"
    assert predict(model, attacked, like=predict(model, scan)).abstained is None
    both = predict_batch(model, torch.cat([image, attacked]), (film, None), like=clean)
    assert [each.abstained for each in both] == [clean.abstained] * 2


def test_logits_that_are_extreme_still_make_probabilities(model: LoadedModel) -> None:
    prediction = from_logits(model, torch.tensor([1000.0, -1000.0, 0.0, 999.0]))
    assert prediction.label == "CNV" and sum(prediction.probabilities) == pytest.approx(1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_output_that_is_not_finite_is_an_error(model: LoadedModel, value: float) -> None:
    with refused_as(ModelError, "prediction.key-gave"):
        from_logits(model, torch.tensor([0.0, value, 0.0, 0.0]))


def test_wrong_shapes_are_refused(model: LoadedModel) -> None:
    with refused_as(ModelError, "prediction.one-image"):
        predict(model, torch.zeros(2, 1, 224, 224))
    with pytest.raises(ModelError, match="4 classes"):
        from_logits(model, torch.zeros(2))


def test_predicting_leaves_the_image_and_the_model_alone(model: LoadedModel, scan: Scan) -> None:
    image = prepare(model, scan)
    before = image.clone()
    predict(model, image)
    assert torch.equal(image, before) and not image.requires_grad
    assert not model.network.training and not any(p.requires_grad for p in model.network.parameters())
