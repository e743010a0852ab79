"""What the viewer is sent: the file's own values to the last bit, within a limit, and the window that was read."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from app_driving import png_of
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from dashboard.components.viewer import Slices, ViewerPicture, ViewerSubject, message
from dashboard.services import viewing
from dashboard.services.results.viewing import Values
from meddef_core.scans import Scan, read_scan, window_range

RNG = np.random.default_rng(0)


def dicom(values: np.ndarray, **attributes: object) -> bytes:
    """A 16-bit film."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    header = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    header.SOPClassUID, header.SOPInstanceUID, header.Modality = SecondaryCaptureImageStorage, "1.2.3", "CR"
    header.Rows, header.Columns = values.shape
    header.SamplesPerPixel, header.PhotometricInterpretation, header.PixelRepresentation = 1, "MONOCHROME2", 0
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelData = values.astype("<u2").tobytes()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    buffer = io.BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def sent(data: bytes, *, window: tuple[float, float] | None = None) -> tuple[Scan, Values]:
    scan = read_scan(data, window=window)
    return scan, viewing.values_of(scan, data, known=window_range(data), window=window)


def decoded(values: Values) -> np.ndarray:
    """The values in the units of the file, by another decoder than the browser's."""
    plane = values.plane
    stored = cv2.imdecode(np.frombuffer(plane.png, np.uint8), cv2.IMREAD_UNCHANGED).astype(float)
    return plane.low + stored / plane.top * (plane.high - plane.low)


def drawn(values: Values) -> np.ndarray:
    """As the viewer shows it at first."""
    centre, width = values.window
    share = np.clip((decoded(values) - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5, 0, 1)
    return 1 - share if values.falling else share


FILMS: dict[str, Callable[[np.ndarray], bytes]] = {
    "PNG": png_of,
    "DICOM": lambda values: dicom(values, WindowCenter=9000, WindowWidth=12000),
    "MONOCHROME1": lambda values: dicom(
        values, PhotometricInterpretation="MONOCHROME1", WindowCenter=9000, WindowWidth=12000
    ),
}


@pytest.mark.parametrize("kind", FILMS)
@pytest.mark.parametrize("window", [None, (5000.0, 3000.0)])
def test_a_film_is_sent_with_all_its_values_and_first_shown_as_read(
    kind: str, window: tuple[float, float] | None
) -> None:
    values = RNG.integers(100, 20000, (80, 120)).astype(np.uint16)
    scan, found = sent(FILMS[kind](values), window=window)
    assert found.in_units and found.falling == (kind == "MONOCHROME1")
    np.testing.assert_array_equal(np.rint(decoded(found)), values)
    np.testing.assert_allclose(drawn(found), scan.pixels, atol=1 / 255)


def test_a_contrast_that_is_no_straight_line_is_shown_by_its_grey_levels() -> None:
    values = RNG.integers(100, 20000, (80, 120)).astype(np.uint16)
    data = dicom(values, WindowCenter=9000, WindowWidth=4000, VOILUTFunction="SIGMOID")
    scan, found = sent(data)
    assert not found.in_units and found.plane.high == 255
    np.testing.assert_allclose(drawn(found), scan.pixels, atol=1 / 65535)


def test_eight_bits_are_sent_as_they_are() -> None:
    values = RNG.integers(0, 256, (60, 70)).astype(np.uint8)
    scan = read_scan(png_of(values))
    found = viewing.values_of(scan)
    assert Image.open(io.BytesIO(found.plane.png)).mode == "L"
    np.testing.assert_array_equal(decoded(found), values)
    np.testing.assert_allclose(drawn(found), scan.pixels, atol=1e-6)


def test_a_noisy_film_stays_within_the_limit_and_keeps_its_pixels_and_twelve_bits() -> None:
    rows, columns = np.mgrid[:1024, :1024] / 1024
    smooth = 0.4 + 0.3 * np.sin(3 * columns) * np.cos(2 * rows)
    pixels = np.clip(smooth + RNG.normal(0, 300 / 65535, smooth.shape), 0, 1).astype(np.float32)
    plane = viewing.encoded(pixels, low=0.0, high=65535.0, top=65535)
    assert len(plane.png) <= viewing.MOST_BYTES and plane.sent == plane.shape and plane.top >= 2**12 - 1
    stored = cv2.imdecode(np.frombuffer(plane.png, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(stored / plane.top, pixels, atol=0.5 / plane.top + 1e-6)


def test_a_film_of_pure_noise_loses_pixels_rather_than_the_limit() -> None:
    pixels = RNG.random((2500, 3000), dtype=np.float32)
    plane = viewing.encoded(pixels, low=0.0, high=65535.0, top=65535)
    assert len(plane.png) <= viewing.MOST_BYTES and plane.shape == (2500, 3000)
    assert plane.top >= viewing.LEAST_TOP // 2 and plane.sent < plane.shape


@pytest.mark.parametrize("falling", [False, True])
def test_a_small_picture_of_a_slice_has_the_greys_that_were_read(falling: bool) -> None:
    plane = viewing.encoded(np.zeros((8, 8), np.float32), low=0.0, high=4095.0, top=4095)
    slices = Slices(at=1, texts=("1",), previews=(None,))
    subject = ViewerSubject(
        key="v",
        pictures=(ViewerPicture(plane=plane, name="", alt=""),),
        window=(1000.0, 501.0),
        falling=falling,
        slices=slices,
    )
    scale = message(subject, key="v")["slices"]["scale"]
    value = scale["low"] + 100 / scale["top"] * (scale["high"] - scale["low"])
    share = (value - 999.5) / 500 + 0.5
    assert round(255 * (1 - share if falling else share)) == 100
