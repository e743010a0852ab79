"""The guarantee of abstention: controlled in every source, reported out of fold, named on the card."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from refusals import refused_as

from meddef_core.data.external import DEVELOPMENT_SETS, external_lists
from meddef_core.errors import DataError
from meddef_core.prediction import load_fitted
from meddef_core.prediction.abstention import Detector, abstention_of, fit_detector
from meddef_core.prediction.guarantee import (
    ALPHAS,
    EVERYTHING,
    FOLDS,
    PICTURES_ALPHA,
    OtherHospital,
    Pictures,
    alpha_of,
    controlled,
    limits_by_fold,
    limits_of_card,
    out_of_fold,
)
from meddef_core.prediction.output_limits import output_limits
from meddef_core.prediction.statistics import STATISTICS
from meddef_core.prediction.taken import Taken
from meddef_core.tasks import get_task
from meddef_core.zoo import Card, list_models, models_root

WITH_FIT = [card for card in list_models() if (models_root() / card.key / "reading.json").is_file()]
NOOR = DEVELOPMENT_SETS[0]
CLASSES = get_task("oct").classes


def some(n: int, shift: float, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(loc=shift, size=(n, 40)) for name in STATISTICS}


def detector() -> Detector:
    fitted = fit_detector(some(200, 0.0), some(200, 0.0, 1), others=some(60, 6.0), kinds=["noise", "text"] * 30)
    return replace(fitted, outputs=output_limits("oct", np.random.default_rng(0).normal(size=(200, 4))))


def pictures_at(shift: float, n: int = 60) -> Pictures:
    return Pictures({"other pictures": some(n, shift, 2)}, {"other pictures": np.arange(n).astype(str)})


def hospital(n: int = 400, shift: float = 0.3, seed: int = 3) -> OtherHospital:
    """Scans a little off, whose outputs are right more often where the logit is large."""
    rng = np.random.default_rng(seed)
    labels, strength = rng.integers(1, 4, n), rng.gamma(2.0, size=n)
    right = rng.random(n) < 1 / (1 + np.exp(-2 * (strength - 1)))
    predicted = np.where(right, labels, rng.integers(0, 4, n))
    logits = np.eye(4)[predicted] * strength[:, None]
    return OtherHospital(NOOR, CLASSES, some(n, shift, seed), logits, labels, (np.arange(n) // 4).astype(str))


def test_every_group_of_outputs_has_the_largest_limit_that_keeps_its_alpha() -> None:
    seen, before = hospital(), detector()
    after = controlled(before, pictures_at(6.0), seen)
    assert before.outputs is not None and after.outputs is not None
    scores = before.outputs.scores(before.scores(seen.statistics), seen.logits)
    predicted = seen.logits.argmax(axis=1)
    for group, alpha in ALPHAS["oct"].items():
        (place,) = [CLASSES.index(name) for name in group]
        errors = scores[seen.wrong & (predicted == place)]
        allowed = int(alpha * (len(scores) + 1) - 1)
        assert (errors <= after.outputs.limits[place]).sum() == min(allowed, len(errors))
    wrong_and_accepted = (after.accepted(seen.statistics, seen.logits) & seen.wrong).mean()
    assert wrong_and_accepted <= alpha_of("oct")


def test_the_limit_of_the_distance_is_lowered_for_pictures_and_never_raised() -> None:
    before = detector()
    near = controlled(before, pictures_at(0.4, 100), None)
    scores = before.scores(some(100, 0.4, 2))
    assert (scores <= near.refused_above).mean() <= PICTURES_ALPHA and near.refused_above < before.refused_above
    far = controlled(before, pictures_at(9.0), None)
    assert (far.unusual_above, far.refused_above) == (before.unusual_above, before.refused_above)


def test_where_nothing_can_be_promised_the_model_always_abstains() -> None:
    after = controlled(detector(), pictures_at(0.0, 2), None)
    assert after.refused_above == EVERYTHING
    assert after.judge({name: np.zeros((1, 40)) for name in STATISTICS}, np.eye(4)[:1]).level == "refused"


def test_too_weak_an_output_is_withheld_and_a_strong_one_shown_on_the_same_scan() -> None:
    after = controlled(detector(), pictures_at(6.0), hospital())
    found = some(1, 0.3, 9)
    strong, weak = (after.judge(found, np.array([[0.0, size, 0.0, 0.0]])) for size in (9.0, 0.01))
    assert strong.level != "refused" and weak.level == "refused" and weak.looks_like is None
    assert weak.score == strong.score and weak.evidence is not None and weak.evidence_limit is not None
    assert weak.evidence > weak.evidence_limit
    said = abstention_of(weak, modality="OCT B-scan")
    assert said is not None and said.reason == "output" and said.looks_like == ""


def test_where_distance_alone_decides_no_refusal_speaks_of_a_weak_output() -> None:
    nih = DEVELOPMENT_SETS[1]
    assert output_limits("chest", np.eye(2)) is None
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 2, 400)
    logits = np.eye(2)[np.where(rng.random(400) < 0.6, labels, 1 - labels)]
    groups = np.arange(400).astype(str)
    seen = OtherHospital(nih, get_task("chest").classes, some(400, 0.3, 8), logits, labels, groups)
    before = replace(detector(), outputs=None)
    after = controlled(before, pictures_at(6.0), seen)
    scores = before.scores(seen.statistics)
    allowed = int(alpha_of("chest") * 401 - 1)
    assert ((scores <= after.refused_above) & seen.wrong).sum() == allowed
    refused = after.judge(some(1, 0.9, 9), np.array([[9.0, 0.0]]))
    assert refused.level == "refused" and refused.looks_like is not None
    said = abstention_of(refused, modality="chest radiograph")
    assert said is not None and said.reason == "image"


def taken_out_of_fold(seen: OtherHospital) -> Taken:
    """By limits that went through a card on their way."""
    drawn = detector()
    chosen = limits_by_fold(drawn, pictures_at(6.0), seen, temperature=1.0)
    again = limits_of_card(drawn, [each.as_json() for each in chosen])
    return out_of_fold(seen, again, temperature=1.0)


def test_out_of_fold_keeps_alpha_and_uses_the_offsets_of_the_fold() -> None:
    seen = hospital(2000)
    found = taken_out_of_fold(seen)
    assert (found.accepted & seen.wrong).mean() <= alpha_of("oct") + 0.02 and found.accepted.mean() > 0.3
    # Offsets of one fold that make it answer CNV: its scans are judged with them, and the others without.
    offsets = np.zeros((FOLDS, 4))
    offsets[2, 0] = 100.0
    moved = taken_out_of_fold(replace(seen, offsets_by_fold=offsets))
    np.testing.assert_array_equal(moved.predicted[seen.folds == 2], 0)
    np.testing.assert_array_equal(moved.predicted[seen.folds != 2], seen.logits.argmax(axis=1)[seen.folds != 2])


def test_no_scan_is_judged_by_limits_that_saw_its_group() -> None:
    # One block of neighbours is wrong as a whole and nearest to the training scans.
    seen = hospital(400)
    bad = seen.groups == "7"
    labels = np.where(seen.logits.argmax(axis=1) == 0, 1, seen.logits.argmax(axis=1))
    logits = np.where(bad[:, None], [[50.0, 0, 0, 0]], np.eye(4)[labels])  # CNV, which no scan there shows
    seen = replace(seen, labels=labels, logits=logits)
    # Chosen without it, everything may be accepted, so that its errors show.
    assert taken_out_of_fold(seen).accepted[bad].all() and seen.wrong[bad].all()


@pytest.mark.parametrize("card", WITH_FIT, ids=lambda card: card.key)
def test_every_shipped_fit_states_its_guarantee_and_keeps_it_out_of_fold(card: Card) -> None:
    key, digest = card.key, card.weights.sha256
    said = load_fitted(models_root() / key, key=key, weights_sha256=digest).card.guarantee
    assert said is not None and said["alpha"] <= alpha_of(key.split("/")[0])
    other = said["other_hospital"]
    assert other["key"] in said["sources"] and other["labels"]
    # Out of fold the share varies around alpha: its interval must not lie above it.
    assert other["wrong_and_accepted"]["interval"][0] <= said["alpha"]
    assert sum(of["n"] for of in other["by_label"].values()) == other["accepted"]["n"]


def test_what_counts_as_wrong_follows_the_labels() -> None:
    noor, nih = DEVELOPMENT_SETS
    assert noor.is_wrong("NORMAL", "DME") and noor.is_wrong("DRUSEN", "CNV") and noor.is_wrong("DME", "NORMAL")
    assert not noor.is_wrong("DRUSEN", "NORMAL") and not noor.is_wrong("DME", "DRUSEN")
    assert nih.is_wrong("NORMAL", "PNEUMONIA") and not nih.is_wrong("NORMAL", "NORMAL")


def test_neighbours_and_patients_stay_together(tmp_path: Path) -> None:
    for name in ("NORMAL_9", "NORMAL_10", "NORMAL_11", *(f"NORMAL_{n}" for n in range(100, 112))):
        path = tmp_path / "noor" / "NORMAL" / f"{name}.jpeg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    items = external_lists(get_task("oct"), tmp_path, "noor").test
    assert [Path(item.path).stem for item in items][:3] == ["NORMAL_9", "NORMAL_10", "NORMAL_11"], "by number"
    assert [item.patient for item in items] == ["NORMAL 0"] * 10 + ["NORMAL 1"] * 5
    for name in ("00000013_005", "00000013_026", "00000032_001"):
        path = tmp_path / "nih" / "PNEUMONIA" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    patients = [item.patient for item in external_lists(get_task("chest"), tmp_path, "nih").test]
    assert patients == ["00000013", "00000013", "00000032"]


def test_a_folder_without_classes_is_named(tmp_path: Path) -> None:
    with refused_as(DataError, "sample.root-no-scans"):
        external_lists(get_task("oct"), tmp_path, "nothing")
