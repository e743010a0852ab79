"""`meddef replay`: a record, and nothing else, is enough to get its numbers again; anything else is one sentence."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from cli_runs import Run, assert_refused
from refusals import refused_as
from tiny_models import save_tiny_model

from meddef_core.attacks import ATTACKS, default_spec, run_attack
from meddef_core.data.samples import list_samples
from meddef_core.errors import RecordError
from meddef_core.intended_use import INTENDED_USE
from meddef_core.prediction.prediction import from_logits, predict, prepare
from meddef_core.records import AttackRecord, PredictionRecord, ScanRef, build, scan_facts
from meddef_core.replay.replaying import compare, read_records, replay
from meddef_core.replay.scan import find_scan
from meddef_core.report.results import attack_numbers, collection, prediction_numbers
from meddef_core.scans import read_scan
from meddef_core.zoo import load_model

ATTACK = ("--task", "oct", "--steps", 2, "--eps", "8/255")
Write = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Puts a document into a file."""

    def call(document: Any) -> Path:
        path = tmp_path / "record.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return call


def sample_record(root: Path, *, name: str = "pgd", **changes: Any) -> dict[str, Any]:
    """An attack on the first drawn OCT scan, which anyone can load."""
    model, scan = load_model("oct/meddef", root), list_samples("oct")[0].load()
    spec, image = default_spec(name, eps=8 / 255, **changes), prepare(model, scan)
    clean = predict(model, image)
    result = run_attack(model.network, image, torch.tensor([clean.index]), spec)
    attacked = from_logits(model, result.adversarial_logits[0])
    numbers = attack_numbers(result, clean, attacked, label=clean.label)
    return build(AttackRecord, model=model, scan=scan_facts(scan), spec=spec, numbers=numbers).document()


def together(*documents: dict[str, Any]) -> dict[str, Any]:
    """Several documents as one file holds them."""
    return collection([AttackRecord.model_validate(each) for each in documents]).document()


@pytest.fixture(scope="module")
def attack_record(models: Path) -> dict[str, Any]:
    return sample_record(models, steps=2)


# ---- the same numbers --------------------------------------------------------------------------------------------


def test_a_reading_is_replayed(run: Run, scan: Path, write: Write) -> None:
    document = run("predict", scan, "--task", "oct", "--json").document
    result = run("replay", write(document), "--scan", scan, "--json")
    assert result.code == 0
    found = result.document
    assert found["same"] is True and found["intended_use"] == INTENDED_USE
    (one,) = found["replays"]
    rows = {row["name"]: row for row in one["numbers"]}
    assert rows["probabilities"]["recorded"] == document["numbers"]["probabilities"]
    assert rows["probabilities"]["replayed"] == pytest.approx(document["numbers"]["probabilities"], abs=1e-6)
    assert rows["label"]["same"] and rows["logits"]["difference"] <= 1e-5
    assert one["versions"]["recorded"] == document["versions"] == one["versions"]["here"]


def test_a_reading_with_its_maps_is_replayed(run: Run, scan: Path, write: Write) -> None:
    document = run("predict", scan, "--task", "oct", "--maps", "--json").document
    (one,) = run("replay", write(document), "--scan", scan, "--json").document["replays"]
    assert one["same"] and any(row["name"] == "maps.gradcam.grid" for row in one["numbers"])


@pytest.mark.parametrize("name", ["pgd", "square", "deepfool", "noise", "noise_l0"])
def test_an_attack_is_replayed_to_the_same_image(run: Run, scan: Path, write: Write, name: str) -> None:
    steps = ("--steps", 3) if "steps" in ATTACKS[name].settings else ()
    document = run("attack", scan, "--task", "oct", "--attack", name, *steps, "--seed", 4, "--json").document
    result = run("replay", write(document), "--scan", scan, "--json")
    assert result.code == 0
    (one,) = result.document["replays"]
    assert one["same"] and one["image_identical"] is True
    assert {row["name"].partition(".")[0] for row in one["numbers"]} == document["numbers"].keys() - {
        "adversarial_sha256"
    }


def test_a_transfer_is_replayed_on_its_source(run: Run, scan: Path, write: Write) -> None:
    document = run("attack", scan, *ATTACK, "--attack", "transfer", "--json").document
    assert run("replay", write(document), "--scan", scan).code == 0
    document["numbers"]["source"]["weights_sha256"] = "0" * 64
    assert_refused(run("replay", write(document), "--scan", scan), "other weights of oct/undefended")


