"""Archives and volumes made to harm, and damaged ones, through the workers: slices or one sentence, nothing worse."""

import io
import os
import stat
import struct
import time
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from damage_forms import mutated
from pydicom import uid
from pydicom.encaps import encapsulate
from scan_files import dicom, jpeg, png, written
from volume_files import cube, images, opt, opt_data_set, packed, pages, series

from meddef_core.errors import ScanError
from meddef_core.scans import Scan, close_decoders, isolated, read_volume

COUNT = 60
"""Damaged files of each kind here; `make test-long` reads thousands (test_long_damage.py)."""

LONGEST = 5.0
MOST_MB = 1500
BEFORE: dict[str, float] = {}
"""Resident megabytes of this process before the first test here: other modules may have run in it."""
CUBE = cube(5, (48, 64))


# ---- archives made to harm ---------------------------------------------------------------------------------------


def with_flags(data: bytes, bits: int) -> bytes:
    """Every entry of an archive with more flag bits."""
    made = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := made.find(mark, start + 1)) >= 0:
            made[start + offset] |= bits
    return bytes(made)


def bomb() -> bytes:
    return packed({"1.png": png(CUBE[0]), "2.png": bytes(60_000_000)})


def many_bombs() -> bytes:
    return packed({f"{n}.tif": pages(CUBE)[:64] + bytes(12_000_000) for n in range(40)})


def link() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        info = zipfile.ZipInfo("1.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, "/etc/passwd")
    return stream.getvalue()


def lying_sizes() -> bytes:
    """The directory says that an entry has 100 bytes; it has 30 million."""
    data = bytearray(packed({"1.png": os.urandom(1000) * 300}))
    place = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, place + 24, 100)
    return bytes(data)


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "a bomb": (bomb, "packed far more tightly"),
    "forty bombs": (many_bombs, "packed far more tightly"),
    "a password": (lambda: with_flags(packed(images(CUBE)), 1), "password"),
    "a path that leads out": (lambda: packed({"../1.png": png(CUBE[0]), "2.png": png(CUBE[1])}), "leads out"),
    "an absolute path": (lambda: packed({"/etc/1.png": png(CUBE[0])}), "leads out"),
    "a link": (link, "leads out"),
    "other compression": (lambda: packed(images(CUBE), zipfile.ZIP_LZMA), "unusual way"),
    "nothing in it": (lambda: packed({}), "no file to read"),
    "litter alone": (lambda: packed({"__MACOSX/._1.png": b"x", ".DS_Store": b"x"}), "no file to read"),
    "501 files": (lambda: packed({f"{n}.png": b"x" for n in range(501)}), "501 files"),
    "cut short": (lambda: packed(images(CUBE))[:-30], "no ZIP file, or it is damaged"),
    "sizes that lie": (lying_sizes, "damaged"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_made_to_harm_costs_one_sentence(name: str) -> None:
    make, part = ARCHIVES[name]
    data, began = make(), time.monotonic()
    with pytest.raises(ScanError, match=part):
        read_volume(data)
    assert time.monotonic() - began < LONGEST


# ---- volumes made to harm ----------------------------------------------------------------------------------------


def million_frames() -> bytes:
    return dicom(CUBE, frames=5, NumberOfFrames=2_000_000_000)


def wide_and_few() -> bytes:
    """A frame of 50 megapixels that is not there, 400 times."""
    return dicom(CUBE, frames=5, Rows=7000, Columns=7000, NumberOfFrames=400)


def progressive_frames() -> bytes:
    """Frames that are JPEGs of thousands of empty scans each."""
    from hostile_files import progressive

    ds = opt_data_set(CUBE)
    ds.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    ds.Rows = ds.Columns = 7000
    ds.PixelData = encapsulate([progressive(7000, 3000)] * 5)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return written(ds)


def many_pages() -> bytes:
    page = struct.Struct("<HHHIIHHIIHHIII")
    size = page.size
    made = [b"II*\0\x08\0\0\0"]
    for number in range(900):
        entries = (3, 256, 3, 1, 64, 257, 3, 1, 64, 258, 3, 1, 8, 8 + size * (number + 1))
        made.append(page.pack(*entries))
    return b"".join(made)


VOLUMES: dict[str, Callable[[], bytes | list[tuple[str, bytes]]]] = {
    "two thousand million frames": million_frames,
    "400 frames of 49 megapixels": wide_and_few,
    "frames of empty scans": progressive_frames,
    "900 pages": many_pages,
    "499 headers cut short": lambda: [(f"{n}", dicom(CUBE[0])[:200] + bytes([n % 256, n // 256])) for n in range(499)],
}


@pytest.mark.parametrize("name", VOLUMES)
def test_a_volume_made_to_harm_costs_one_sentence(name: str) -> None:
    files = VOLUMES[name]()
    began = time.monotonic()
    with pytest.raises(ScanError) as caught:
        found = list(read_volume(files).scans())
        raise next(each for each in found if isinstance(each, ScanError))
    assert str(caught.value).endswith(".")
    assert time.monotonic() - began < 2 * LONGEST
    assert most_memory() < MOST_MB


# ---- damaged at random -------------------------------------------------------------------------------------------


def compressed() -> bytes:
    ds = opt_data_set(CUBE)
    ds.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    ds.PixelData = encapsulate([jpeg(each) for each in CUBE])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return written(ds)


@cache
def whole(kind: str) -> bytes:
    return {
        "OPT": lambda: opt(CUBE),
        "OPT, JPEG": compressed,
        "TIFF": lambda: pages(CUBE),
        "TIFF, LZW": lambda: pages(CUBE, compression="tiff_lzw"),
        "ZIP of pictures": lambda: packed(images(CUBE)),
        "ZIP of a series": lambda: packed(series(CUBE)),
        "ZIP of OPT": lambda: packed({"a": opt(CUBE)}),
    }[kind]()


KINDS = ("OPT", "OPT, JPEG", "TIFF", "TIFF, LZW", "ZIP of pictures", "ZIP of a series", "ZIP of OPT")


def most_memory() -> float:
    """The largest resident size in MB that a worker ever had, or by which this process has grown (Linux)."""
    workers = [megabytes(str(pid), "VmHWM") for pid in isolated.decoders().pids]
    return max(megabytes("self", "VmRSS") - BEFORE["self"], *workers, 0.0)


def megabytes(pid: str, field: str) -> float:
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:")), 0.0)


def seconds_of(data: bytes) -> float:
    """Time by the clock to read a file to its end, or to the sentence that refuses it."""
    began = time.monotonic()
    try:
        found = list(read_volume(data).scans())
    except ScanError as error:
        assert str(error).endswith(".") and "\n" not in str(error)
    else:
        assert all(isinstance(each, Scan) or str(each).endswith(".") for each in found)
    return time.monotonic() - began


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_volume_costs_sentences(kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for _ in range(COUNT):
        data = mutated(whole(kind), rng)
        if seconds_of(data) > LONGEST:  # on a busy machine anything may take long once
            assert min(seconds_of(data) for _ in range(3)) < LONGEST
    assert most_memory() < MOST_MB


@pytest.fixture(autouse=True, scope="module")
def own_workers() -> None:
    """Workers that start with this module, so that memory is that of its files."""
    BEFORE["self"] = megabytes("self", "VmRSS")
    close_decoders()
