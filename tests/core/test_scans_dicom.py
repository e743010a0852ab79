"""DICOM: forms of storage, windows by hand, and what de-identification leaves."""

import dataclasses
import io
import json

import numpy as np
import pytest
from openjpeg.utils import encode_array
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from refusals import refused_as
from scan_files import PATIENT, Array, colour, data_set, dicom, encapsulated, jpeg, ramp, written

from meddef_core.errors import ScanError
from meddef_core.scans import FrameError, read_scan
from meddef_core.scans.contrast import apply_window

GREY = ramp()
TWELVE = ramp(high=4095, dtype=np.uint16)
COLOUR = colour()
LUMA = np.asarray(Image.fromarray(COLOUR).convert("L")) / 255


def near(pixels: Array, expected: Array) -> None:
    np.testing.assert_allclose(pixels, expected, atol=2e-6)


@pytest.mark.parametrize(
    ("values", "bits", "expected"),
    [
        (GREY, 8, GREY / 255),
        (TWELVE, 12, TWELVE / 4095),
        (ramp(low=100, high=900, dtype=np.uint16), 10, (ramp(low=100, high=900, dtype=np.uint16) - 100) / 800),
        (ramp(high=65535, dtype=np.uint16), 16, ramp(high=65535, dtype=np.uint16) / 65535),
        (ramp(low=-1000, high=3000, dtype=np.int16), 16, (ramp(low=-1000, high=3000, dtype=np.int16) + 1000) / 4000),
        (ramp(low=-128, high=127, dtype=np.int8), 8, (ramp(low=-128, high=127, dtype=np.int8) + 128.0) / 255),
    ],
    ids=["8", "12", "10 stretched", "16", "16 signed", "8 signed"],
)
def test_depths_without_a_window(values: Array, bits: int, expected: Array) -> None:
    """8-bit keeps its full range; deeper data run from lowest to highest."""
    scan = read_scan(dicom(values, bits=bits))
    near(scan.pixels, expected)
    assert (scan.container, scan.bits) == ("DICOM", bits)
    assert bool(scan.warnings) == (bits != 8)


def test_monochrome1_is_the_inverse() -> None:
    upright = read_scan(dicom(GREY)).pixels
    inverse = read_scan(dicom(GREY, PhotometricInterpretation="MONOCHROME1")).pixels
    assert np.array_equal(inverse, 1 - upright)


def test_unused_high_bits_are_masked() -> None:
    """Old files keep an overlay in the bits above BitsStored."""
    overlaid = TWELVE | np.uint16(0x8000)
    near(read_scan(dicom(overlaid, bits=12)).pixels, TWELVE / 4095)


def test_linear_window_by_hand() -> None:
    """Centre 40, width 400 of the standard's own example: black at -160 and below, white above 239."""
    values = np.array([[-161, -160, -159, 39, 40, 239, 240]])
    expected = [0, 0, 1 / 399, 199 / 399, 200 / 399, 1, 1]
    near(apply_window(values, 40, 400), np.array([expected]))


def test_linear_exact_and_sigmoid_by_hand() -> None:
    values = np.array([[0, 50, 100, 150, 200]])
    near(apply_window(values, 100, 200, function="LINEAR_EXACT"), np.array([[0, 0.25, 0.5, 0.75, 1]]))
    sigmoid = [1 / (1 + np.exp(2)), 1 / (1 + np.e), 0.5, 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))]
    near(apply_window(values, 100, 200, function="SIGMOID"), np.array([sigmoid]))
    assert np.array_equal(apply_window(values, 100.5, 1), [[0, 0, 0, 1, 1]])
    extreme = apply_window(np.array([[-1e9, 1e9]]), 0, 1, function="SIGMOID")
    assert np.isfinite(extreme).all()


def test_window_of_the_file_after_rescale() -> None:
    """Values 0..4095 become -1024..3071; the first of two windows counts."""
    data = dicom(
        TWELVE, bits=12, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=[40, 500], WindowWidth=[400, 2000]
    )
    units = TWELVE.astype(float) - 1024
    near(read_scan(data).pixels, np.clip((units + 160) / 399, 0, 1))
    near(read_scan(data, window=(500, 2000)).pixels, np.clip((units - 499.5) / 1999 + 0.5, 0, 1))
    assert read_scan(data).warnings == ()


