"""JPEG Lossless, JPEG-LS and 12-bit JPEG, bare and inside DICOM, against encoders that the decoders know nothing of."""

from collections.abc import Callable

import imagecodecs
import jpeg_ls
import numpy as np
import pytest
from pydicom import uid
from refusals import refused_as
from scan_files import Array, colour, data_set, encapsulated, ramp

from meddef_core.errors import ScanError
from meddef_core.scans import read_scan
from meddef_core.scans.jpeg_header import jpeg_header

Encode = Callable[[Array], bytes]


def grey(bits: int, *, signed: bool = False) -> Array:
    """Noise that reaches both ends of the range."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    values = np.random.default_rng(bits).integers(low, high, (40, 64), endpoint=True)
    values[0, :2] = low, high
    return values.astype(("i" if signed else "u") + ("1" if bits <= 8 else "2"))


def turbo(bits: int, predictor: int) -> Encode:
    return lambda values: imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=bits, predictor=predictor)


def charls(values: Array) -> bytes:
    return imagecodecs.jpegls_encode(values)


LOSSLESS: dict[str, tuple[int, Encode, uid.UID]] = {
    **{f"predictor {n}": (12, turbo(12, n), uid.JPEGLossless) for n in range(1, 8)},
    **{f"{bits} bits": (bits, turbo(bits, 1), uid.JPEGLosslessSV1) for bits in (8, 10, 12, 14, 16)},
    "another encoder": (12, lambda v: imagecodecs.ljpeg_encode(v, bitspersample=12), uid.JPEGLosslessSV1),
    "whole containers": (12, turbo(16, 1), uid.JPEGLosslessSV1),
    "JPEG-LS, 8 bits": (8, charls, uid.JPEGLSLossless),
    "JPEG-LS, 12 of 16 bits": (12, charls, uid.JPEGLSLossless),
    "JPEG-LS, 16 bits": (16, charls, uid.JPEGLSLossless),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_value_comes_back(name: str) -> None:
    bits, encode, syntax = LOSSLESS[name]
    values = grey(bits)
    window = {"WindowCenter": 2 ** (bits - 1), "WindowWidth": 2**bits}
    whole = encapsulated(data_set(values, bits=bits, **window), encode(values), syntax)
    scan = read_scan(whole)
    np.testing.assert_allclose(scan.pixels, values / (2.0**bits - 1), atol=2e-6)
    assert (scan.bits, scan.warnings) == (bits, ())
    bare = read_scan(encode(values))
    np.testing.assert_allclose(bare.pixels, values / (2.0**bits - 1), atol=2e-6)
    assert bare.container == "JPEG"


@pytest.mark.parametrize("name", [name for name in LOSSLESS if name != "another encoder"])
def test_signs_come_back(name: str) -> None:
    bits, encode, syntax = LOSSLESS[name]
    values = grey(bits, signed=True)
    cut = bits if name not in ("whole containers", "JPEG-LS, 12 of 16 bits") else 8 * values.itemsize
    stored = values.view(f"u{values.itemsize}") & np.array(2**cut - 1, f"u{values.itemsize}")
    window = {"WindowCenter": 0, "WindowWidth": 2**bits}
    scan = read_scan(encapsulated(data_set(values, bits=bits, **window), encode(stored), syntax))
    expected = (values.astype(float) + 2 ** (bits - 1)) / (2.0**bits - 1)
    np.testing.assert_allclose(scan.pixels, expected, atol=2e-6)


@pytest.mark.parametrize("form", ["lossless", "by plane", "by line", "by pixel"])
def test_colours_without_loss(form: str) -> None:
    rgb = colour()
    if form == "lossless":
        stream, syntax = imagecodecs.jpeg8_encode(rgb, lossless=True), uid.JPEGLosslessSV1
    elif form == "by line":
        stream, syntax = bytes(jpeg_ls.encode_array(rgb, interleave_mode=1)), uid.JPEGLSLossless
    else:
        planar = int(form == "by plane")
        source = rgb.transpose(2, 0, 1).tobytes() if planar else rgb.tobytes()
        facts = {"rows": 40, "columns": 64, "samples_per_pixel": 3, "bits_stored": 8, "planar_configuration": planar}
        stream, syntax = bytes(jpeg_ls.encode_pixel_data(source, **facts)), uid.JPEGLSLossless
    expected = read_scan(encapsulated(data_set(rgb), stream, syntax)).pixels
    np.testing.assert_allclose(expected, rgb @ [0.299, 0.587, 0.114] / 255, atol=0.003)
    assert np.array_equal(read_scan(stream).pixels, expected)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colours_of_lossless_planes_are_those_of_the_header(photometric: str) -> None:
    """Nothing in a JPEG-LS stream tells whether its planes are RGB."""
    planes = np.dstack([ramp(low=90, high=160), np.full((40, 64), 110, np.uint8), np.full((40, 64), 150, np.uint8)])
    stream = imagecodecs.jpegls_encode(planes)
    scan = read_scan(encapsulated(data_set(planes), stream, uid.JPEGLSLossless, PhotometricInterpretation=photometric))
    expected = planes[..., 0] / 255 if photometric == "YBR_FULL" else planes @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(scan.pixels, expected, atol=0.01)


@pytest.mark.parametrize(
    "syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLosslessSV1, uid.JPEGLSLossless]
)
@pytest.mark.parametrize("form", ["lossless", "JPEG-LS"])
def test_a_stream_is_known_by_itself(form: str, syntax: uid.UID) -> None:
    """Many archives write the transfer syntax of another JPEG."""
    values = grey(12)
    stream = turbo(12, 1)(values) if form == "lossless" else charls(values)
    scan = read_scan(encapsulated(data_set(values, bits=12, WindowCenter=2048, WindowWidth=4096), stream, syntax))
    np.testing.assert_allclose(scan.pixels, values / 4095, atol=2e-6)


def test_near_lossless_is_near() -> None:
    values = grey(8)
    stream = imagecodecs.jpegls_encode(values, level=3)
    scan = read_scan(encapsulated(data_set(values), stream, uid.JPEGLSNearLossless))
    assert 0 < float(np.abs(scan.pixels * 255 - values).max()) <= 3.001


STREAMS = {
    "JPEG Lossless": (turbo(12, 1)(grey(12)), uid.JPEGLosslessSV1),
    "JPEG-LS": (charls(grey(12)), uid.JPEGLSLossless),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_half_a_stream_is_damage(name: str, share: float) -> None:
    stream, syntax = STREAMS[name]
    cut = stream[: int(share * len(stream))]
    for data in (cut, encapsulated(data_set(grey(12), bits=12), cut, syntax)):
        with refused_as(ScanError, "scan.container-file"):
            read_scan(data)


@pytest.mark.parametrize("name", STREAMS)
def test_a_size_that_is_not_the_headers_is_refused_before_it_is_decoded(name: str) -> None:
    stream, syntax = STREAMS[name]
    found = jpeg_header(stream)
    assert found is not None
    mark = bytes((0xFF, found.kind))
    start = stream.index(mark) + 5
    claiming = stream[:start] + b"\xff\xff\xff\xff" + stream[start + 4 :]
    with pytest.raises(ScanError, match="the compressed picture has 65535 x 65535 x 1"):
        read_scan(encapsulated(data_set(grey(12), bits=12), claiming, syntax))
    with pytest.raises(ScanError, match="at most 50 megapixels"):
        read_scan(claiming)


@pytest.mark.parametrize("name", STREAMS)
def test_padding_behind_the_end_is_no_damage(name: str) -> None:
    stream, syntax = STREAMS[name]
    values = grey(12)
    for padding in (b"\0", bytes(64)):
        data = encapsulated(data_set(values, bits=12, WindowCenter=2048, WindowWidth=4096), stream + padding, syntax)
        np.testing.assert_allclose(read_scan(data).pixels, values / 4095, atol=2e-6)
