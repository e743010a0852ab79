"""Usual, unusual, refused: the level of a scan reaches every output of the core, and no number contradicts it."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cli_runs import Result, Run
from levels import TEMPERATURE, save_fit
from pydicom import uid
from scan_files import data_set, ramp, written
from test_exports import texts_of
from tiny_models import save_tiny_model

from meddef_core.intended_use import INTENDED_USE
from meddef_core.io.arrays import as_picture
from meddef_core.prediction.abstention import Level
from meddef_core.prediction.prediction import prepare
from meddef_core.replay.replaying import read_records, replay
from meddef_core.report import facts
from meddef_core.report.one_page import report
from meddef_core.report.panel import panel
from meddef_core.report.sheet import Sheet, SheetSide
from meddef_core.scans import read_scan
from meddef_core.tasks import TASKS
from meddef_core.zoo import load_model

FITTING = {"BodyPartExamined": "CHEST", "ViewPosition": "PA", "PatientAge": "003Y"}
PERCENT = re.compile(r"\d%")
ATTACK = ("--attack", "fgsm", "--eps", "8/255")

Fit = Level | None


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[Fit, Path]:
    """A folder of models for each level: in each the model's fit takes every film for that; in one there is none."""
    found: dict[Fit, Path] = {}
    for level in ("usual", "unusual", "refused", None):
        root = found[level] = tmp_path_factory.mktemp(f"{level}")
        save_tiny_model(root, "chest/meddef")
        if level is not None:
            save_fit(root, "chest/meddef", level=level)
    return found


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two DICOM films of the same pixels: one of a child, one that its header calls a lateral view of an adult."""
    root = tmp_path_factory.mktemp("films")
    pixels = ramp(size=(96, 80))
    for name, changes in (("child", {}), ("adult", {"PatientAge": "064Y", "ViewPosition": "LL"})):
        elements = {**FITTING, **changes, "SOPClassUID": uid.ComputedRadiographyImageStorage, "Modality": "CR"}
        (root / f"{name}.dcm").write_bytes(written(data_set(pixels, **elements)))
    return root


@pytest.fixture
def chest(run: Run, roots: dict[Fit, Path], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command on the chest task with the model whose fit takes every film for `level`."""

    def call(level: Fit, *arguments: object) -> Result:
        monkeypatch.setenv("MEDDEF_MODELS_DIR", str(roots[level]))
        result = run(*arguments, "--task", "chest")
        assert result.code == 0, result.err
        return result

    return call


def assert_ends_well(result: Result, film: Path) -> None:
    """The short id, the population and the intended use stand below every answer."""
    assert result.out.endswith(
        f"Scan {read_scan(film.read_bytes()).short_id}. {TASKS['chest'].population.sentence}\n{INTENDED_USE}\n"
    )


# ---- meddef predict ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "label"),
    [("usual", ""), ("unusual", " (uncalibrated for this scan)"), (None, " (uncalibrated)")],
)
def test_predict_labels_what_is_not_calibrated(chest: Any, films: Path, level: Fit, label: str) -> None:
    film = films / "child.dcm"
    result, numbers = chest(level, "predict", film), chest(level, "predict", film, "--json").document["numbers"]
    first, *rest = result.out.splitlines()
    assert re.fullmatch(r"chest/meddef: \w+ \([a-z ]+\), [<>]?\d+\.\d%" + re.escape(label), first)
    assert ("unlike most training scans" in rest[0]) == (level == "unusual")
    assert numbers["level"] == level and numbers["calibration_holds"] == (level == "usual")
    assert (numbers["sentence"] is not None) == (level == "unusual")
    assert numbers["temperature"] == (None if level is None else TEMPERATURE)
    assert numbers["shares"] == (numbers["calibrated"] or numbers["probabilities"])
    assert f"{100 * numbers['shares'][numbers['index']]:.1f}%" in first
    assert_ends_well(result, film)


@pytest.mark.parametrize(
    ("level", "film", "reason"),
    [("refused", "child", "image"), ("usual", "adult", "header"), (None, "adult", "header")],
)
def test_predict_abstains_without_a_number(chest: Any, films: Path, level: Fit, film: str, reason: str) -> None:
    path = films / f"{film}.dcm"
    result, document = chest(level, "predict", path), chest(level, "predict", path, "--json").document
    numbers = document["numbers"]
    assert result.out.startswith(f"chest/meddef abstains. {numbers['sentence']}\n")
    assert not PERCENT.search(result.out)
    assert numbers["level"] == "refused" and numbers["abstained"]["reason"] == reason
    assert numbers["abstained"]["sentence"] == numbers["sentence"] and not numbers["calibration_holds"]
    assert document["population"] == TASKS["chest"].population.sentence
    assert document["scan"]["id"] == read_scan(path.read_bytes()).short_id
    assert_ends_well(result, path)


