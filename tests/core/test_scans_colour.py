"""False colours, tints and coloured marks, told when a file is decoded."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scan_files import dicom, jpeg, png, saved

from meddef_core.data.phantoms import chest_phantom, oct_phantom
from meddef_core.scans import read_scan
from meddef_core.scans.colour import Colouring, colouring

CASES = Path(__file__).parent / "cases"

PICTURES = {
    **{f"oct {label}": oct_phantom(label, seed=3).scan.pixels for label in ("CNV", "NORMAL")},
    **{f"chest {label}": chest_phantom(label, seed=3).scan.pixels for label in ("NORMAL", "PNEUMONIA")},
}

MAPS = ("JET", "HOT", "BONE", "VIRIDIS", "INFERNO", "TURBO", "OCEAN", "COOL", "PINK", "HSV", "RAINBOW", "AUTUMN")

TINTS = {"sepia": (1.0, 0.95, 0.83), "warm screen": (1.0, 0.97, 0.9), "blue-base film": (0.85, 0.93, 1.0)}


def eight_bit(picture: str) -> np.ndarray:
    return np.round(255 * PICTURES[picture]).astype(np.uint8)


def mapped(grey: np.ndarray, name: str) -> np.ndarray:
    return np.ascontiguousarray(cv2.applyColorMap(grey, getattr(cv2, f"COLORMAP_{name}"))[:, :, ::-1])


def times(grey: np.ndarray, tint: tuple[float, float, float]) -> np.ndarray:
    return np.round(grey[:, :, None] * np.array(tint)).astype(np.uint8)


def as_jpeg(rgb: np.ndarray, quality: int) -> np.ndarray:
    coded = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1])


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("quality", [None, 70])
def test_every_colour_map_is_false_colour(picture: str, name: str, quality: int | None) -> None:
    rgb = mapped(eight_bit(picture), name)
    assert colouring(rgb if quality is None else as_jpeg(rgb, quality)) == "false"


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("channel", range(3))
def test_a_scan_in_one_channel_is_false_colour(picture: str, channel: int) -> None:
    tint = [0.0, 0.0, 0.0]
    tint[channel] = 1.0
    assert colouring(times(eight_bit(picture), (tint[0], tint[1], tint[2]))) == "false"


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("tint", TINTS)
@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_tint_is_no_false_colour(picture: str, tint: str, quality: int) -> None:
    assert colouring(as_jpeg(times(eight_bit(picture), TINTS[tint]), quality)) == "tinted"


@pytest.mark.parametrize("picture", PICTURES)
def test_grey_in_three_channels_is_grey_whatever_jpeg_adds(picture: str) -> None:
    grey = times(eight_bit(picture), (1.0, 1.0, 1.0))
    noisy = np.clip(grey + np.random.default_rng(0).normal(0, 4, grey.shape), 0, 255).astype(np.uint8)
    assert {colouring(one) for one in (grey, as_jpeg(grey, 40), noisy, as_jpeg(noisy, 70))} == {"grey"}


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("ink", [(255, 230, 0), (0, 255, 0), (255, 40, 40)])
def test_a_coloured_caliper_is_a_mark(picture: str, ink: tuple[int, int, int]) -> None:
    rgb = times(eight_bit(picture), (1.0, 1.0, 1.0))
    cv2.line(rgb, (40, 60), (40, 160), ink, 2)
    cv2.putText(rgb, "250 um", (50, 110), cv2.FONT_HERSHEY_SIMPLEX, 0.5, ink, 1)
    assert colouring(rgb) == "marked"


@pytest.mark.parametrize("value", [0, 255])
def test_a_plain_picture_is_grey(value: int) -> None:
    assert colouring(np.full((50, 70, 3), value, np.uint8)) == "grey"


def container(rgb: np.ndarray, form: str) -> bytes:
    if form == "palette":
        return saved(Image.fromarray(rgb).quantize(256), "PNG")
    return {"PNG": png, "JPEG": jpeg, "DICOM": dicom}[form](rgb)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "palette", "DICOM"])
@pytest.mark.parametrize("name,expected", [("JET", "false"), (None, "grey")])
def test_every_reader_tells_false_colour(form: str, name: str | None, expected: Colouring) -> None:
    grey = eight_bit("oct NORMAL")
    scan = read_scan(container(times(grey, (1, 1, 1)) if name is None else mapped(grey, name), form))
    assert scan.false_colour == (expected == "false")
    assert any("false colours" in note for note in scan.warnings) == scan.false_colour


def test_a_tint_and_a_mark_leave_a_note_and_no_more() -> None:
    grey = times(eight_bit("oct NORMAL"), (1.0, 1.0, 1.0))
    grey[100:130, 100:104] = (255, 230, 0)
    marked = read_scan(png(grey))
    tinted = read_scan(png(times(eight_bit("oct NORMAL"), TINTS["sepia"])))
    assert not marked.false_colour and any("coloured marks" in note for note in marked.warnings)
    assert not tinted.false_colour and any("tint" in note for note in tinted.warnings)


def test_the_case_in_jet_is_false_colour_and_the_composite_is_not() -> None:
    assert read_scan((CASES / "43_jet_coloured_drusen.jpg").read_bytes()).false_colour
    assert not read_scan((CASES / "41_heidelberg_layout_ir_left_normal.jpg").read_bytes()).false_colour


def test_real_scans_are_grey(data_dir: Path) -> None:
    folders = ("oct/val", "external/oct_noor", "external/chest_nih", "chest_xray/train", "chest_xray_fullres")
    files = [path for folder in folders for path in sorted((data_dir / folder).glob("*/*.jp*g"))[::60]]
    assert len(files) > 50
    assert not [path.name for path in files if read_scan(path.read_bytes()).false_colour]
