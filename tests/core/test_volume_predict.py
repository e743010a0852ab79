"""All slices of a volume through a model: as each is predicted alone, as a record, as a table, on the command line."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Run, assert_refused
from tiny_models import save_tiny_model
from volume_files import cube, images, opt, packed, pages

from meddef_core.data.phantoms import oct_phantom
from meddef_core.io.worker import CancelledError
from meddef_core.prediction.prediction import predict
from meddef_core.prediction.volume import BATCH, predict_volume
from meddef_core.records import VolumeRecord, build, read
from meddef_core.report.results import document_bytes
from meddef_core.report.slices import slices_csv
from meddef_core.report.volume_results import volume_facts, volume_numbers
from meddef_core.scans import Scan, read_volume
from meddef_core.zoo import LoadedModel, load_model

CUBE = cube(2 * BATCH + 3, (100, 120))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    root: Path = tmp_path_factory.mktemp("models")
    save_tiny_model(root, "oct/meddef")
    return load_model("oct/meddef", root)


@pytest.fixture(scope="module")
def shipped() -> LoadedModel:
    return load_model("oct/meddef")


@pytest.fixture(scope="module")
def drawn() -> bytes:
    """Healthy and diseased phantoms, a noise and a blank slice."""
    labels = ["NORMAL"] * 6 + ["DME"] * 3 + ["CNV"] * 2
    phantoms = [oct_phantom(label, seed=number).scan.pixels for number, label in enumerate(labels)]
    noise = np.random.default_rng(0).random(phantoms[0].shape)
    values = np.stack([*phantoms, noise, np.zeros_like(phantoms[0])])
    return opt((255 * values).round().astype(np.uint8))


def test_each_slice_has_the_prediction_that_it_has_alone(shipped: LoadedModel, drawn: bytes) -> None:
    volume = read_volume(drawn)
    found = predict_volume(shipped, volume)
    assert [row.number for row in found.slices] == list(range(1, len(volume) + 1))
    assert found.slices[-1].prediction is None and "blank" in str(found.slices[-1].problem)
    levels = set()
    for row in found.slices[:-1]:
        scan = volume.scan(row.number)
        alone = predict(shipped, scan)
        together = row.prediction
        assert together is not None
        levels.add(together.level)
        assert (together.label, together.level, together.note) == (alone.label, alone.level, alone.note)
        assert (together.abstained is None) == (alone.abstained is None)
        np.testing.assert_allclose(together.shares, alone.shares, atol=1e-5)
        np.testing.assert_allclose(together.logits, alone.logits, atol=1e-4)
        assert together.familiarity is not None and alone.familiarity is not None
        assert together.familiarity.score == pytest.approx(alone.familiarity.score, abs=1e-4)
        assert (row.short_id, row.digest, row.frame) == (scan.short_id, scan.digest, row.number)
    assert "refused" in levels  # the noise


def test_progress_slices_and_turns_come_in_order(tiny: LoadedModel) -> None:
    told: list[tuple[int, int]] = []
    seen: list[int] = []
    turns: list[str] = []

    @contextmanager
    def turn() -> Iterator[None]:
        turns.append("in")
        yield
        turns.append("out")

    def heard(number: int, scan: Scan) -> None:
        assert np.abs(scan.pixels - CUBE[number - 1] / 255).max() < 1e-5
        seen.append(number)

    volume = read_volume(pages(CUBE))
    predict_volume(tiny, volume, on_progress=lambda *now: told.append(now), on_slice=heard, turn=turn)
    assert told == [(BATCH, 19), (2 * BATCH, 19), (19, 19)]
    assert seen == list(range(1, 20)) and turns == ["in", "out"] * 3


def test_it_stops_when_nobody_waits(tiny: LoadedModel) -> None:
    done: list[int] = []
    with pytest.raises(CancelledError):
        predict_volume(
            tiny,
            read_volume(images(CUBE)),
            on_progress=lambda now, of: done.append(now),
            cancelled=lambda: len(done) > 0,
        )
    assert done == [BATCH]


def test_the_strongest_slice_of_a_finding(shipped: LoadedModel, drawn: bytes) -> None:
    found = predict_volume(shipped, read_volume(drawn))
    assert found.findings == ("CNV", "DME", "DRUSEN")
    for label in found.findings:
        index = found.classes.index(label)
        strongest = found.strongest(label)
        shares = [row.output.shares[index] for row in found.slices if row.output]
        assert strongest is not None and strongest.output is not None
        assert strongest.output.shares[index] == max(shares)


def test_a_volume_of_another_task_has_no_output_for_all_of_it(drawn: bytes) -> None:
    assert predict_volume(load_model("chest/meddef"), read_volume(drawn)).verdict is None


# ---- files -------------------------------------------------------------------------------------------------------


def test_the_record_is_read_back(shipped: LoadedModel, drawn: bytes) -> None:
    volume = read_volume(drawn)
    found = predict_volume(shipped, volume)
    record = build(VolumeRecord, model=shipped, scan=volume_facts(volume), numbers=volume_numbers(volume, found))
    again = read(document_bytes(record))
    assert isinstance(again, VolumeRecord) and again.document() == record.document()
    numbers = again.numbers
    assert (numbers.source, numbers.laterality, len(numbers.slices)) == ("multi-frame DICOM", "R", len(volume))
    assert numbers.volume is not None and found.verdict is not None
    assert numbers.volume.sentence == found.verdict.sentence and numbers.volume.rule == found.verdict.rule
    (claim,) = again.claims()
    assert claim.weights == (shipped.card.weights.sha256,)


def test_the_table_has_one_row_a_slice(shipped: LoadedModel, drawn: bytes) -> None:
    found = predict_volume(shipped, read_volume(drawn))
    rows = list(csv.DictReader(io.StringIO(slices_csv(found, card=shipped.card).decode("utf-8-sig"))))
    assert [row["slice"] for row in rows] == [str(row.number) for row in found.slices]
    for line, row in zip(rows, found.slices, strict=True):
        assert line["remarks"] == row.remarks and bool(line["model_output"]) == (row.output is not None)
        assert line["p_DME"] == ("" if row.output is None else f"{row.output.shares[1]:.6f}")
    assert {row["carries_finding"] for row in rows} <= {"yes", "no"}


# ---- command line ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("volumes")
    (root / "opt.dcm").write_bytes(opt(CUBE[:7]))
    (root / "v.zip").write_bytes(packed(images(CUBE[:7])))
    (root / "folder" / "deep").mkdir(parents=True)
    for name, data in images(CUBE[:7]):
        (root / "folder" / "deep" / name).write_bytes(data)
    return root


@pytest.mark.parametrize("name", ["opt.dcm", "v.zip", "folder"])
def test_predict_takes_a_volume(run: Run, files: Path, name: str) -> None:
    result = run("predict", files / name, "--task", "oct")
    assert result.code == 0 and "7 slices" in result.out and result.out.count("\n    ") == 7
    assert "Strongest for DME: slice" in result.out
    document = run("predict", files / name, "--task", "oct", "--json").document
    assert document["kind"] == "volume"
    assert [row["number"] for row in document["numbers"]["slices"]] == list(range(1, 8))


@pytest.mark.parametrize("name", ["opt.dcm", "v.zip", "folder"])
def test_predict_takes_one_slice_of_it(run: Run, files: Path, name: str) -> None:
    whole = run("predict", files / name, "--task", "oct", "--json").document
    one = run("predict", files / name, "--task", "oct", "--slice", 3, "--json").document
    assert one["kind"] == "prediction" and one["scan"]["id"] == whole["numbers"]["slices"][2]["short_id"]
    third = whole["numbers"]["slices"][2]["prediction"]
    np.testing.assert_allclose(one["numbers"]["shares"], third["shares"], atol=1e-5)
    if name == "opt.dcm":
        framed = run("predict", files / name, "--task", "oct", "--frame", 3, "--json").document
        assert framed["scan"] == one["scan"] and framed["numbers"] == one["numbers"]


def test_the_table_is_written(run: Run, files: Path, tmp_path: Path) -> None:
    assert run("predict", files / "v.zip", "--task", "oct", "--output", tmp_path / "a.csv").code == 0
    assert len((tmp_path / "a.csv").read_text(encoding="utf-8-sig").splitlines()) == 8


def test_what_does_not_go_together_is_refused(run: Run, files: Path, scan: Path, tmp_path: Path) -> None:
    opt_file, task = files / "opt.dcm", ("--task", "oct")
    assert_refused(run("predict", opt_file, *task, "--slice", 8), "choose one from 1 to 7")
    assert_refused(run("predict", opt_file, *task, "--slice", 1, "--frame", 1), "give one of them")
    assert_refused(run("predict", opt_file, *task, "--maps"), "--slice")
    assert_refused(run("predict", opt_file, *task, "--window", 1, 2), "--slice")
    assert_refused(run("predict", scan, *task, "--slice", 1), "single image")
    assert_refused(run("predict", scan, *task, "--output", tmp_path / "a.csv"), "--output")
    assert_refused(run("predict", opt_file, *task, "--output", tmp_path / "a.json"), ".csv")


def test_a_batch_says_that_a_file_is_a_volume(run: Run, files: Path, tmp_path: Path) -> None:
    (tmp_path / "batch").mkdir()
    (tmp_path / "batch" / "a.dcm").write_bytes((files / "opt.dcm").read_bytes())
    document = run("batch", tmp_path / "batch", "--task", "oct", "--json").document
    (row,) = document["numbers"]["rows"]
    assert "a volume of 7 slices" in row["problem"] and "meddef predict" in row["problem"]