# ---- meddef attack -----------------------------------------------------------------------------------------------


def test_attack_and_predict_give_a_scan_one_probability(chest: Any, films: Path) -> None:
    film = films / "child.dcm"
    predicted = chest("usual", "predict", film, "--json").document["numbers"]
    attacked = chest("usual", "attack", film, *ATTACK, "--json").document
    clean = attacked["numbers"]["clean"]
    assert clean == predicted and clean["shares"] == clean["calibrated"] != clean["probabilities"]
    assert attacked["numbers"]["attacked"]["shares"] == attacked["numbers"]["attacked"]["calibrated"]
    words = chest("usual", "predict", film).out.splitlines()[0].partition(": ")[2]
    assert f"clean:    {words}\n" in chest("usual", "attack", film, *ATTACK).out


def test_attack_labels_both_outputs_of_an_unusual_scan(chest: Any, films: Path) -> None:
    film = films / "child.dcm"
    result = chest("unusual", "attack", film, *ATTACK)
    shown = [line for line in result.out.splitlines() if line.startswith(("clean:", "attacked:"))]
    assert len(shown) == 2 and all(line.endswith("% (uncalibrated for this scan)") for line in shown)
    assert "unlike most training scans" in result.out
    assert_ends_well(result, film)


@pytest.mark.parametrize(("level", "film"), [("refused", "child"), ("usual", "adult")])
def test_attack_on_a_refused_scan_gives_no_probability(chest: Any, films: Path, level: Fit, film: str) -> None:
    path = films / f"{film}.dcm"
    result = chest(level, "attack", path, *ATTACK)
    assert "chest/meddef abstains. " in result.out and result.out.count("not valid for this image") == 2
    before_measured = result.out.partition("measured:")[0]
    assert not PERCENT.search(before_measured)
    document = chest(level, "attack", path, *ATTACK, "--json").document
    assert document["numbers"]["clean"]["level"] == "refused" and document["scan"]["id"] in result.out


# ---- meddef batch ------------------------------------------------------------------------------------------------


def rows_of(chest: Any, films: Path, tmp_path: Path, level: Fit) -> tuple[Result, dict[str, dict[str, str]]]:
    output = tmp_path / "out.csv"
    result = chest(level, "batch", films, "--output", output)
    lines = csv.DictReader(io.StringIO(output.read_text("utf-8-sig")))
    return result, {line["file"]: line for line in lines}


def test_batch_tells_levels_and_abstentions_apart(chest: Any, films: Path, tmp_path: Path) -> None:
    result, rows = rows_of(chest, films, tmp_path, "unusual")
    child, adult = rows["child.dcm"], rows["adult.dcm"]
    assert (child["level"], child["abstained"], child["abstention_reason"]) == ("unusual", "no", "")
    assert child["model_output"] and child["p_NORMAL"] and child["calibrated"] == "no"
    assert "unlike most training scans" in child["remarks"]
    assert (adult["level"], adult["abstained"], adult["abstention_reason"]) == ("refused", "yes", "header")
    assert adult["model_output"] == adult["p_NORMAL"] == adult["calibrated"] == ""
    assert "view LL" in adult["remarks"] and "unlike" not in adult["remarks"]
    for name, row in rows.items():
        assert row["scan_id"] == read_scan((films / name).read_bytes()).short_id
        assert row["trained_on"] == TASKS["chest"].population.sentence
    assert "unusual: child.dcm" in result.out and "abstained: adult.dcm" in result.out
    assert TASKS["chest"].population.sentence in result.out


def test_batch_calls_a_usual_scan_calibrated(chest: Any, films: Path, tmp_path: Path) -> None:
    result, rows = rows_of(chest, films, tmp_path, "usual")
    assert (rows["child.dcm"]["level"], rows["child.dcm"]["calibrated"]) == ("usual", "yes")
    assert rows["child.dcm"]["remarks"] == "" and "unusual" not in result.out
    told = chest("usual", "batch", films, "--json").document
    outputs = {row["name"]: row["prediction"] for row in told["numbers"]["rows"]}
    assert outputs["child.dcm"]["level"] == "usual" and outputs["adult.dcm"]["level"] == "refused"
    assert rows["child.dcm"]["p_NORMAL"] == f"{outputs['child.dcm']['shares'][0]:.6f}"


# ---- picture and page --------------------------------------------------------------------------------------------


def sheet_of(document: dict[str, Any], root: Path, film: Path) -> Sheet:
    picture = as_picture(prepare(load_model("chest/meddef", root), read_scan(film.read_bytes())))
    (record,) = read_records(json.dumps(document).encode())
    side = SheetSide(title="MedDef", record=record, clean=picture)
    return Sheet(scan="Uploaded scan", truth=None, sides=(side,))


