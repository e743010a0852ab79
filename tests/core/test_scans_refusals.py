"""Whatever cannot be read is refused in one sentence, and before it costs memory."""

import io
import re
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from refusals import refused_as
from scan_files import data_set, dicom, encapsulated, jpeg, png, ramp, saved, written

from meddef_core.errors import ScanError
from meddef_core.scans import read_scan, transfer_syntaxes
from meddef_core.scans.limits import MAX_BYTES, MAX_INFLATED

GREY = ramp()


def png_claiming(width: int, height: int) -> bytes:
    """A small PNG whose header claims another size."""
    data = bytearray(png(GREY))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(jpeg(GREY))
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def bomb_png() -> bytes:
    """A real bomb: 60 million pixels in some 60 kB."""
    lines = zlib.compress(bytes(6001 * 10_000), 9)
    body = png_claiming(6000, 10_000)
    start = body.index(b"IDAT") - 4
    idat = struct.pack(">I", len(lines)) + b"IDAT" + lines + struct.pack(">I", zlib.crc32(b"IDAT" + lines))
    return body[:start] + idat + png(GREY)[-12:]


def apng() -> bytes:
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    return saved(frames[0], "PNG", save_all=True, append_images=frames[1:])


def without_pixels() -> bytes:
    ds = data_set(GREY)
    del ds.PixelData
    return written(ds)


def compressed_as(syntax: uid.UID, frame: bytes, **elements: int) -> bytes:
    return encapsulated(data_set(GREY), frame, syntax, **elements)


def jpeg_2000_bomb() -> bytes:
    """Rows and Columns look harmless, the JPEG 2000 header asks for 30,000 x 30,000."""
    frame = bytearray(saved(Image.fromarray(GREY), "JPEG2000", no_jp2=True))
    frame[8:16] = struct.pack(">II", 30_000, 30_000)
    return compressed_as(uid.JPEG2000Lossless, bytes(frame))


