"""Records: plain JSON that names what it was made with, and nothing about the person who made it."""

import json
import platform
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from tiny_models import save_tiny_model

import meddef_core
from meddef_core.attacks import AttackSpec
from meddef_core.data.tasks import TASKS
from meddef_core.intended_use import INTENDED_USE
from meddef_core.record import SCHEMA_VERSION, card_digest, plain, record
from meddef_core.zoo import Card


class Pair(NamedTuple):
    left: int
    right: torch.Tensor


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return save_tiny_model(tmp_path_factory.mktemp("models"), "chest/meddef")


def test_a_record_names_everything_a_rerun_needs(card: Card) -> None:
    spec = AttackSpec(name="pgd", eps=8 / 255, seed=7)
    made = record(
        "attack", model=card, scan_digest="ab" * 32, spec=spec, numbers={"linf": 0.03}, frame=2, window=(40.0, 400.0)
    )
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["schema_version"] == SCHEMA_VERSION and made["kind"] == "attack"
    assert made["model"] == {
        "key": "chest/meddef",
        "weights_sha256": card.weights.sha256,
        "card_sha256": card_digest(card),
    }
    assert made["scan"] == {"sha256": "ab" * 32, "frame": 2, "window": [40.0, 400.0]}
    named = record("prediction", model=card, scan_digest="ab" * 32, scan_id="3FA-91C", numbers={})
    assert named["scan"] == {"sha256": "ab" * 32, "frame": None, "window": None, "id": "3FA-91C"}
    assert made["population"] == named["population"] == TASKS["chest"].population.sentence
    assert AttackSpec(**made["spec"]) == spec
    assert made["seed"] == 7
    assert made["versions"] == {
        "meddef": meddef_core.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    assert made["numbers"] == {"linf": 0.03}
    assert made["intended_use"] == INTENDED_USE
    created = datetime.fromisoformat(made["created"])
    assert created.utcoffset() == timedelta(0) and abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_a_record_of_a_list_has_no_scan(card: Card) -> None:
    made = record("evaluation", model=card, numbers={}, seed=3, data={"protocol": "official", "sha256": "cd" * 32})
    assert made["scan"] is None and made["spec"] is None and made["seed"] == 3
    assert made["data"]["protocol"] == "official"


def test_the_card_digest_follows_the_content(card: Card, tmp_path: Path) -> None:
    assert card_digest(card) == card_digest(Card.model_validate_json(card.model_dump_json(indent=3)))
    assert card_digest(card) != card_digest(card.model_copy(update={"title": "Another"}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (torch.tensor([1.5, 2.5]), [1.5, 2.5]),
        (torch.tensor(True), True),
        (np.float32(0.5), 0.5),
        (np.array([[1, 2]]), [[1, 2]]),
        (float("inf"), None),
        (torch.tensor([torch.nan, 1.0]), [None, 1.0]),
        ((1, ("a", None)), [1, ["a", None]]),
        (Pair(1, torch.tensor(2.0)), {"left": 1, "right": 2.0}),
        ({1: {"a": (2,)}}, {"1": {"a": [2]}}),
    ],
)
def test_values_become_plain(value: object, expected: object) -> None:
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match=r"cannot hold a \w*Path"):
        plain({"file": Path("scan.dcm")})
