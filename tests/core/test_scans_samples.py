"""Phantoms look like B-scans and say what they are; samples are offered without a network or a file name."""

from pathlib import Path

import numpy as np
import pytest
from refusals import refused_as

from meddef_core.data.phantoms import oct_phantom
from meddef_core.data.samples import list_samples
from meddef_core.errors import DataError, ScanError
from meddef_core.scans import read_scan
from meddef_core.tasks import TASKS

CLASSES = TASKS["oct"].classes


@pytest.mark.parametrize("label", CLASSES)
@pytest.mark.parametrize("seed", range(3))
def test_phantom(label: str, seed: int) -> None:
    phantom = oct_phantom(label, seed=seed)
    pixels = phantom.scan.pixels
    assert pixels.shape == phantom.lesion.shape == (496, 496)
    assert pixels.min() >= 0 and pixels.max() <= 1
    assert phantom.scan.container == "synthetic"
    assert "ynthetic" in phantom.title and "synthetic" in phantom.scan.warnings[0]
    assert phantom.lesion.any() == (label != "NORMAL")
    again = oct_phantom(label, seed=seed)
    assert np.array_equal(again.scan.pixels, pixels) and again.scan.digest == phantom.scan.digest
    assert oct_phantom(label, seed=seed + 100).scan.digest != phantom.scan.digest


@pytest.mark.parametrize("label", CLASSES)
def test_phantoms_have_the_brightness_of_real_scans(label: str) -> None:
    """Medians over the OCT test list: mean 0.15 to 0.17, spread 0.14 to 0.15, middle 0.10 to 0.13."""
    pixels = np.stack([oct_phantom(label, seed=seed).scan.pixels for seed in range(3)])
    assert 0.13 < pixels.mean() < 0.19
    assert 0.12 < pixels.std() < 0.17
    low, middle, high = np.percentile(pixels, [10, 50, 99])
    assert 0.02 < low < 0.05 and 0.09 < middle < 0.14 and 0.62 < high < 0.80


def test_phantom_layers_lie_where_they_should() -> None:
    """From the top: dark vitreous, retina, the bright pigment epithelium, a choroid that fades."""
    pixels = oct_phantom("NORMAL").scan.pixels
    pigment = int(np.median(pixels.argmax(axis=0)))
    assert 230 < pigment < 330
    assert pixels[:100].mean() < 0.15 and pixels[-40:].mean() < 0.10
    assert pixels[pigment - 60 : pigment - 30].mean() > 2 * pixels[:100].mean()


@pytest.mark.parametrize(("label", "darker"), [("DME", True), ("DRUSEN", False)])
def test_lesions_look_like_what_they_are(label: str, darker: bool) -> None:
    phantom = oct_phantom(label)
    inside = phantom.scan.pixels[phantom.lesion].mean()
    assert inside < 0.15 if darker else inside > 0.25


def test_unknown_label_is_refused() -> None:
    with refused_as(ScanError, "sample.no-synthetic-scan"):
        oct_phantom("GLAUCOMA")


@pytest.mark.parametrize("task", TASKS)
def test_samples_without_any_data(task: str) -> None:
    samples = list_samples(task)
    assert samples and len({sample.key for sample in samples}) == len(samples)
    assert [sample.key for sample in samples] == [sample.key for sample in list_samples(task)]
    for sample in samples:
        scan = sample.load()
        assert scan.pixels.std() > 0.05
        assert sample.truth is None or sample.truth in TASKS[task].classes
        assert (sample.origin == "synthetic") == (scan.container == "synthetic")


def test_the_chest_film_is_real_dicom_without_its_header() -> None:
    (film,) = list_samples("chest")
    scan = film.load()
    assert (scan.container, scan.bits, scan.size) == ("DICOM", 15, (1955, 1841))
    assert scan.tags["Modality"] == "CR" and scan.tags["ViewPosition"] == "PA"
    assert scan.removed == 60
    assert scan.pixels[1000, 900] == pytest.approx(0.8798, abs=1e-4)


def test_samples_refuse_what_does_not_exist(tmp_path: Path) -> None:
    with refused_as(DataError, "task.there-no"):
        list_samples("brain")
    with refused_as(DataError, "sample.data-dir-no-folder"):
        list_samples("oct", data_dir=tmp_path / "gone")
    assert list_samples("oct", data_dir=tmp_path) == list_samples("oct")


@pytest.mark.parametrize("task", TASKS)
def test_samples_of_the_test_lists(task: str, data_dir: Path) -> None:
    samples = [s for s in list_samples(task, data_dir=data_dir) if s.origin.startswith("test set")]
    assert [sample.truth for sample in samples] == [label for label in TASKS[task].classes for _ in range(2)]
    names = {path.stem for path in (data_dir / TASKS[task].folder / "test").glob("*/*")}
    for sample in samples:
        assert sample.load().container == "JPEG"
        assert sample.title == f"Test set, {sample.truth}, scan {sample.key[-1]}"
        assert not any(name in repr(sample) for name in names)


def test_full_size_originals_decode(data_dir: Path) -> None:
    paths = sorted((data_dir / "chest_xray_fullres").glob("*/*.jpeg"))
    assert len(paths) == 32
    for path in paths:
        scan = read_scan(path.read_bytes())
        assert min(scan.size) > 400 and scan.pixels.std() > 0.1 and scan.warnings == ()