def rle_bomb() -> bytes:
    """One segment of runs that unpacks to 64 MB for a picture of 2,560 pixels."""
    return compressed_as(uid.RLELossless, struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\x00" * 500_000)


def half_a_jpeg_2000() -> bytes:
    frame = saved(Image.fromarray(GREY), "JPEG2000", no_jp2=True)
    return compressed_as(uid.JPEG2000Lossless, frame[: len(frame) // 2])


def deflated(data_set_bytes: bytes) -> bytes:
    """A DICOM file whose data set was deflated from these bytes."""
    ds = data_set(GREY)
    ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    whole = written(ds)
    end_of_meta = 144 + int.from_bytes(whole[140:144], "little")
    return whole[:end_of_meta] + packer.compress(data_set_bytes) + packer.flush()


def deflated_bomb() -> bytes:
    """120 kB that inflate to 121 MB of pixels."""
    element = b"\x28\x00\x10\x00US\x02\x00\x00\x08"
    return deflated(element + b"\xe0\x7f\x10\x00OB\0\0" + struct.pack("<I", MAX_INFLATED) + bytes(MAX_INFLATED))


def not_finite(value: float) -> bytes:
    values = ramp(dtype=np.float32)
    values[3, 3] = value
    return dicom(values)


def picture(form: str) -> bytes:
    return saved(Image.fromarray(GREY), form)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "over 20 MB": (lambda: png(GREY) + bytes(MAX_BYTES), "20.0 MB and at most 20 MB"),
    "text renamed .png": (lambda: b"Dear colleague, please find attached\n" * 20, "is not an image"),
    "one byte": (lambda: b"\x89", "is not an image"),
    "zeros": (lambda: bytes(1000), "is not an image"),
    "only a PNG mark": (lambda: b"\x89PNG\r\n\x1a\n", "PNG file is damaged or cut short"),
    "only a JPEG mark": (lambda: b"\xff\xd8\xff", "JPEG file is damaged or cut short"),
    "only a DICOM mark": (lambda: bytes(128) + b"DICM", "DICOM file holds no image"),
    "GIF": (lambda: picture("GIF"), "is a GIF file"),
    "BigTIFF": (lambda: b"II+\0" + bytes(500), "is a BigTIFF file"),
    "HEIC": (
        lambda: b"\0\0\0\x18ftypheic" + bytes(500),
        "HEIC photograph, which is not read; open it in a photo viewer",
    ),
    "JPEG 2000": (lambda: picture("JPEG2000"), "is a bare JPEG 2000 file"),
    "PDF": (lambda: b"%PDF-1.7\n" + bytes(500), "is a PDF file"),
    "ZIP": (lambda: b"PK\x03\x04" + bytes(500), "is a ZIP file"),
    "animated PNG": (apng, "is an animation"),
    "PNG over 50 megapixels": (lambda: png_claiming(10_000, 5001), "(50.1 megapixels) and at most 50 megapixels"),
    "PNG of 4 gigapixels a side": (lambda: png_claiming(2**31 - 1, 2**31 - 1), "at most 50 megapixels"),
    "JPEG over 50 megapixels": (lambda: jpeg_claiming(65_000, 65_000), "at most 50 megapixels"),
    "DICOM over 50 megapixels": (lambda: dicom(GREY, Rows=65_000, Columns=65_000), "at most 50 megapixels"),
    "JPEG 2000 bomb in DICOM": (jpeg_2000_bomb, "the compressed picture has 30000 x 30000 x 1"),
    "JPEG bomb in DICOM": (
        lambda: compressed_as(uid.JPEGBaseline8Bit, jpeg_claiming(65_000, 65_000)),
        "the compressed picture has 65000 x 65000 x 1",
    ),
    "RLE bomb in DICOM": (rle_bomb, "DICOM file is damaged"),
    "too small": (lambda: png(ramp(size=(31, 200))), "200 x 31 pixels, too small"),
    "truncated PNG": (lambda: png(GREY)[:-30], "PNG file is damaged or cut short"),
    "truncated JPEG": (lambda: jpeg(GREY)[:-30], "JPEG file is damaged or cut short"),
    "truncated DICOM": (lambda: dicom(GREY)[:-30], "DICOM file is damaged or cut short"),
    "truncated JPEG 2000 in DICOM": (half_a_jpeg_2000, "DICOM file is damaged or cut short"),
    "DICOM without pixels": (without_pixels, "holds no image"),
    "deflated bomb": (deflated_bomb, "inflates to more than 115 MB"),
    "truncated deflated DICOM": (lambda: deflated(bytes(5000))[:-8], "DICOM file is damaged or cut short"),
    "JPEG-LS without a picture": (
        lambda: compressed_as(uid.JPEGLSLossless, b"\xff\xd8\xff\xd9"),
        "damaged or cut short",
    ),
    "MPEG": (lambda: compressed_as(uid.MPEG2MPML, bytes(100)), "stored as MPEG video"),
    "NaN": (lambda: not_finite(float("nan")), "not finite numbers"),
    "infinity": (lambda: not_finite(float("inf")), "not finite numbers"),
    "contradictory colours": (lambda: dicom(GREY, PhotometricInterpretation="RGB"), "Samples per Pixel 1"),
    "unknown colours": (lambda: dicom(GREY, PhotometricInterpretation="HSV"), "stores its colours"),
    "blank": (lambda: png(np.full((64, 64), 90, np.uint8)), "is blank"),
    "nearly blank": (lambda: jpeg(90 + ramp(high=3)), "is blank"),
    "black DICOM": (lambda: dicom(np.zeros((64, 64), np.uint16)), "is blank"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_one_clear_sentence(name: str) -> None:
    make, words = REFUSED[name]
    with pytest.raises(ScanError, match=re.escape(words)) as caught:
        read_scan(make())
    message = str(caught.value)
    assert message[0].isupper() and message.endswith(".") and "\n" not in message
    assert len(re.findall(r"\.(?:\s|$)", message)) == 1, "one sentence"


DECODERS = ("", "pillow", "pylibjpeg", "pydicom", "imagecodecs", "pyjpegls")
SYNTAXES = [number for number, entry in uid.UID_dictionary.items() if entry[1] == "Transfer Syntax"]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_form_of_the_standard_is_read_or_has_a_name(syntax: str) -> None:
    """Each transfer syntax of PS3.6, the retired ones too; none is called damaged."""
    try:
        assert transfer_syntaxes.decoder_of(uid.UID(syntax)) in DECODERS
    except ScanError as error:
        name = re.search(r"stored as (.+), which is not read here", str(error))
        assert name is not None and "unknown" not in name[1] and "1.2.840" not in name[1]


def test_a_private_form_has_no_name() -> None:
    data = compressed_as(uid.JPEGBaseline8Bit, jpeg(GREY))
    private = b"1.2.826.0.1.3680043.99"
    with refused_as(ScanError, "scan.dicom-pixels-stored"):
        read_scan(data.replace(uid.JPEGBaseline8Bit.encode(), private))


def test_a_window_that_hides_everything_says_so() -> None:
    with refused_as(ScanError, "scan.image-blank"):
        read_scan(png(GREY), window=(5000, 10))


@pytest.mark.parametrize("make", [png, jpeg, dicom])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
def test_a_file_cut_anywhere_is_refused(make: Callable[..., bytes], share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    data = make(noise)
    with pytest.raises(ScanError):
        read_scan(data[: int(share * len(data))])


@pytest.mark.parametrize("make", [bomb_png, lambda: png_claiming(30_000, 30_000), jpeg_2000_bomb, rle_bomb])
def test_a_bomb_is_refused_without_being_decoded(make: Callable[[], bytes]) -> None:
    data = make()
    assert len(data) <= 1_002_000
    tracemalloc.start()
    with pytest.raises(ScanError):
        read_scan(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def test_pillows_own_limit_is_left_alone() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ScanError):
        read_scan(png_claiming(30_000, 30_000))
    read_scan(png(GREY))
    assert before == Image.MAX_IMAGE_PIXELS


def test_fifty_megapixels_are_just_read() -> None:
    values = np.zeros((5000, 10_000), np.uint8)
    values[:, ::2] = 255
    assert read_scan(png(values, compress_level=1)).size == (5000, 10_000)


def test_damaged_exif_costs_a_warning_only() -> None:
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read_scan(buffer.getvalue()).size == GREY.shape
