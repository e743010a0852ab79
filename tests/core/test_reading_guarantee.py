"""The guarantee of abstention: controlled in every source, reported out of fold, named on the card."""

from pathlib import Path

import numpy as np
import pytest

from meddef_core.data.external import DEVELOPMENT_SETS, external_lists
from meddef_core.errors import DataError
from meddef_core.predict import load_fitted
from meddef_core.predict.abstention import Detector, fit_detector
from meddef_core.predict.guarantee import ALPHA, EVERYTHING, REMARK_ALPHA, controlled
from meddef_core.predict.risk_control import Source
from meddef_core.predict.statistics import STATISTICS
from meddef_core.tasks import get_task
from meddef_core.zoo import list_models, models_root

WITH_FIT = [card for card in list_models() if (models_root() / card.key / "reading.json").is_file()]


def detector() -> Detector:
    rng = np.random.default_rng(0)
    near, far = (
        {name: rng.normal(loc=shift, size=(n, 40)) for name in STATISTICS} for shift, n in ((0.0, 200), (6.0, 60))
    )
    return fit_detector(near, near, others=far, kinds=["noise", "text"] * 30)


def source(scores: list[float], wrong: list[bool]) -> Source:
    return Source("one", np.array(scores), np.array(wrong), np.arange(len(scores)).astype(str))


def test_thresholds_are_lowered_until_every_source_is_controlled() -> None:
    before = detector()
    scores = np.linspace(before.unusual_above - 1, before.refused_above, 400)
    one = source(list(scores), [True] * 400)
    after = controlled(before, {"one": one}, alpha=0.05)
    assert (scores <= after.refused_above).sum() == int(0.05 * 401 - 1)
    assert (scores <= after.unusual_above).sum() == int(REMARK_ALPHA * 401 - 1)
    assert after.unusual_above <= after.refused_above < before.refused_above


def test_thresholds_are_never_raised() -> None:
    before = detector()
    after = controlled(before, {"one": source([0.0] * 400, [False] * 400)}, alpha=0.05)
    assert (after.unusual_above, after.refused_above) == (before.unusual_above, before.refused_above)


def test_where_nothing_can_be_promised_the_model_always_abstains() -> None:
    after = controlled(detector(), {"one": source([0.0, 0.0], [True, True])}, alpha=0.05)
    assert after.refused_above == EVERYTHING
    assert after.judge({name: np.zeros((1, 40)) for name in STATISTICS}).level == "refused"


@pytest.mark.parametrize("card", WITH_FIT, ids=lambda card: card.key)
def test_every_shipped_fit_states_its_guarantee_and_keeps_it_out_of_fold(card: object) -> None:
    key, digest = card.key, card.weights.sha256  # type: ignore[attr-defined]
    said = load_fitted(models_root() / key, key=key, weights_sha256=digest).card.guarantee
    assert said is not None and said["alpha"] == ALPHA[key.split("/")[0]]
    hospital = said["other_hospital"]
    assert hospital["key"] in said["sources"] and hospital["labels"]
    # Out of fold the share varies around alpha: its interval must not lie above it.
    assert hospital["wrong_and_accepted"]["interval"][0] <= said["alpha"]
    assert sum(of["n"] for of in hospital["by_label"].values()) == hospital["accepted"]["n"]


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
    with pytest.raises(DataError, match="CNV, DME, DRUSEN, NORMAL"):
        external_lists(get_task("oct"), tmp_path, "nothing")
