"""Heidelberg .vol: the raw export of HEYEX, a header, the picture of the fundus, then B-scans of 32-bit intensities.

The layout is the one that Heidelberg Engineering published for the "Raw data (.vol)" export (versions HSF-OCT-100 to
103), as open readers describe it. It was written from that description: no file of a device was at hand. Names and
dates in the header are not read.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from meddef_core.errors import ScanError
from meddef_core.scans import limits
from meddef_core.scans.damage import damaged, refusing_damage
from meddef_core.scans.dicom import ROW_MM
from meddef_core.scans.scan import Pixels, Scan, digest_of
from meddef_core.text import Text

MARK = b"HSF-OCT-"

NAME = "VOL"
"""What `Scan.container` calls it."""

HEADER = 2048
"""Bytes before the picture of the fundus."""

_SIZES = struct.Struct("<12siiiddd ii dd".replace(" ", ""))
"""Version; columns, B-scans and rows; millimetres across, between slices and down; the fundus: columns, rows and
millimetres of each. From byte 0."""

_POSITION, _SCAN_HEADER = 84, 100
"""Where the eye ("OD" or "OS") and the bytes of a B-scan's own header stand."""

_INVALID = 1.0
"""Intensities are shares of the brightest; what lies outside the scan has the largest number of its type."""

_LEAST_HEADER, _MOST_HEADER = 256, 4096

_EYES = {b"OD": "R", b"OS": "L"}


@dataclass(frozen=True)
class Vol:
    """What the header of a file tells. Lengths are in millimetres."""

    slices: int
    rows: int
    columns: int
    row_mm: float
    column_mm: float
    slice_mm: float
    eye: str | None
    fundus: tuple[int, int]
    """Rows and columns."""
    scan_header: int

    @property
    def start(self) -> int:
        """Where the first B-scan's header stands."""
        return HEADER + self.fundus[0] * self.fundus[1]

    @property
    def stride(self) -> int:
        """Bytes from one B-scan to the next."""
        return self.scan_header + 4 * self.rows * self.columns


def is_vol(data: bytes) -> bool:
    """Whether the bytes begin as a .vol file does."""
    return data.startswith(MARK)


def read_header(data: bytes) -> Vol:
    """The header, its sizes compared with the file's; raises ScanError."""
    with refusing_damage(NAME):
        found = _SIZES.unpack_from(data)
        (scan_header,) = struct.unpack_from("<i", data, _SCAN_HEADER)
    _, columns, slices, rows, across, between, down, fundus_columns, fundus_rows, _, _ = found
    if slices < 1 or not _LEAST_HEADER <= scan_header <= _MOST_HEADER or min(fundus_rows, fundus_columns) < 0:
        raise damaged(NAME)
    limits.check_size(rows, columns)
    made = Vol(
        slices, rows, columns, down, across, between, _EYES.get(data[_POSITION : _POSITION + 2]),
        (fundus_rows, fundus_columns), scan_header,
    )  # fmt: skip
    if made.start + slices * made.stride > len(data):
        raise damaged(NAME)
    return made


def read_vol(data: bytes, *, frame: int | None = None, window: tuple[float, float] | None = None) -> Scan:
    """One B-scan (from 1) as a Scan; raises ScanError, FrameError for one of several."""
    if window is not None:
        raise ScanError(
            Text("scan.window-does-not", "A window does not apply to the intensities of a .vol file; leave it out.")
        )
    (found,) = read_vol_frames(data, (frame,))
    if isinstance(found, ScanError):
        raise found
    return found


def read_vol_frames(data: bytes, frames: Sequence[int | None]) -> Iterator[Scan | ScanError]:
    """Several B-scans, the header read once; one that is refused gives its ScanError."""
    header, digest = read_header(data), digest_of(data)
    tags = {"Modality": "OPT"} | ({} if header.eye is None else {"Laterality": header.eye})
    tags |= {"NumberOfFrames": str(header.slices)} if header.slices > 1 else {}
    for frame in frames:
        try:
            pixels = _grey(data, header, limits.frame_index(frame, frames=header.slices))
            limits.check_not_blank(pixels, windowed=False)
        except ScanError as error:
            yield error
        else:
            row_mm = header.row_mm if ROW_MM[0] <= header.row_mm <= ROW_MM[1] else None
            yield Scan(pixels=pixels, container=NAME, bits=32, digest=digest, tags=tags, row_mm=row_mm)


def fundus_of(data: bytes) -> Scan | None:
    """The picture of the fundus; None where the file has none."""
    header = read_header(data)
    rows, columns = header.fundus
    if rows == 0 or columns == 0:
        return None
    limits.check_size(rows, columns)
    values = np.frombuffer(data, np.uint8, rows * columns, HEADER).reshape(rows, columns)
    pixels = values.astype(np.float32) / np.float32(255)
    return Scan(pixels=pixels, container=NAME, bits=8, digest=digest_of(data))


def _grey(data: bytes, header: Vol, index: int) -> Pixels:
    """The fourth root of the intensities, as HEYEX shows them; what lies outside the scan is black."""
    start = header.start + index * header.stride + header.scan_header
    stored = np.frombuffer(data, "<f4", header.rows * header.columns, start).reshape(header.rows, header.columns)
    with np.errstate(invalid="ignore"):
        inside = (stored >= 0) & (stored <= _INVALID)
    return np.sqrt(np.sqrt(np.where(inside, stored, np.float32(0)))).astype(np.float32)
