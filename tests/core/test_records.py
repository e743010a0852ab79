"""Records: built from the loaded model, strict, read in every version, and matched with the weights that ship."""

import dataclasses
import json
import platform
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from refusals import refused_as
from tiny_models import save_tiny_model

import meddef_core
from meddef_core import attacks
from meddef_core.attacks import AttackSpec
from meddef_core.data.samples import list_samples
from meddef_core.eps import exact_eps, format_eps, grey_steps, parse_eps, short_eps
from meddef_core.errors import DataError, RecordError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.prediction.prediction import predict
from meddef_core.records import (
    KINDS,
    SCHEMA_VERSION,
    AuditRecord,
    Claim,
    DamagedRecord,
    EvaluationRecord,
    Match,
    OtherKind,
    PredictionRecord,
    Shipped,
    Spec,
    WorstRecord,
    build,
    card_digest,
    match,
    match_weights,
    named,
    plain,
    read,
    read_as,
    read_file,
    scan_facts,
    shipped,
)
from meddef_core.records.upgrade import float_eps
from meddef_core.report.results import prediction_numbers
from meddef_core.tasks import TASKS
from meddef_core.zoo import Card, LoadedModel, load_model

SHARE = {"balanced_accuracy": 0.5, "balanced_interval": [0.4, 0.6], "accuracy": 0.5, "accuracy_interval": [0.4, 0.6]}


class Pair(NamedTuple):
    left: int
    right: torch.Tensor


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    root = tmp_path_factory.mktemp("models")
    save_tiny_model(root, "chest/meddef")
    return load_model("chest/meddef", root)


@pytest.fixture(scope="module")
def prediction(model: LoadedModel) -> PredictionRecord:
    scan = list_samples("chest")[0].load()
    facts = scan_facts(scan, frame=2, window=(40.0, 400.0))
    return build(PredictionRecord, model=model, scan=facts, numbers=prediction_numbers(predict(model, scan)), seed=7)


def evaluation(version: int, eps: Any) -> dict[str, Any]:
    attacked = SHARE | {"spec": {"name": "pgd", "eps": 4 / 255}, "eps": eps, "attack_success_rate": None}
    document: dict[str, Any] = {
        "schema_version": version, "kind": "evaluation", "created": "", "versions": {}, "intended_use": INTENDED_USE,
        "model": {"key": "oct/meddef", "weights_sha256": "0" * 64, "card_sha256": None}, "seed": 0,
        "numbers": {"n": 9, "clean": dict(SHARE), "attacked": [attacked]},
    }  # fmt: skip
    return document


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


# ---- building ----------------------------------------------------------------------------------------------------


def test_a_record_names_everything_a_rerun_needs(model: LoadedModel, prediction: PredictionRecord) -> None:
    made = prediction.document()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["schema_version"] == SCHEMA_VERSION and made["kind"] == "prediction" and made["seed"] == 7
    digest = model.card.weights.sha256
    identity = {"key": "chest/meddef", "weights_sha256": digest, "card_sha256": card_digest(model.card)}
    assert made["model"] == identity
    scan = list_samples("chest")[0].load()
    assert made["scan"] == {"sha256": scan.digest, "frame": 2, "window": [40.0, 400.0], "id": scan.short_id}
    assert made["population"] == TASKS["chest"].population.sentence
    assert made["versions"] == {
        "meddef": meddef_core.__version__, "torch": torch.__version__, "python": platform.python_version(),
    }  # fmt: skip
    assert made["intended_use"] == INTENDED_USE
    created = datetime.fromisoformat(made["created"])
    assert created.utcoffset() == timedelta(0) and abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_what_was_written_is_read_back_the_same(prediction: PredictionRecord) -> None:
    again = read(encoded(prediction.document()))
    assert again == prediction and again.document() == prediction.document()


def test_the_settings_of_an_attack_are_all_of_them() -> None:
    fields = {field.name for field in dataclasses.fields(AttackSpec)}
    assert fields == Spec.model_fields.keys()
    spec = AttackSpec(name="pgd", eps=8 / 255, seed=7, rel_step=0.2)
    assert AttackSpec(**Spec(**plain(spec)).model_dump()) == spec
    default = AttackSpec(name="pgd", eps=0.1)
    assert Spec(name="pgd", eps=0.1).model_dump() == plain(default)


def test_numbers_of_another_kind_are_refused(model: LoadedModel) -> None:
    with pytest.raises(ValidationError, match="verdict"):
        build(AuditRecord, model=model, numbers={"n": 3})


def test_a_record_cannot_be_changed(prediction: PredictionRecord) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        prediction.seed = 3  # type: ignore[misc]


def test_the_card_digest_follows_the_content(model: LoadedModel) -> None:
    card = model.card
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
        (Spec(name="pgd", eps=0.5), {"name": "pgd", "eps": 0.5}),
    ],
)
def test_values_become_plain(value: object, expected: object) -> None:
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match=r"cannot hold a \w*Path"):
        plain({"file": Path("scan.dcm")})


def test_records_import_neither_torch_nor_streamlit() -> None:
    script = "import sys, meddef_core.records; print(sorted({'torch', 'streamlit'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]"]


# ---- reading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "eps"),
    [("4/255 (0.0157)", 4 / 255), ("0.01", 0.01), ("any words", 4 / 255)],
    ids=["whole", "decimal", "settings go first"],
)
def test_the_display_text_of_version_1_becomes_the_float_beside_it(label: str, eps: float) -> None:
    document = evaluation(1, label)
    document["numbers"]["attacked"][0]["spec"]["eps"] = eps
    found = read_as(EvaluationRecord, encoded(document))
    assert found.numbers.attacked[0].eps == eps and found.schema_version == SCHEMA_VERSION
    assert document["numbers"]["attacked"][0]["eps"] == label  # in memory only


