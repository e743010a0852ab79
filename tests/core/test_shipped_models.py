"""The shipped models at their job: scans they never saw, from bytes to output, clean and attacked."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from refusals import refused_as

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.baselines.registry import BASELINES
from meddef_core.baselines.sides import partners, side_choices
from meddef_core.certification.certify import NoCertificateError, certify, certify_image
from meddef_core.certification.smoothed import smoothed
from meddef_core.data.images import Images, load_images
from meddef_core.data.lists import build_lists
from meddef_core.data.phantoms import oct_phantom
from meddef_core.data.samples import list_samples
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.metrics import balanced_accuracy
from meddef_core.prediction.prediction import predict, prepare
from meddef_core.scans import read_scan
from meddef_core.zoo import MODELS, list_models, load_model

OCT = ["oct/meddef", "oct/undefended"]
CHEST = ["chest/meddef", "chest/undefended"]


@pytest.mark.parametrize("key", OCT)
@pytest.mark.parametrize("label", ["CNV", "DME", "DRUSEN", "NORMAL"])
def test_phantoms_are_read_as_what_they_show(key: str, label: str) -> None:
    assert predict(load_model(key, MODELS), oct_phantom(label, seed=0).scan).label == label


@pytest.mark.parametrize("kind", ["noise", "upside down", "another kind of scan"])
def test_no_certificate_is_given_for_what_the_model_abstains_from(kind: str) -> None:
    """The vote is unanimous on noise, too: without this refusal it would read as a certified finding."""
    model = load_model("oct/meddef-certified", MODELS)
    pixels = oct_phantom("CNV", seed=0).scan.pixels
    if kind == "noise":
        pixels = np.random.default_rng(0).random((300, 300), dtype=np.float32)
    png = cv2.imencode(".png", (255 * pixels[:: -1 if kind == "upside down" else 1]).astype(np.uint8))[1].tobytes()
    scan = list_samples("chest")[0].load() if kind == "another kind of scan" else read_scan(png)
    votes = certify_image(smoothed(model.network), prepare(model, scan)[0], n=100).votes
    assert kind != "noise" or max(votes) == 100
    with refused_as(NoCertificateError, "certificate.no-certificate"):
        certify(model, scan, n=100)


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_every_defence_can_be_picked_as_a_side(task: str) -> None:
    offered = {side.id.partition("+")[2] for side in side_choices(task)}
    assert offered == {baseline.name for baseline in BASELINES.values() if not baseline.randomised}
    assert {f"{task}/distilled", f"{task}/without-daam"} <= {card.key for card in list_models(MODELS)}
    assert partners(f"{task}/undefended", list_models(MODELS)) == (f"{task}/resnet18-undefended",)


@pytest.mark.parametrize("key", CHEST)
def test_an_original_and_its_small_copy_give_the_same_reading(data_dir: Path, key: str) -> None:
    model = load_model(key, MODELS)
    originals = sorted((data_dir / "chest_xray_fullres").glob("*/*.jpeg"))
    assert len(originals) == 32
    for path in originals:
        copy = data_dir / "chest_xray" / "train" / path.parent.name / path.name
        full, small = (predict(model, read_scan(file.read_bytes())) for file in (path, copy))
        apart = max(abs(a - b) for a, b in zip(full.probabilities, small.probabilities, strict=True))
        assert apart < 0.05
        # Which side of an even split a film falls on is no difference that a reader would see.
        assert full.label == small.label or max(full.probabilities) < 0.51


def test_the_attack_flips_the_undefended_phantom_and_noise_does_not() -> None:
    model = load_model("oct/undefended", MODELS)
    flipped = {"pgd": 0, "noise": 0}
    for label in model.task.classes:
        x = prepare(model, oct_phantom(label, seed=0).scan)
        y = torch.tensor([model.task.index(label)])
        for name in flipped:
            result = run_attack(model.network, x, y, AttackSpec(name=name, eps=8 / 255, steps=20))
            assert float(result.linf) <= 8 / 255 + 1e-6
            flipped[name] += bool(result.success)
    assert flipped == {"pgd": 4, "noise": 0}


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_the_defended_model_holds_where_its_twin_falls(data_dir: Path, task: str) -> None:
    # OCT models know the noise of scanners, so the undefended one keeps a third at 4/255.
    spec = AttackSpec(name="pgd", eps={"oct": 8, "chest": 4}[task] / 255, steps=10, stop_when_fooled=True)
    scores = {}
    for name in ("meddef", "undefended"):
        model = load_model(f"{task}/{name}", MODELS)
        lists = build_lists(model.task, data_dir)
        images = load_images(lists, "val", preprocessing=model.preprocessing, data_dir=data_dir)
        some = slice(None, None, 4 if task == "chest" else 2)
        images = Images(images.stored[some], images.labels[some], images.items[some])
        outcome = attack_images(model.network, images, spec)
        scores[name] = balanced_accuracy(images.labels.numpy(), outcome.predictions, classes=len(model.task.classes))
    assert scores["undefended"] < 0.10
    assert scores["meddef"] > 0.75
