"""Pages, turned and inverted scans: the shipped checks on drawn scans, and the parts they are made of."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from refusals import refused_as

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.data.phantoms import chest_phantom, oct_phantom
from meddef_core.errors import DataError, ModelError
from meddef_core.prediction import drawings
from meddef_core.prediction.image_checks import (
    FAULTS,
    SENTENCES,
    find_fault,
    image_abstention,
    image_checks,
    load_checks,
    save_checks,
)
from meddef_core.prediction.image_checks.changes import jpeg, turned_a_little
from meddef_core.prediction.image_checks.files import ARRAYS, FOLDER, NAME
from meddef_core.prediction.image_checks.limits import ALLOWED, FOLDS, flagged_out_of_fold, fold_of, page_limit
from meddef_core.prediction.image_checks.pages import LAYOUTS
from meddef_core.prediction.image_checks.sources import group_of
from meddef_core.prediction.image_checks.upright import COPIES, describe, fit_upright, laid, righted
from meddef_core.prediction.prediction import predict, prepare
from meddef_core.scans import Scan, read_scan
from meddef_core.scans.scan import Pixels
from meddef_core.tasks import TASKS, Task
from meddef_core.zoo import MODELS, load_model

CASES = Path(__file__).parent / "cases"

DRAW = {"oct": oct_phantom, "chest": chest_phantom}

SUBJECTS = [(task, label, seed) for task in DRAW for label in TASKS[task].classes for seed in (0, 1)]


def drawn(task: str, label: str, seed: int) -> Pixels:
    return DRAW[task](label, seed=seed).scan.pixels


def scan_of(pixels: Pixels) -> Scan:
    return Scan(pixels=np.array(pixels, dtype=np.float32), container="PNG", bits=8, digest="0" * 64)


# ---- scans as they are, and harmless changes -----------------------------------------------------------------------


@pytest.mark.parametrize("task,label,seed", SUBJECTS)
def test_a_drawn_scan_has_no_fault_and_every_copy_has_its_own(task: str, label: str, seed: int) -> None:
    pixels = drawn(task, label, seed)
    found = {kind: find_fault(laid(pixels, kind), TASKS[task]) for kind in COPIES}
    assert found == {kind: None if kind == "upright" else kind for kind in COPIES}


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    return np.clip(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), 0, 1)


HARMLESS = {
    "mirrored": lambda x: x[:, ::-1],
    "darker": lambda x: x**1.5,
    "brighter": lambda x: x**0.7,
    "low contrast": lambda x: 0.2 + 0.6 * x,
    "JPEG 40": lambda x: jpeg(x, quality=40),
    "half size": lambda x: resized(x, x.shape[0] // 2, x.shape[1] // 2),
    "224 x 224": lambda x: resized(x, 224, 224),
    "enlarged": lambda x: resized(x, 1400, 1400),
    "three times as wide": lambda x: resized(x, x.shape[0], 3 * x.shape[1]),
    "rows cut": lambda x: x[x.shape[0] // 4 : -x.shape[0] // 8],
    "8/255 of noise": lambda x: np.clip(x + 8 / 255 * np.sign(np.random.default_rng(0).normal(size=x.shape)), 0, 1),
}


@pytest.mark.parametrize("change", HARMLESS)
@pytest.mark.parametrize("task,label", [("oct", "NORMAL"), ("oct", "CNV"), ("chest", "NORMAL"), ("chest", "PNEUMONIA")])
def test_a_harmless_change_is_no_fault(change: str, task: str, label: str) -> None:
    pixels = np.ascontiguousarray(HARMLESS[change](drawn(task, label, 2)), dtype=np.float32)
    assert find_fault(pixels, TASKS[task]) is None


@pytest.mark.parametrize("task,label", [("oct", "DME"), ("chest", "NORMAL")])
@pytest.mark.parametrize("angle", [-15, -8, 8, 15])
def test_up_to_fifteen_degrees_are_no_fault(task: str, label: str, angle: float) -> None:
    pixels = drawn(task, label, 1)
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    assert find_fault(np.asarray(cv2.warpAffine(pixels, matrix, (width, height))), TASKS[task]) is None


@pytest.mark.parametrize("key", ["oct/meddef", "chest/meddef"])
def test_an_attacked_scan_still_is_a_scan(key: str) -> None:
    model = load_model(key, MODELS)
    for label in model.task.classes[:2]:
        image = prepare(model, scan_of(drawn(model.task.key, label, 0)))
        spec = AttackSpec(name="pgd", eps=8 / 255, steps=5)
        attacked = run_attack(model.network, image, torch.tensor([model.task.index(label)]), spec).adversarial
        assert find_fault(attacked[0, 0].numpy(), model.task) is None


@pytest.mark.parametrize("kind", ["noise", "texture", "blank"])
@pytest.mark.parametrize("task", DRAW)
def test_what_shows_no_body_is_rarely_said_to_be_turned(kind: str, task: str) -> None:
    rng = np.random.default_rng(1)
    found = [find_fault(drawings.DRAW[kind](rng), TASKS[task]) for _ in range(10)]
    assert sum(fault not in (None, "composite page") for fault in found) <= 3


# ---- pages ---------------------------------------------------------------------------------------------------------


def page(layout: str, task: str, seed: int) -> Pixels:
    rng = np.random.default_rng([seed, list(LAYOUTS).index(layout)])
    classes = TASKS[task].classes
    scans = [drawn(task, classes[i % len(classes)], 10 * seed + i) for i in range(4)]
    return np.ascontiguousarray(LAYOUTS[layout](scans, rng))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("task", DRAW)
def test_a_page_is_found(layout: str, task: str) -> None:
    found = [find_fault(page(layout, task, seed), TASKS[task]) for seed in range(4)]
    # Of two or three B-scans close together, nothing but a step in the retina shows where one ends.
    assert found.count(None) <= (2 if layout == "side by side" else 0)
    assert found.count("composite page") >= (2 if layout == "side by side" else 3)


def test_the_cases_lead_to_abstention_with_the_right_reason() -> None:
    model = load_model("oct/meddef", MODELS)
    for name, fault in (
        ("41_heidelberg_layout_ir_left_normal", "composite page"),
        ("43_jet_coloured_drusen", FAULTS[0]),
    ):
        prediction = predict(model, read_scan((CASES / f"{name}.jpg").read_bytes()))
        assert prediction.abstained is not None and prediction.abstained.looks_like == fault
        assert prediction.abstained.sentence == SENTENCES[fault] and prediction.level == "refused"


@pytest.mark.parametrize("task", DRAW)
def test_the_check_costs_no_more_than_a_few_passes_over_the_pixels(task: str) -> None:
    """Beside two percentiles of the same 2.7 megapixels: 2 to 3 times as much, 25 to 50 ms."""
    pixels = resized(drawn(task, "NORMAL", 0), 1500, 1800)
    ours, theirs = [], []
    for _ in range(6):
        ours.append(seconds_of(lambda: find_fault(pixels, TASKS[task])))
        theirs.append(seconds_of(lambda: np.percentile(pixels, [1, 99])))
    assert min(ours) < 6 * min(theirs)


def seconds_of(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


# ---- sentences and files -------------------------------------------------------------------------------------------


def test_every_fault_has_a_sentence_that_says_what_to_do() -> None:
    assert set(SENTENCES) == set(FAULTS) and set(COPIES[1:]) <= set(FAULTS)
    assert all(sentence.endswith(".") and "upload" in sentence for sentence in SENTENCES.values())


def test_false_colour_is_told_by_the_scan(task: Task = TASKS["oct"]) -> None:
    pixels = np.array(drawn("oct", "NORMAL", 0))
    coloured = Scan(pixels=pixels, container="PNG", bits=8, digest="0" * 64, false_colour=True)
    found = image_abstention(coloured, task)
    assert found is not None and found.looks_like == "false colour" and found.reason == "image"
    assert image_abstention(scan_of(pixels), task) is None


def test_the_shipped_checks_come_back_as_they_were_written(tmp_path: Path) -> None:
    save_checks(tmp_path, image_checks())
    again = load_checks(tmp_path)
    pixels = drawn("chest", "NORMAL", 5)
    assert again.card == image_checks().card
    assert sum((FOLDER / name).stat().st_size for name in (NAME, ARRAYS)) < 700_000
    np.testing.assert_array_equal(
        again.uprights["chest"].scores(pixels, fill_border=False),
        image_checks().uprights["chest"].scores(pixels, fill_border=False),
    )


@pytest.mark.parametrize("damage", ["missing", "changed", "malformed", "another shape"])
def test_damaged_checks_are_one_sentence(tmp_path: Path, damage: str) -> None:
    save_checks(tmp_path, image_checks())
    card = json.loads((tmp_path / NAME).read_text())
    if damage == "missing":
        (tmp_path / ARRAYS).unlink()
    elif damage == "changed":
        (tmp_path / ARRAYS).write_bytes((tmp_path / ARRAYS).read_bytes()[:-4] + b"\0\0\0\1")
    else:
        change = {"page_above": 3} if damage == "malformed" else {"page_above": {"heart": 0.0}}
        (tmp_path / NAME).write_text(json.dumps(card | change))
    with pytest.raises(ModelError, match="image checks"):
        load_checks(tmp_path)


# ---- the parts -----------------------------------------------------------------------------------------------------


def test_the_descriptions_of_a_turned_scan_are_those_of_the_scan_in_another_order() -> None:
    pixels = resized(drawn("oct", "CNV", 3), 128, 128)
    own, turned = (describe(x, fill_border=False) for x in (pixels, laid(pixels, "turned clockwise")))
    np.testing.assert_allclose(turned[COPIES.index("turned clockwise")], own[0], atol=1e-5)
    flipped = describe(laid(pixels, "inverted and upside down"), fill_border=False)
    np.testing.assert_allclose(flipped[COPIES.index("inverted and upside down")], own[0], atol=1e-4)


@pytest.mark.parametrize("way", COPIES)
def test_putting_right_undoes_how_a_scan_lies(way: str) -> None:
    pixels = np.random.default_rng(0).random((40, 60), dtype=np.float32)
    np.testing.assert_allclose(righted(laid(pixels, way), way), pixels, atol=1e-6)


def test_a_mirror_image_has_the_same_description() -> None:
    pixels = resized(drawn("chest", "NORMAL", 3), 128, 128)
    one, other = (describe(x, fill_border=False)[0] for x in (pixels, np.ascontiguousarray(pixels[:, ::-1])))
    np.testing.assert_allclose(one, other, atol=4e-3)


def test_the_right_copy_is_learned_from_what_sets_it_apart() -> None:
    rng = np.random.default_rng(0)
    found = rng.normal(size=(200, 8, 5))
    found[:, 0, 2] += 4.0
    weights = fit_upright(found).weights
    assert np.argmax(np.abs(weights)) == 2 and weights[2] > 0
    assert ((found @ weights).argmax(axis=1) == 0).mean() > 0.9


def test_nothing_to_learn_from_is_one_sentence() -> None:
    with refused_as(DataError, "prediction.upright-scans"):
        fit_upright(np.zeros((0, 8, 5)))


def test_a_limit_lets_the_allowed_share_of_every_source_pass() -> None:
    rng = np.random.default_rng(0)
    scores = {"own": rng.normal(0, 1, 600), "other": rng.normal(1, 1, 400)}
    limit = page_limit(scores)
    shares = [(found > limit).mean() for found in scores.values()]
    assert max(shares) <= ALLOWED and shares[1] > 0
    groups = {name: [str(i // 4) for i in range(len(found))] for name, found in scores.items()}
    flagged = flagged_out_of_fold(scores, groups)
    assert flagged["own"] == 0 and 0 < flagged["other"] <= 12


def test_a_group_stays_in_one_fold() -> None:
    groups = [group_of(name) for name in ("NORMAL_100", "NORMAL_119", "NORMAL_120", "00001281_000", "00001281_004")]
    folds = fold_of(groups)
    assert folds[0] == folds[1] and folds[3] == folds[4] and set(folds) <= set(range(FOLDS))
    assert groups[1] != groups[2]


def test_a_small_turn_changes_little() -> None:
    pixels = drawn("oct", "NORMAL", 0)
    turned = turned_a_little(pixels, np.random.default_rng(3))
    assert turned.shape == pixels.shape and np.abs(turned - pixels).mean() < 0.25
