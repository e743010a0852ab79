"""Every form that a scan or a volume may come in, and damaged copies of it without end.

`NEW` are the forms that came with volumes and the PACS, `EVERY` has the older ones as well. In a form that packs its
content every second copy is damaged before it is packed: otherwise a checksum would refuse nearly all of them.
"""

import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate
from scan_files import colour, data_set, dicom, encapsulated, jpeg, png, ramp, saved, written
from volume_files import cube, images, opt, opt_data_set, packed, pages, series, vol

GREY = ramp(size=(48, 64))
DEEP = ramp(high=4095, size=(48, 64), dtype=np.uint16)
RGB = colour((48, 64))
CUBE = cube(5, (48, 64))


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, mostly near the beginning where headers are, then perhaps a piece lost, doubled or cut off."""
    made = bytearray(data)
    reach = len(made) if rng.random() < 0.5 else min(len(made), 400)
    for place in rng.integers(0, reach, rng.integers(1, 9)):
        made[place] = rng.choice((0, 0xFF, 0x7F, int(rng.integers(256))))
    start, length = (int(number) for number in rng.integers(0, (len(made), 40)))
    match int(rng.integers(6)):
        case 0:
            del made[start : start + length]
        case 1:
            made[start:start] = made[start : start + length]
        case 2:
            del made[start:]
    return bytes(made)


@dataclass(frozen=True, kw_only=True)
class Form:
    """A whole file; `frame` is asked for where a scan is one of several, and a `volume` is read slice by slice.

    `damaged` makes a copy.
    """

    whole: bytes
    frame: int | None = None
    volume: bool = False
    damage_inside: Callable[[bytes, np.random.Generator], bytes] = mutated

    def damaged(self, rng: np.random.Generator) -> bytes:
        return (self.damage_inside if rng.random() < 0.5 else mutated)(self.whole, rng)


# ---- packed forms, damaged inside --------------------------------------------------------------------------------


def one_entry_damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """An archive that is whole, with one damaged file in it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    chosen = sorted(files)[int(rng.integers(len(files)))]
    return packed(files | {chosen: mutated(files[chosen], rng)})


def _split_deflated(data: bytes) -> tuple[bytes, bytes]:
    """Preamble with meta group, and the deflated data set: group length (0002,0000) tells where it begins."""
    start = 144 + int.from_bytes(data[140:144], "little")
    return data[:start], data[start:]


def data_set_damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """A deflated data set that inflates, to a damaged one."""
    head, body = _split_deflated(data)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    inner = mutated(zlib.decompress(body, wbits=-zlib.MAX_WBITS), rng)
    return head + packer.compress(inner) + packer.flush()


# ---- the new forms -----------------------------------------------------------------------------------------------


def _deflated() -> bytes:
    ds = data_set(DEEP, bits=12, WindowCenter=2000, WindowWidth=3000)
    ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    return written(ds)


def _opt_of_jpegs() -> bytes:
    ds = opt_data_set(CUBE)
    ds.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    ds.PixelData = encapsulate([jpeg(each) for each in CUBE])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return written(ds)


def _in_dicom(stream: bytes, syntax: uid.UID) -> bytes:
    return encapsulated(data_set(DEEP, bits=12), stream, syntax)


def _twelve_in_dicom(stream: bytes) -> bytes:
    ds = data_set(np.dstack([DEEP] * 3), bits=12)
    return encapsulated(ds, stream, uid.JPEGExtended12Bit, PhotometricInterpretation="YBR_FULL")


def _tiff(picture: Image.Image, **options: object) -> bytes:
    return saved(picture, "TIFF", **options)


@cache
def new_forms() -> dict[str, Form]:
    """JPEG Lossless and JPEG-LS, 12-bit JPEG, Deflated, TIFF, BMP, WebP, bare streams, volumes."""
    predictor_1 = imagecodecs.jpeg8_encode(DEEP, lossless=True, bitspersample=12)
    predictor_4 = imagecodecs.jpeg8_encode(DEEP, lossless=True, bitspersample=12, predictor=4)
    jpeg_ls, near = imagecodecs.jpegls_encode(DEEP), imagecodecs.jpegls_encode(DEEP, level=3)
    twelve = imagecodecs.jpeg8_encode(np.dstack([DEEP] * 3), level=95, bitspersample=12)
    floats = (np.random.default_rng(0).random(CUBE.shape) ** 4).astype(np.float32)
    scans = {
        "JPEG Lossless (.57) in DICOM": _in_dicom(predictor_4, uid.JPEGLossless),
        "JPEG Lossless (.70) in DICOM": _in_dicom(predictor_1, uid.JPEGLosslessSV1),
        "JPEG-LS (.80) in DICOM": _in_dicom(jpeg_ls, uid.JPEGLSLossless),
        "JPEG-LS (.81) in DICOM": _in_dicom(near, uid.JPEGLSNearLossless),
        "12-bit JPEG (.51) in DICOM": _twelve_in_dicom(twelve),
        "bare JPEG Lossless": predictor_1,
        "bare JPEG-LS": jpeg_ls,
        "bare 12-bit JPEG": twelve,
        "TIFF, 16 bits": _tiff(Image.fromarray(DEEP)),
        "TIFF, LZW": _tiff(Image.fromarray(RGB), compression="tiff_lzw"),
        "TIFF, deflate": _tiff(Image.fromarray(RGB), compression="tiff_adobe_deflate"),
        "TIFF, JPEG": _tiff(Image.fromarray(RGB), compression="jpeg"),
        "BMP": saved(Image.fromarray(RGB), "BMP"),
        "BMP with a palette": saved(Image.fromarray(RGB).quantize(16), "BMP"),
        "WebP": saved(Image.fromarray(RGB), "WEBP"),
        "WebP without loss": saved(Image.fromarray(RGB), "WEBP", lossless=True),
    }
    volumes = {
        "OPT, multi-frame": opt(CUBE),
        "OPT of JPEGs": _opt_of_jpegs(),
        "TIFF of pages": pages(CUBE),
        "TIFF of pages, LZW": pages(CUBE, compression="tiff_lzw"),
        "Heidelberg .vol": vol(floats, fundus=cube(1, (50, 70), seed=5)[0]),
    }
    archives = {
        "ZIP of pictures": packed(images(CUBE)),
        "ZIP of a DICOM series": packed(series(CUBE)),
        "ZIP of OPT": packed({"a": opt(CUBE)}),
        "ZIP of .vol": packed({"a.vol": vol(floats)}),
    }
    return {
        **{name: Form(whole=data) for name, data in scans.items()},
        "Deflated DICOM": Form(whole=_deflated(), damage_inside=data_set_damaged),
        "one page of a TIFF": Form(whole=pages(CUBE[:2]), frame=2),
        **{name: Form(whole=data, volume=True) for name, data in volumes.items()},
        **{name: Form(whole=data, volume=True, damage_inside=one_entry_damaged) for name, data in archives.items()},
    }


@cache
def every_form() -> dict[str, Form]:
    """The new ones, and PNG, JPEG and the DICOM forms of before."""
    from test_scans_fuzz import VALID

    big = {
        "PNG, 8 bits": png(GREY),
        "JPEG in colour": jpeg(RGB),
        "DICOM, uncompressed": dicom(DEEP, bits=12, WindowCenter=2000, WindowWidth=3000),
    }
    return {**new_forms(), **{name: Form(whole=data) for name, data in (VALID | big).items()}}


NEW = tuple(new_forms())
EVERY = tuple(every_form())