@pytest.mark.parametrize(
    ("level", "film", "head"),
    [
        ("usual", "child", "Calibrated probability"),
        ("unusual", "child", "Probability (uncalibrated for this scan)"),
        (None, "child", "Probability (uncalibrated)"),
    ],
)
def test_a_page_has_one_probability_and_its_label(
    chest: Any, roots: dict[Fit, Path], films: Path, level: Fit, film: str, head: str
) -> None:
    path = films / f"{film}.dcm"
    document = chest(level, "predict", path, "--json").document
    sheet = sheet_of(document, roots[level], path)
    table = facts.probabilities(sheet)
    assert table[0] == ["Class", head]
    numbers = document["numbers"]
    assert [row[1] for row in table[1:]] == [f"{100 * share:.1f}%" for share in numbers["shares"]]
    said = " ".join(texts_of(report(sheet)))
    assert TASKS["chest"].population.sentence in said and f"scan {document['scan']['id']}" in said
    assert ("(uncalibrated for this scan)" in facts.outcome(sheet.sides[0], sheet)) == (level == "unusual")
    assert ("unlike most training scans" in said) == (level == "unusual")
    assert ("They are uncalibrated for this scan." in facts.probability_note(sheet)) == (level == "unusual")
    assert panel(sheet).startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["predict", "attack"])
def test_a_page_of_a_refused_scan_has_no_probability(
    chest: Any, roots: dict[Fit, Path], films: Path, command: str
) -> None:
    path = films / "adult.dcm"
    settings = ATTACK if command == "attack" else ()
    document = chest("usual", command, path, *settings, "--json").document
    sheet = sheet_of(document, roots["usual"], path)
    outcome = facts.outcome(sheet.sides[0], sheet)
    assert outcome.startswith("The model abstains. The file's header says view LL") and not PERCENT.search(outcome)
    assert {cell for row in facts.probabilities(sheet)[1:] for cell in row[1:]} == {facts.NO_VALUE}
    assert ("outputs are not valid" in outcome) == (command == "attack")
    assert "The model abstains." in " ".join(texts_of(report(sheet)))


def test_records_of_before_there_were_levels_are_still_drawn(chest: Any, roots: dict[Fit, Path], films: Path) -> None:
    path = films / "child.dcm"
    document = chest("unusual", "predict", path, "--json").document
    for key in ("level", "shares", "sentence", "calibration_holds"):
        del document["numbers"][key]
    del document["scan"]["id"], document["population"]
    sheet = sheet_of(document, roots["unusual"], path)
    assert "(uncalibrated for this scan)" in facts.outcome(sheet.sides[0], sheet)
    assert report(sheet)


# ---- replay ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["predict", "attack"])
def test_a_replay_says_that_the_model_abstains(chest: Any, run: Run, films: Path, tmp_path: Path, command: str) -> None:
    path, kept = films / "adult.dcm", tmp_path / "record.json"
    settings = ATTACK if command == "attack" else ()
    result = chest("usual", command, path, *settings, "--json")
    kept.write_text(result.out)
    again = run("replay", kept, "--scan", path)
    assert again.code == 0 and "the same" in again.out
    assert "chest/meddef abstains. The file's header says view LL" in again.out
    assert result.document["scan"]["id"] in again.out
    (one,) = run("replay", kept, "--scan", path, "--json").document["replays"]
    assert one["level"] == "refused" and one["sentence"].startswith("The file's header says view LL")


@pytest.mark.parametrize("command", ["predict", "attack"])
@pytest.mark.parametrize("levels", [True, False])
def test_a_record_made_without_its_header_replays_to_the_same_numbers(
    chest: Any, roots: dict[Fit, Path], films: Path, command: str, levels: bool
) -> None:
    """So records were before headers were checked, and so they are where only the prepared image is at hand."""
    settings = ATTACK if command == "attack" else ()
    child, adult = (read_scan((films / f"{name}.dcm").read_bytes()) for name in ("child", "adult"))
    document = chest("usual", command, films / "child.dcm", *settings, "--json").document
    document["scan"]["sha256"] = adult.digest
    output = document["numbers"]["clean"] if command == "attack" else document["numbers"]
    assert output["abstained"] is None and (child.pixels == adult.pixels).all()
    if not levels:
        for key in ("level", "shares", "sentence", "calibration_holds"):
            del output[key]
    (recorded,) = read_records(json.dumps(document).encode())
    found = replay(recorded, adult)
    assert found.same and found.level == "refused" and found.sentence is not None
    output["label"] = "NORMAL" if output["label"] == "PNEUMONIA" else "PNEUMONIA"
    (recorded,) = read_records(json.dumps(document).encode())
    assert not replay(recorded, adult).same
