"""Files that people in this field have trouble with: the right grey values, or a sentence with the right reason."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from meddef_core.auditing.modules import load_folder
from meddef_core.errors import ScanError
from meddef_core.scans import Preprocessing, read_scan
from meddef_core.scans.archive import upload_entries
from meddef_core.scans.colour import NOTES
from meddef_core.scans.decode import read_picture
from meddef_core.tasks import TASKS

POINTS = ((40, 60), (128, 120), (200, 180))
"""Row and column."""

WINDOWED = (0.7535, 0.656, 0.888, 0.803)
"""Mean and points of the film in the window 2048 / 4096 on 12 bits."""
STRETCHED = (0.7480, 0.630, 0.910, 0.808)
LOSSY = (0.7536, 0.659, 0.886, 0.800)

READ: dict[str, tuple[tuple[float, ...], float, str]] = {
    "01_jpeg_lossless_sv1_12bit.dcm": (WINDOWED, 0.002, ""),
    "02_jpegls_lossless_12bit.dcm": (WINDOWED, 0.002, ""),
    "03_deflated.dcm": (WINDOWED, 0.002, ""),
    "05_voilut_16bit_declared_12bit_data.dcm": ((0.7397, 0.570, 0.964, 0.890), 0.002, "declares 16 bits"),
    "06_voilut_with_rescale_minus1024.dcm": ((0.7296, 0.562, 0.951, 0.878), 0.002, ""),
    "07_window_decimal_comma.dcm": ((0.6242, 0.453, 0.848, 0.704), 0.002, ""),
    "07b_rescale_decimal_comma.dcm": (STRETCHED, 0.002, "no usable window"),
    "08b_mono2_inverse.dcm": (WINDOWED, 0.002, "Presentation LUT Shape INVERSE contradicts MONOCHROME2"),
    "09_enhanced_frame_window.dcm": ((0.6123, 0.239, 1.000, 0.742), 0.002, ""),
    "10_stale_12bit_window_on_8bit.dcm": ((0.7536, 0.655, 0.886, 0.804), 0.002, "centre 2048, width 4096"),
    "11_padding_us_on_signed.dcm": ((0.6195, 0.630, 0.910, 0.808), 0.002, "no usable window"),
    "12d_jpeg_padded_64_zeros.dcm": (LOSSY, 0.005, ""),
    "14b_ycbcr_no_app_labelled_rgb.dcm": ((0.6958, 0.690, 0.698, 0.773), 0.005, "JPEG holds YCbCr"),
    "15_highbit15_left_justified.dcm": (STRETCHED, 0.002, "no usable window"),
    "16_png16_holding_10bit.png": (WINDOWED, 0.002, "read as 10-bit"),
    "17_bare_jpeg_lossless.jpg": (WINDOWED, 0.002, "read as 12-bit"),
    "20_no_samples_per_pixel.dcm": (WINDOWED, 0.002, "no Samples per Pixel"),
    "20b_no_photometric.dcm": (WINDOWED, 0.002, "no Photometric Interpretation"),
    "20c_no_pixel_representation.dcm": (WINDOWED, 0.002, "no usable Pixel Representation"),
    "21_rescale_slope_0.dcm": (WINDOWED, 0.002, "Rescale Slope 0"),
    "23_window_0_1.dcm": (STRETCHED, 0.002, "centre 0, width 1"),
    "24c_mentions_deflated_uid.dcm": (WINDOWED, 0.002, ""),
    "31_png16_12bit_for_audit.png": (WINDOWED, 0.002, "read as 12-bit"),
}
"""Mean and points, tolerance, and what the one warning says; no warning where it says nothing."""

TWELVE = ("04_jpeg_extended_12bit.dcm", "17c_bare_jpeg12.jpg")
"""One 12-bit picture, 1024 x 256, in DICOM and bare."""

REFUSED = {
    "19_DICOMDIR": "the index of a CD (DICOMDIR); choose the picture itself, or the whole folder",
}


@pytest.fixture(scope="module")
def cases() -> dict[str, bytes]:
    with tarfile.open(Path(__file__).parent / "cases" / "scans.tar.xz") as packed:
        return {member.name: content.read() for member in packed if (content := packed.extractfile(member))}


def test_every_case_has_its_row(cases: dict[str, bytes]) -> None:
    assert set(cases) == {*READ, *REFUSED, *TWELVE, "30_zip_gbk_and_utf8_without_flag.zip"}


@pytest.mark.parametrize("name", READ)
def test_a_case_is_read(cases: dict[str, bytes], name: str) -> None:
    expected, tolerance, warning = READ[name]
    scan = read_scan(cases[name])
    assert scan.size == (256, 240)
    found = (float(scan.pixels.mean()), *(float(scan.pixels[point]) for point in POINTS))
    assert found == pytest.approx(expected, abs=tolerance)
    notes = [note for note in scan.warnings if note not in NOTES.values()]  # how it is coloured is told beside
    assert (len(notes), warning in " ".join(notes)) == (1 if warning else 0, True)


@pytest.mark.parametrize("name", TWELVE)
def test_a_twelve_bit_jpeg_holds_its_stored_values(cases: dict[str, bytes], name: str) -> None:
    scan = read_scan(cases[name])
    assert (scan.size, scan.bits, len(scan.warnings)) == ((1024, 256), 12, 2 if name.endswith(".dcm") else 1)
    highest = 264 if name.endswith(".dcm") else 1023  # stretched to its values, and read as 10 bits
    values = scan.pixels * highest
    assert float(values.mean()) == pytest.approx(14.37, abs=0.01) and round(float(values.max())) == 264
    assert [round(float(values[place])) for place in ((100, 100), (500, 128), (900, 60))] == [1, 10, 1]


@pytest.mark.parametrize("name", ["01_jpeg_lossless_sv1_12bit.dcm", "02_jpegls_lossless_12bit.dcm"])
def test_what_was_compressed_without_loss_is_exact(cases: dict[str, bytes], name: str) -> None:
    assert np.array_equal(read_scan(cases[name]).pixels, read_scan(cases["03_deflated.dcm"]).pixels)


def test_padding_is_black(cases: dict[str, bytes]) -> None:
    pixels = read_scan(cases["11_padding_us_on_signed.dcm"]).pixels
    assert (pixels[:, :40] == 0).all() and (pixels[:, 40:] > 0).any(axis=0).all()


@pytest.mark.parametrize("name", REFUSED)
def test_a_case_is_refused_by_its_form(cases: dict[str, bytes], name: str) -> None:
    with pytest.raises(ScanError) as caught:
        read_scan(cases[name])
    assert REFUSED[name] in str(caught.value) and "damaged" not in str(caught.value)


def test_names_in_an_archive_are_decoded(cases: dict[str, bytes]) -> None:
    name = "30_zip_gbk_and_utf8_without_flag.zip"
    entries = upload_entries([(name, cases[name])], classes=TASKS["chest"].classes)
    assert [(entry.name, entry.truth) for entry in entries] == [
        ("NORMAL/左眼一号.png", "NORMAL"), ("PNEUMONIA/胸片二.png", "PNEUMONIA"),
    ]  # fmt: skip
    assert all(read_scan(entry.load()).size for entry in entries)


@pytest.mark.parametrize("name", READ)
def test_the_audit_takes_in_what_read_scan_gives(cases: dict[str, bytes], tmp_path: Path, name: str) -> None:
    for channels in (1, 3):
        picture = read_picture(cases[name], channels=channels)
        assert picture.shape == (channels, 256, 240) and picture.dtype == np.float32
        if "ycbcr" not in name:
            assert all(np.array_equal(plane, read_scan(cases[name]).pixels) for plane in picture)
    for folder, data in (("a", cases[name]), ("b", cases["03_deflated.dcm"])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"x{Path(name).suffix if folder == 'a' else '.dcm'}").write_bytes(data)
    loaded = load_folder(tmp_path, size=224, channels=1, limit=2)
    # Two ways of resizing, so that only the grey values are compared.
    expected = Preprocessing()(read_scan(cases[name]).pixels)
    assert float(loaded.x[0].mean()) == pytest.approx(float(expected.mean()), abs=0.001)
