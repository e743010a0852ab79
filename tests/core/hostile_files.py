"""Files made to cost a decoder all it has: small, or legal and large. Each is drawn here; two come from a collection.

`HOSTILE` names each and makes it. None of them shows a scan.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from scan_files import data_set, encapsulated, jpeg, png, ramp, saved, written

CASES = Path(__file__).parent / "cases_hostile"

GREY = ramp()
NEARLY_20_MB = 19_500_000


# ---- PNG ---------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, *chunks: bytes, bits: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND")


def deflated_zeros(length: int) -> bytes:
    """`length` zeros, deflated piece by piece so that they never stand in memory."""
    packer, piece = zlib.compressobj(9), bytes(1_000_000)
    found = [packer.compress(piece) for _ in range(length // len(piece))]
    return b"".join((*found, packer.compress(bytes(length % len(piece))), packer.flush()))


def png_bomb(**options: int) -> bytes:
    return png_of(30_000, 30_000, chunk(b"IDAT", deflated_zeros(40_000_000)), **options)


def png_overfull() -> bytes:
    """A picture of 64 x 64 whose data inflate to 400 MB."""
    return png_of(64, 64, chunk(b"IDAT", deflated_zeros(400_000_000)))


def png_of_empty_chunks(kind: bytes) -> bytes:
    return png_of(64, 64, chunk(kind) * (NEARLY_20_MB // 12), chunk(b"IDAT", zlib.compress(bytes(65 * 64))))


def png_texts(kind: bytes, name: bytes) -> bytes:
    """Texts that inflate to a megabyte each."""
    text = chunk(kind, name + deflated_zeros(1_000_000))
    return png_of(64, 64, text * 2000, chunk(b"IDAT", zlib.compress(bytes(65 * 64))))


def png_profile() -> bytes:
    profile = chunk(b"iCCP", b"x\0\0" + deflated_zeros(400_000_000))
    return png_of(64, 64, profile, chunk(b"IDAT", zlib.compress(bytes(65 * 64))))


# ---- JPEG --------------------------------------------------------------------------------------------------------


def segment(kind: int, data: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data


def progressive(side: int, scans: int) -> bytes:
    """A progressive JPEG whose scans are empty: each makes the decoder visit every block."""
    table = b"".join(segment(0xC4, bytes([kind, 1, *[0] * 15, 0])) for kind in (0x00, 0x10))
    frame = segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00")
    first = segment(0xDA, b"\x01\x01\x00\x00\x00\x00")
    again = segment(0xDA, b"\x01\x01\x00\x01\x3f\x00")
    quantisation = segment(0xDB, b"\x00" + bytes([1] * 64))
    return b"\xff\xd8" + quantisation + frame + table + first + again * scans + b"\xff\xd9"


def jpeg_with(extra: bytes) -> bytes:
    plain = jpeg(GREY)
    return plain[:2] + extra + plain[2:]


def exif_segments() -> bytes:
    return jpeg_with(segment(0xE1, b"Exif\0\0II*\0") * (NEARLY_20_MB // 16))


def jpeg_with_a_thousand_tables() -> bytes:
    return jpeg_with(segment(0xDB, b"\x00" + bytes([1] * 64)) * (NEARLY_20_MB // 69))


# ---- JPEG 2000 ---------------------------------------------------------------------------------------------------


def box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, kind) + data


def stream(
    width: int,
    height: int,
    *,
    tile: tuple[int, int] | None = None,
    components: int = 1,
    coding: bytes = b"\x00\x00\x00\x01\x00\x05\x04\x04\x00\x01",
    more: bytes = b"",
    piece: int = 0,
) -> bytes:
    """A codestream of one empty tile, whose headers ask for anything."""
    across, down = tile or (width, height)
    size = struct.pack(">H8IH", 0, width, height, 0, 0, across, down, 0, 0, components) + b"\x07\x01\x01" * components
    headers = segment(0x51, size) + segment(0x52, coding) + segment(0x5C, b"\x40" + b"\x40" * (3 * coding[5] + 1))
    return b"\xff\x4f" + headers + more + segment(0x90, struct.pack(">HIBB", 0, piece, 0, 1)) + b"\xff\x93\xff\xd9"


def jp2(codestream: bytes, *before: bytes) -> bytes:
    kind = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    head = box(b"jp2h", box(b"ihdr", struct.pack(">IIHBBBB", 64, 64, 1, 7, 7, 0, 0)))
    return kind + b"".join(before) + head + box(b"jp2c", codestream)


def in_dicom(frame: bytes, syntax: uid.UID = uid.JPEG2000Lossless, *, side: int = 64, **elements: object) -> bytes:
    """A frame in a DICOM file whose header says that it has `side` x `side` pixels."""
    ds = data_set(ramp(size=(64, 64)))
    ds.Rows = ds.Columns = side
    return encapsulated(ds, frame, syntax, **elements)


def decoy(*, long_box: bool = False) -> bytes:
    """A `uuid` box that holds a small codestream before the real, large one."""
    small = stream(64, 64)
    hidden = struct.pack(">I4sQ", 1, b"uuid", len(small) + 16) + small if long_box else box(b"uuid", small)
    return in_dicom(jp2(stream(40_000, 40_000, components=3), hidden))


def precincts() -> bytes:
    """Precincts of one sample."""
    return in_dicom(stream(7000, 7000, coding=b"\x01\x00\x00\x01\x00\x05\x04\x04\x00\x01" + bytes(6)), side=7000)


def small_blocks() -> bytes:
    return in_dicom(stream(7000, 7000, coding=b"\x00\x00\x00\x01\x00\x05\x00\x00\x00\x01"), side=7000)


def many_layers() -> bytes:
    coding = b"\x00\x00\xff\xff\x00\x05\x04\x04\x00\x01"
    return in_dicom(stream(7000, 7000, tile=(120, 120), coding=coding), side=7000)


def comments() -> bytes:
    return in_dicom(stream(64, 64, more=segment(0x64, b"") * (NEARLY_20_MB // 4)))


def tile_parts() -> bytes:
    part = b"\xff\x90" + struct.pack(">HHIBB", 10, 0, 14, 0, 0) + b"\xff\x93"
    return in_dicom(stream(64, 64, piece=14)[:-2] + part * (NEARLY_20_MB // 14) + b"\xff\xd9")


# ---- RLE ---------------------------------------------------------------------------------------------------------


def run_lengths(offsets: Iterable[int], data: bytes, *, side: int = 64, **elements: object) -> bytes:
    starts = list(offsets)
    header = struct.pack("<16I", len(starts), *starts, *[0] * (15 - len(starts)))
    return in_dicom(header + data, uid.RLELossless, side=side, **elements)


def runs(length: int) -> bytes:
    """`length` equal bytes, in the fewest."""
    return b"\x81\x00" * -(-length // 128)


# ---- DICOM -------------------------------------------------------------------------------------------------------


def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    if kind in (b"SQ", b"UN", b"OB", b"OW"):
        return struct.pack("<HH2sHI", group, number, kind, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, kind, len(value)) + value


def with_elements(extra: bytes) -> bytes:
    """A DICOM file with more elements, as explicit little endian has them, before its last."""
    data = written(data_set(GREY))
    place = data.index(b"\x28\x00\x02\x00US")
    return data[:place] + extra + data[place:]


EMPTY_ITEM = b"\xfe\xff\x00\xe0" + bytes(4)
SEQUENCE_END = b"\xfe\xff\xdd\xe0" + bytes(4)


def undefined_sequence(content: bytes) -> bytes:
    return struct.pack("<HH2sHI", 0x0019, 0x1010, b"SQ", 0, 0xFFFFFFFF) + content + SEQUENCE_END


def nested_sequences(depth: int) -> bytes:
    opening = struct.pack("<HH2sHI", 0x0019, 0x1010, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return with_elements(opening * depth)


def look_up_table(content: bytes) -> bytes:
    """A sequence of defined length, which pydicom parses only when it is asked for."""
    data = written(data_set(GREY))
    place = data.index(b"\xe0\x7f\x10\x00")
    return data[:place] + element(0x0028, 0x3010, b"SQ", content) + data[place:]


def implicit_windows() -> bytes:
    """A window of ten million numbers, which only implicit encoding has room for."""
    ds = data_set(GREY)
    ds.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    ds.WindowWidth = "100"
    data = written(ds)
    place = data.index(b"\x28\x00\x51\x10")
    value = b"1\\" * (NEARLY_20_MB // 2)
    return data[:place] + struct.pack("<HHI", 0x0028, 0x1050, len(value)) + value + data[place:]


def fragments(syntax: uid.UID) -> bytes:
    data = in_dicom(b"\xff\xd8", syntax)
    place = data.rindex(SEQUENCE_END)
    return data[:place] + EMPTY_ITEM * (NEARLY_20_MB // 8) + data[place:]


def segmented_palette() -> bytes:
    """Ten thousand straight lines of 65,535 entries each."""
    ds = data_set(GREY, PhotometricInterpretation="PALETTE COLOR")
    lines = struct.pack("<3H", 0, 1, 0) + struct.pack("<3H", 1, 65_535, 9) * 10_000
    for name in ("Red", "Green", "Blue"):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [0, 0, 16])
        setattr(ds, f"Segmented{name}PaletteColorLookupTableData", lines)
    return written(ds)


def deflated_data_set() -> bytes:
    """A deflated data set of 400 MB."""
    ds = data_set(GREY)
    ds.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    data = written(ds)
    head = data[: data.index(b"1.2.840.10008.1.2.1.99") + 22]
    packer, piece = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), bytes(1_000_000)
    return head + b"".join(packer.compress(piece) for _ in range(400)) + packer.flush()


def tiff_entries() -> bytes:
    """Pillow reads the value of every entry of a directory."""
    count, size = 65_000, 18_000_000
    entries = b"".join(struct.pack("<HHII", 300 + n, 7, size, 800_000) for n in range(count))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(size)


def tiff_pages() -> bytes:
    """Pillow walks from page to page to count them."""
    page = struct.Struct("<HHHIII")
    pages = (page.pack(1, 256, 3, 1, 64, 8 + page.size * (n + 1)) for n in range(400_000))
    return b"".join((b"II*\0\x08\0\0\0", *pages))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "J2K: decoy SIZ, 20,000 x 20,000": lambda: (CASES / "dcm_j2k_decoy_siz").read_bytes(),
    "J2K: 65,000 tiles": lambda: (CASES / "dcm_j2k_tiles_65k").read_bytes(),
    "J2K: decoy SIZ, 40,000 x 40,000": decoy,
    "J2K: decoy SIZ in a box of 64-bit length": partial(decoy, long_box=True),
    "J2K: tiles of one row": lambda: in_dicom(stream(7000, 7000, tile=(7000, 1)), side=7000),
    "J2K: tiles of one sample": lambda: in_dicom(stream(255, 255, tile=(1, 1)), side=255),
    "J2K: 16,384 components": lambda: in_dicom(stream(64, 64, components=16_384)),
    "J2K: precincts of one sample": precincts,
    "J2K: code blocks of 4 x 4": small_blocks,
    "J2K: 65,535 layers": many_layers,
    "J2K: five million comments": comments,
    "J2K: a million tile parts": tile_parts,
    "JPEG: 4,000 empty scans": lambda: progressive(7000, 100_000),
    "JPEG: 4,000 empty scans in DICOM": lambda: in_dicom(progressive(7000, 100_000), uid.JPEGBaseline8Bit, side=7000),
    "JPEG: a million Exif segments": exif_segments,
    "JPEG: five million markers": lambda: jpeg_with(segment(0xE5) * (NEARLY_20_MB // 4)),
    "JPEG: twenty million fill bytes": lambda: jpeg_with(b"\xff" * NEARLY_20_MB),
    "JPEG: ten million escaped marks": lambda: jpeg_with(b"\xff\x00" * (NEARLY_20_MB // 2)),
    "JPEG: twenty million other bytes": lambda: jpeg_with(b"\x41" * NEARLY_20_MB),
    "JPEG: a million restart marks": lambda: jpeg_with(b"\xff\xd0" * (NEARLY_20_MB // 2)),
    "JPEG: 280,000 tables": jpeg_with_a_thousand_tables,
    "JPEG: five million markers in DICOM": lambda: in_dicom(
        jpeg_with(segment(0xE5) * (NEARLY_20_MB // 4)), uid.JPEGBaseline8Bit
    ),
    "PNG: 900 megapixels": png_bomb,
    "PNG: 900 megapixels, 16-bit, interlaced": partial(png_bomb, bits=16, colour=6, interlaced=1),
    "PNG: data that inflate to 400 MB": png_overfull,
    "PNG: a million empty IDAT": lambda: png_of_empty_chunks(b"IDAT"),
    "PNG: a million unknown chunks": lambda: png_of_empty_chunks(b"teSt"),
    "PNG: texts of 2 GB": lambda: png_texts(b"zTXt", b"x\0\0"),
    "PNG: international texts of 2 GB": lambda: png_texts(b"iTXt", b"x\0\1\0\0\0"),
    "PNG: a colour profile of 400 MB": png_profile,
    "RLE: segments that overlap": lambda: run_lengths([64] * 15, b"\x80" * NEARLY_20_MB),
    "RLE: no-ops": lambda: run_lengths([64], b"\x80" * NEARLY_20_MB),
    "RLE: runs of 1 GB": lambda: run_lengths([64], runs(1_000_000_000)),
    "RLE: segments in reverse": lambda: run_lengths(range(15_000_064, 64, -1_000_000), b"\x80" * NEARLY_20_MB),
    "RLE: no segment": lambda: run_lengths([], runs(4096)),
    "DICOM: 2.4 million empty elements": lambda: with_elements(element(0x19, 0x1010, b"LO", b"") * (NEARLY_20_MB // 8)),
    "DICOM: 2.4 million empty items": lambda: with_elements(undefined_sequence(EMPTY_ITEM * (NEARLY_20_MB // 8))),
    "DICOM: a table of 2.4 million empty items": lambda: look_up_table(EMPTY_ITEM * (NEARLY_20_MB // 8)),
    "DICOM: a table of 2.4 million elements": lambda: look_up_table(
        struct.pack("<4sI", EMPTY_ITEM[:4], NEARLY_20_MB // 8 * 8) + element(0x19, 1, b"LO", b"") * (NEARLY_20_MB // 8)
    ),
    "DICOM: sequences 900,000 deep": lambda: nested_sequences(NEARLY_20_MB // 20),
    "DICOM: a window of ten million numbers": implicit_windows,
    "DICOM: 2.4 million fragments (RLE)": lambda: fragments(uid.RLELossless),
    "DICOM: 2.4 million fragments (JPEG)": lambda: fragments(uid.JPEGBaseline8Bit),
    "DICOM: a palette of 600 million entries": segmented_palette,
    "DICOM: a deflated data set of 400 MB": deflated_data_set,
    "TIFF: 65,000 entries that all hold the same 18 MB": tiff_entries,
    "TIFF: 400,000 pages": tiff_pages,
}
"""What it is, and how it is made."""


def legal() -> dict[str, Callable[[], bytes]]:
    """Files of 50 megapixels that break no rule."""
    return {
        "RGBA PNG": lambda: png(np.dstack([_bars(np.uint8)] * 3 + [200 | _bars(np.uint8)]), compress_level=1),
        "16-bit PNG": lambda: png(_bars(np.uint16), compress_level=1),
        "RGB JPEG": lambda: jpeg(np.dstack([_bars(np.uint8)] * 3)),
        "palette RLE": lambda: _bars_in_runs(palette=True),
        "RGB RLE": lambda: _bars_in_runs(samples=3),
        "RGB RLE, 32 bits": lambda: _bars_in_runs(samples=3, width=4),
        "grey RLE, 16 bits": lambda: _bars_in_runs(width=2),
        "grey JPEG 2000": lambda: in_dicom(
            saved(Image.fromarray(_bars(np.uint8)), "JPEG2000", no_jp2=True), Rows=5000, Columns=10_000
        ),
        "RGB JPEG 2000": _rgb_jpeg_2000,
    }


def _bars(dtype: type) -> np.ndarray:
    """(5000, 10000), the two halves of which differ."""
    found = np.zeros((5000, 10_000), dtype)
    found[2500:] = np.iinfo(dtype).max
    return found


def _rgb_jpeg_2000() -> bytes:
    frame = saved(Image.fromarray(np.dstack([_bars(np.uint8)] * 3)), "JPEG2000", no_jp2=True)
    colours = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_RCT", "PlanarConfiguration": 0}
    return in_dicom(frame, Rows=5000, Columns=10_000, **colours)


def _bars_in_runs(*, samples: int = 1, width: int = 1, palette: bool = False) -> bytes:
    segment_data = b"\x81\x00" * (25_000_000 // 128) + b"\x81\xff" * (25_000_000 // 128 + 1)
    count = samples * width
    starts = [64 + n * len(segment_data) for n in range(count)]
    frame = struct.pack("<16I", count, *starts, *[0] * (15 - count)) + segment_data * count
    ds: Dataset = data_set(GREY)
    ds.file_meta.TransferSyntaxUID = uid.RLELossless
    ds.Rows, ds.Columns, ds.SamplesPerPixel = 5000, 10_000, samples
    ds.BitsAllocated = ds.BitsStored = 8 * width
    ds.HighBit = 8 * width - 1
    if samples > 1:
        ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB", 1
    if palette:
        ds.PhotometricInterpretation = "PALETTE COLOR"
        for name in ("Red", "Green", "Blue"):
            setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
            setattr(ds, f"{name}PaletteColorLookupTableData", (np.arange(256) * 257).astype("<u2").tobytes())
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    stream_of = io.BytesIO()
    ds.save_as(stream_of, enforce_file_format=True)
    return stream_of.getvalue()