def test_window_function_of_the_file() -> None:
    data = dicom(TWELVE, bits=12, WindowCenter=2048, WindowWidth=1000, VOILUTFunction="SIGMOID")
    near(read_scan(data).pixels, 1 / (1 + np.exp(-4 * (TWELVE - 2048.0) / 1000)))
    exact = dicom(TWELVE, bits=12, WindowCenter=2048, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT")
    near(read_scan(exact).pixels, np.clip((TWELVE - 2048.0) / 1000 + 0.5, 0, 1))


@pytest.mark.parametrize("window", [("", ""), (2048, 0), (2048, ""), (2048, -5)])
def test_a_meaningless_window_in_the_file_is_left_out(window: tuple[object, object]) -> None:
    scan = read_scan(dicom(TWELVE, bits=12, WindowCenter=window[0], WindowWidth=window[1]))
    near(scan.pixels, TWELVE / 4095)
    assert "no usable window" in scan.warnings[0]


@pytest.mark.parametrize("window", [(128, 0), (128, -1), (float("nan"), 10), (128, float("inf"))])
def test_a_meaningless_window_asked_for_is_refused(window: tuple[float, float]) -> None:
    with refused_as(ScanError, "scan.window-centre"):
        read_scan(dicom(GREY), window=window)


def lookup_table(values: list[int], *, bits: int) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(values), 0, bits])
    item.add_new("LUTData", "US", values)
    return Sequence([item])