def test_a_sample_is_found_by_its_bytes_and_by_its_key(run: Run, write: Write, attack_record: dict[str, Any]) -> None:
    said = run("replay", write(attack_record))
    assert said.code == 0 and "the same" in said.out and "identical bit by bit" in said.out
    named = copy.deepcopy(attack_record)
    named["scan"]["sample"] = "synthetic-NORMAL"
    assert run("replay", write(named)).code == 0
    named["scan"]["sample"] = "synthetic-DME"
    assert_refused(run("replay", write(named)), "drawn or packaged differently")


def test_a_scan_of_the_data_folder_is_found_by_its_bytes(run: Run, write: Write, tiny_data: Path) -> None:
    path = sorted((tiny_data / "oct" / "val").rglob("*.jpeg"))[-1]
    document = run("predict", path, "--task", "oct", "--json").document
    assert run("replay", write(document), "--data-dir", tiny_data).code == 0
    assert path.name not in json.dumps(document)
    assert_refused(run("replay", write(document)), "name its file with --scan")


def test_a_collection_replays_every_record(run: Run, write: Write, attack_record: dict[str, Any]) -> None:
    result = run("replay", write(together(attack_record, attack_record)), "--json")
    assert result.code == 0 and len(result.document["replays"]) == 2
    wrong = copy.deepcopy(attack_record)
    wrong["numbers"]["linf"] = 0.5
    assert run("replay", write(together(attack_record, wrong))).code == 1


def test_a_record_of_version_1_is_replayed(run: Run, write: Write, attack_record: dict[str, Any]) -> None:
    """As the dashboard wrote it: without the success of each step, and the model without its card."""
    document = copy.deepcopy(attack_record)
    document["schema_version"] = 1
    del document["model"]["card_sha256"], document["population"]
    for step in document["numbers"]["trace"]:
        del step["success"]
    assert run("replay", write(document)).code == 0
    document["numbers"]["trace"][1]["loss"] += 0.1
    assert run("replay", write(document)).code == 1


def test_a_defence_around_a_model_is_replayed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from meddef_core.baselines.sides import load_side

    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(models))
    side, scan = load_side("oct/undefended+jpeg"), list_samples("oct")[1].load()
    made = build(PredictionRecord, model=side, scan=scan_facts(scan), numbers=prediction_numbers(predict(side, scan)))
    (recorded,) = read_records(json.dumps(made.document()).encode())
    assert replay(recorded, scan).same


# ---- other numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda numbers: numbers.update(linf=numbers["linf"] + 0.001), "linf"),
        (lambda numbers: numbers["attacked"].update(label="DRUSEN", index=9), "attacked.label"),
        (lambda numbers: numbers.update(success=not numbers["success"]), "success"),
        (lambda numbers: numbers.update(steps_run=3), "steps_run"),
        (lambda numbers: numbers["trace"].append(numbers["trace"][0]), "trace.loss"),
        (lambda numbers: numbers.update(psnr=None), "psnr"),
    ],
)
def test_a_changed_number_is_named_and_exit_code_1(
    run: Run, write: Write, attack_record: dict[str, Any], change: Callable[[dict[str, Any]], Any], name: str
) -> None:
    document = copy.deepcopy(attack_record)
    change(document["numbers"])
    result = run("replay", write(document), "--json")
    assert result.code == 1 and result.err == ""
    (one,) = result.document["replays"]
    assert not result.document["same"] and not one["same"]
    assert name in {row["name"] for row in one["numbers"] if not row["same"]}
    assert "DIFFERENT" in run("replay", write(document)).out


def test_rounding_is_no_difference_and_is_stated(run: Run, write: Write, attack_record: dict[str, Any]) -> None:
    document = copy.deepcopy(attack_record)
    document["numbers"]["linf"] += 2e-5
    document["numbers"]["adversarial_sha256"] = "0" * 64
    document["versions"]["torch"] = "1.0"
    result = run("replay", write(document))
    assert result.code == 0
    assert "not identical bit by bit" in result.out and "within 0.0001 + 0.001" in result.out
    assert "Recorded with torch 1.0, replayed with" in result.out and INTENDED_USE in result.out


def test_another_card_with_the_same_weights_is_told(run: Run, write: Write, attack_record: dict[str, Any]) -> None:
    document = copy.deepcopy(attack_record)
    document["model"]["card_sha256"] = "0" * 64
    result = run("replay", write(document))
    assert result.code == 0 and "card of oct/meddef is not the recorded card" in result.err