def test_a_text_without_settings_beside_it_is_parsed() -> None:
    for eps in (0.01, 4 / 255, 0.5, 1 / 255):
        assert float_eps({"eps": format_eps(eps)}) == {"eps": eps}
    assert float_eps({"eps": "0.01", "budget": 0.0100001}) == {"eps": 0.0100001, "budget": 0.0100001}
    assert float_eps({"eps": "nonsense"}) == {"eps": "nonsense"}


def test_version_2_has_no_display_text() -> None:
    with pytest.raises(DamagedRecord) as caught:
        read(encoded(evaluation(2, "4/255 (0.0157)")))
    assert caught.value.place == "numbers.attacked.0.eps"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: d["numbers"]["clean"].update(accuracy=1.5), "numbers.clean.accuracy"),
        (lambda d: d["numbers"]["clean"].update(balanced_interval=[0.6, 0.7]), "numbers.clean"),
        (lambda d: d["numbers"]["attacked"][0]["spec"].update(warp=9), "numbers.attacked.0.spec.warp"),
        (lambda d: d["model"].update(weights_sha256="../../x"), "model.weights_sha256"),
        (lambda d: d.pop("numbers"), "numbers"),
    ],
)
def test_a_damaged_record_names_the_place(change: Any, place: str, tmp_path: Path) -> None:
    document = evaluation(2, 4 / 255)
    change(document)
    with pytest.raises(DamagedRecord) as caught:
        read(encoded(document))
    assert caught.value.place == place
    path = tmp_path / "r.json"
    path.write_bytes(encoded(document))
    with pytest.raises(DataError, match=rf"^The record r\.json is damaged at '{place}': .*; measure it again\.$"):
        read_file(EvaluationRecord, path)


@pytest.mark.parametrize("data", [b"", b"[1]", b"{}", b"{", b'{"schema_version": 99}', b'{"schema_version": 1}'])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        read(data)


def test_a_record_of_another_kind_is_told_apart_from_a_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(encoded(evaluation(2, 4 / 255)))
    with refused_as(OtherKind, "record.record-kind"):
        read_file(WorstRecord, path)
    path.write_bytes(encoded(evaluation(99, 4 / 255)))
    with pytest.raises(RecordError, match="schema version 99"):
        read_file(EvaluationRecord, path)


def test_every_kind_is_known_by_the_name_it_writes() -> None:
    for name, kind in KINDS.items():
        assert kind.model_json_schema()["properties"]["kind"]["const"] == name


# ---- matching ----------------------------------------------------------------------------------------------------

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
HERE = (
    Shipped("oct/meddef", "MedDef", A),
    Shipped("oct/undefended", "Undefended counterpart", B),
    Shipped("chest/meddef", "MedDef", C),
)


@pytest.mark.parametrize(
    ("names", "weights", "expected"),
    [
        (("oct/meddef",), (A,), Match.MATCHED),
        (("oct/meddef",), (B,), Match.OTHER_WEIGHTS),
        (("oct/meddef",), (C,), Match.OTHER_WEIGHTS),
        (("MedDef",), (A,), Match.MATCHED),
        (("a-run", "MedDef"), ("d" * 64,), Match.OTHER_WEIGHTS),
        (("a-run", "Something else"), (A,), Match.UNKNOWN_MODEL),
        (("oct/undefended+jpeg", "JPEG"), (B,), Match.MATCHED),
        (("oct/undefended+jpeg", "JPEG"), (A,), Match.OTHER_WEIGHTS),
        (("oct/undefended+ensemble",), (B, A), Match.MATCHED),
        (("oct/undefended+ensemble",), (B, "d" * 64), Match.OTHER_WEIGHTS),
        (("oct/undefended", "MedDef"), (B,), Match.MATCHED),
    ],
)
def test_a_number_matches_by_its_name_and_its_weights(
    names: tuple[str, ...], weights: tuple[str, ...], expected: Match
) -> None:
    assert match(Claim("oct", names, weights), HERE) is expected


def test_several_models_match_none_and_a_name_tells_it() -> None:
    assert match_weights("oct/meddef", None, HERE) is Match.OTHER_WEIGHTS
    assert named("MedDef", Match.MATCHED) == named("MedDef", Match.UNKNOWN_MODEL) == "MedDef"
    assert named("MedDef", Match.OTHER_WEIGHTS) == "MedDef (measured with earlier weights)"


def test_a_card_ships_under_its_key_and_title(model: LoadedModel, prediction: PredictionRecord) -> None:
    here = shipped([model.card])
    (claim,) = prediction.claims()
    assert match(claim, here) is Match.MATCHED
    newer = model.card.model_copy(update={"weights": model.card.weights.model_copy(update={"sha256": "0" * 64})})
    assert match(claim, shipped([newer])) is Match.OTHER_WEIGHTS


# ---- epsilon -----------------------------------------------------------------------------------------------------


def test_an_epsilon_is_read_and_written_in_one_module() -> None:
    assert attacks.parse_eps is parse_eps and attacks.format_eps is format_eps
    for steps in (1, 4, 8, 64, 255):
        assert parse_eps(short_eps(steps / 255)) == steps / 255
    assert short_eps(0.05) == "0.05" and parse_eps(short_eps(0.05)) == 0.05
    for eps in (0.0, 0.5 / 255, 4 / 255, 1 / 3, 1.0):
        assert parse_eps(exact_eps(eps)) == eps
    assert exact_eps(4 / 255) == "4/255" and grey_steps(3.42 / 255) == "3.42/255 (0.0134)"