def test_lookup_tables_of_the_file() -> None:
    """A VOI table that squares goes before the window; a modality table goes before both."""
    squares = [level * level // 255 for level in range(256)]
    data = dicom(GREY, VOILUTSequence=lookup_table(squares, bits=8), WindowCenter=10, WindowWidth=2)
    near(read_scan(data).pixels, np.array(squares)[GREY] / 255)
    doubled = dicom(
        GREY,
        ModalityLUTSequence=lookup_table([2 * level for level in range(256)], bits=16),
        WindowCenter=255.5,
        WindowWidth=511,
    )
    near(read_scan(doubled).pixels, GREY / 255)


def test_padding_is_black_and_does_not_set_the_range() -> None:
    values = ramp(low=500, high=1500, dtype=np.int16)
    padded = values.copy()
    padded[:, :8] = -2000
    scan = read_scan(dicom(padded, PixelPaddingValue=-2000, PhotometricInterpretation="MONOCHROME1"))
    assert (scan.pixels[:, :8] == 0).all()
    seen = values[:, 8:]
    near(scan.pixels[:, 8:], 1 - (seen - float(seen.min())) / (float(seen.max()) - seen.min()))


def test_colour() -> None:
    near(read_scan(dicom(COLOUR)).pixels, LUMA)
    planar = data_set(COLOUR)
    planar.PlanarConfiguration = 1
    planar.PixelData = np.moveaxis(COLOUR, 2, 0).tobytes()
    near(read_scan(written(planar)).pixels, LUMA)
    ybr = np.asarray(Image.fromarray(COLOUR).convert("YCbCr"))
    np.testing.assert_allclose(read_scan(dicom(ybr, PhotometricInterpretation="YBR_FULL")).pixels, LUMA, atol=2.5 / 255)
    deep = dicom(COLOUR.astype(np.uint16) * 257)
    np.testing.assert_allclose(read_scan(deep).pixels, LUMA, atol=0.6 / 255)
    assert "left out" in read_scan(dicom(COLOUR), window=(1, 2)).warnings[0]


def test_palette_colour() -> None:
    ds = data_set(GREY, PhotometricInterpretation="PALETTE COLOR")
    tables = {"Red": np.arange(256), "Green": np.arange(256)[::-1], "Blue": np.arange(256) // 2}
    for name, table in tables.items():
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        ds.add_new(f"{name}PaletteColorLookupTableData", "OW", (table * 257).astype("<u2").tobytes())
    red, green, blue = (table[GREY] for table in tables.values())
    near(read_scan(written(ds)).pixels, (0.299 * red + 0.587 * green + 0.114 * blue) / 255)


def test_jpeg_2000_lossless_is_exact() -> None:
    frame = encode_array(TWELVE, bits_stored=12, photometric_interpretation=2)
    near(read_scan(encapsulated(data_set(TWELVE, bits=12), frame, uid.JPEG2000Lossless)).pixels, TWELVE / 4095)
    frame = encode_array(COLOUR, bits_stored=8, photometric_interpretation=1, use_mct=True)
    data = encapsulated(data_set(COLOUR), frame, uid.JPEG2000Lossless, PhotometricInterpretation="YBR_RCT")
    near(read_scan(data).pixels, LUMA)


def test_jpeg_baseline_equals_the_bare_jpeg() -> None:
    frame = jpeg(GREY)
    data = encapsulated(data_set(GREY), frame, uid.JPEGBaseline8Bit)
    assert np.array_equal(read_scan(data).pixels, read_scan(frame).pixels)
    frame = jpeg(COLOUR)
    data = encapsulated(data_set(COLOUR), frame, uid.JPEGBaseline8Bit, PhotometricInterpretation="YBR_FULL_422")
    np.testing.assert_allclose(read_scan(data).pixels, read_scan(frame).pixels, atol=2.5 / 255)


def test_rle_is_exact() -> None:
    ds = data_set(TWELVE, bits=12)
    ds.compress(uid.RLELossless, generate_instance_uid=False)
    near(read_scan(written(ds)).pixels, TWELVE / 4095)


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_other_ways_to_write_a_data_set(syntax: uid.UID) -> None:
    ds = data_set(TWELVE, bits=12)
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax == uid.ExplicitVRBigEndian:
        ds.PixelData = TWELVE.astype(">u2").tobytes()
    near(read_scan(written(ds)).pixels, TWELVE / 4095)


@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_without_preamble_is_read_when_it_begins_like_one(implicit: bool) -> None:
    ds = data_set(TWELVE, bits=12)
    del ds.file_meta
    buffer = io.BytesIO()
    ds.save_as(buffer, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
    assert buffer.getvalue()[128:132] != b"DICM"
    near(read_scan(buffer.getvalue()).pixels, TWELVE / 4095)


def test_frames_are_counted_from_one() -> None:
    frames = np.stack([ramp(), ramp()[::-1], 255 - ramp()])
    data = dicom(frames, frames=3)
    for number in (1, 2, 3):
        near(read_scan(data, frame=number).pixels, frames[number - 1] / 255)
    with pytest.raises(FrameError, match="holds 3 frames; choose one from 1 to 3") as caught:
        read_scan(data)
    assert caught.value.frames == 3
    for number in (0, 4, -1):
        with pytest.raises(FrameError, match=f"no frame {number}: the file holds 3 frames"):
            read_scan(data, frame=number)


def personal(ds: Dataset) -> Dataset:
    ds.InstitutionName, ds.PatientBirthDate = "General Hospital", "19700101"
    ds.StudyDescription = "chest of Jane Doe"
    ds.add_new(0x00091001, "LO", "private Doe")
    ds.BodyPartExamined, ds.ViewPosition = "CHEST", "PA"
    return ds


def test_only_the_allow_list_is_kept() -> None:
    ds = personal(data_set(GREY))
    scan = read_scan(written(ds))
    assert scan.tags == {
        "Rows": "40",
        "Columns": "64",
        "BitsAllocated": "8",
        "BitsStored": "8",
        "SamplesPerPixel": "1",
        "PixelRepresentation": "0",
        "Modality": "DX",
        "ViewPosition": "PA",
        "BodyPartExamined": "CHEST",
        "PhotometricInterpretation": "MONOCHROME2",
        "SOPClassUID": "DX",
    }
    # HighBit, the SOP instance, name, number, institution, birth date, description and one private element.
    assert scan.removed == len(ds) - len(scan.tags) - 1 == 8


def test_nothing_personal_is_anywhere_in_the_scan() -> None:
    scan = read_scan(written(personal(data_set(GREY))))
    told = {key: value for key, value in dataclasses.asdict(scan).items() if key != "pixels"}
    text = json.dumps(told).lower()
    for secret in ("doe", "jane", PATIENT.lower(), "0815", "hospital", "1970", "1.2.3.4"):
        assert secret not in text


def test_a_name_in_an_allowed_attribute_does_not_pass() -> None:
    ds = data_set(GREY, BodyPartExamined="DOE JANE", Modality="DOE", ViewPosition=["PA", "DOE"])
    assert not {"BodyPartExamined", "Modality", "ViewPosition"} & set(read_scan(written(ds)).tags)


def test_a_name_does_not_reach_the_log(caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder) -> None:
    """pydicom logs, and warns with, values that break the rules of their type."""
    data = dicom(GREY, SOPClassUID="1.2.3.4.5.6.7.8.9", BodyPartExamined="DOE JANE")
    scan = read_scan(data.replace(b"1.2.3.4.5.6.7.8.9", b"doe,jane.chest.99"))
    assert scan.container == "DICOM"
    assert "doe" not in caplog.text.lower() + " ".join(str(warning.message) for warning in recwarn).lower()


@pytest.mark.parametrize(
    ("elements", "warned"),
    [
        ({"BurnedInAnnotation": "YES"}, True),
        ({"BurnedInAnnotation": "NO", "Modality": "US"}, False),
        ({"Modality": "US"}, True),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage}, True),
        ({"SOPClassUID": uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage}, True),
        ({}, False),
    ],
)
def test_burned_in_text_is_warned_of(elements: dict[str, str], warned: bool) -> None:
    scan = read_scan(dicom(GREY, **elements))
    assert any(warning.startswith("Burned-in text possible") for warning in scan.warnings) == warned