def test_compare_keeps_kinds_apart() -> None:
    recorded = {"a": 1, "b": True, "c": 1.0, "d": None, "e": [0.5, 0.25], "f": "x"}
    assert all(row.same for row in compare(recorded, {**recorded, "new": 3}))
    other = {"a": True, "b": 1, "c": True, "d": 0.0, "e": [0.5], "f": None}
    assert not any(row.same for row in compare(recorded, other))
    (row,) = compare({"e": [0.5, 0.25]}, {"e": [0.5, 0.2501]})
    assert row.difference == pytest.approx(1e-4) and row.same
    assert compare({"n": float("nan")}, {"n": 1.0})[0].same is False


# ---- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ('{"schema_version": 1, "kind": NaN}', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1, 2]", "no record of MedDef"),
        ('{"a": 1}', "no record of MedDef"),
        ('{"schema_version": 99, "kind": "attack"}', "schema version 99"),
        ('{"schema_version": 1, "kind": "evaluation"}', "kind 'evaluation'"),
        ('{"schema_version": 1, "kind": "prediction"}', "damaged at 'created'"),
        ('{"schema_version": 1, "kind": "collection", "records": []}', "without records"),
        ('{"schema_version": 1, "kind": "collection", "records": [5]}', "no record of MedDef"),
    ],
)
def test_what_is_no_record_is_one_sentence(run: Run, write: Write, text: str, part: str) -> None:
    assert_refused(run("replay", write(text)), part)
    assert_refused(run("replay", write(text), "--json"), part)


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        (("model", "key"), "oct/gone", "no model 'oct/gone'"),
        (("model", "key"), "knee/meddef", "no model 'knee/meddef'"),
        (("model", "weights_sha256"), "0" * 64, "other weights of oct/meddef"),
        (("model", "weights_sha256"), "../../x", "damaged at 'model.weights_sha256'"),
        (("scan",), None, "damaged at 'scan'"),
        (("scan", "sha256"), "f" * 64, "name its file with --scan"),
        (("spec",), None, "damaged at 'spec'"),
        (("spec", "name"), "magic", "no attack 'magic'"),
        (("spec", "warp"), 9, "damaged at 'spec.warp'"),
        (("spec", "steps"), 0, "steps must be"),
        (("numbers", "label"), None, "damaged at 'numbers.label'"),
        (("numbers", "extra"), 1.0, "damaged at 'numbers.extra'"),
        (("numbers", "label"), "KNEE", "'KNEE' is no class"),
        (("numbers", "source"), {"key": 3}, "damaged at 'numbers.source.key'"),
    ],
)
def test_a_record_that_does_not_fit_is_one_sentence(
    run: Run, write: Write, attack_record: dict[str, Any], path: tuple[str, ...], value: Any, part: str
) -> None:
    document = copy.deepcopy(attack_record)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert_refused(run("replay", write(document)), part)


def test_another_scan_is_refused(run: Run, scan: Path, write: Write, attack_record: dict[str, Any]) -> None:
    assert_refused(run("replay", write(attack_record), "--scan", scan), "another scan")
    assert_refused(run("replay", write(attack_record), "--scan", "nowhere.png"), "nowhere.png")
    assert_refused(run("replay", "nowhere.json"), "nowhere.json")
    (recorded,) = read_records(json.dumps(attack_record).encode())
    with refused_as(RecordError, "record.another-scan"):
        replay(recorded, list_samples("oct")[1].load())


def test_changed_weights_are_refused(
    run: Run, write: Write, attack_record: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_model(tmp_path / "others", "oct/meddef", seed=5)
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(tmp_path / "others"))
    assert_refused(run("replay", write(attack_record)), "restore the weights")


def test_a_record_holds_neither_name_nor_pixels(run: Run, scan: Path) -> None:
    written = run("attack", scan, *ATTACK, "--json").out
    assert scan.name not in written and scan.stem not in written
    picture = cv2.imread(str(scan), cv2.IMREAD_GRAYSCALE)
    assert picture is not None and len(written) < 20_000 < picture.size


def test_a_sample_is_read_with_the_window_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = list_samples("chest")[0]
    assert film.data is not None
    window = (9222.0, 12897.0)
    ref = ScanRef(sha256=film.load().digest, window=window, sample=film.key)
    found = find_scan(ref, "chest")
    assert found.digest == film.load().digest
    assert (found.pixels == read_scan(film.data(), window=window).pixels).all()
    assert (found.pixels != film.load().pixels).any()
