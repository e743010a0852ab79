"""Bytes of a file in, one `Scan` out. What a file is, its first bytes tell; its name is never asked."""

import numpy as np

from meddef_core.errors import ScanError
from meddef_core.scans import limits
from meddef_core.scans.dicom import read_dicom
from meddef_core.scans.dicom_parse import is_dicom
from meddef_core.scans.heidelberg import is_vol, read_vol
from meddef_core.scans.opened import container_of
from meddef_core.scans.raster import read_channels, read_raster
from meddef_core.scans.scan import Pixels, Scan
from meddef_core.scans.vendor import check_vendor
from meddef_core.text import Text

_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "a GIF"),
    (0, b"II+\0", "a BigTIFF"),
    (0, b"MM\0+", "a BigTIFF"),
    (0, b"%PDF", "a PDF"),
    (4, b"ftypavif", "an AVIF"),
    (0, b"\0\0\0\x0cjP  ", "a bare JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "a bare JPEG 2000"),
    (0, b"PK\x03\x04", "a ZIP"),
    (0, b"\x1f\x8b", "a gzip"),
)
"""Known formats that are not read: where their mark stands, the mark, their name."""

_HEIC = (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")
"""How the photographs of telephones begin, behind four bytes (ISO/IEC 23008-12)."""


def read_scan(
    data: bytes,
    *,
    frame: int | None = None,
    window: tuple[float, float] | None = None,
    most_bytes: int = limits.MAX_BYTES,
) -> Scan:
    """Read one DICOM, PNG, JPEG, TIFF, BMP or WebP file, or one B-scan of a Heidelberg .vol file.

    Args:
        data: the whole file, at most `most_bytes`, which are 20 MB but for one that holds a volume.
        frame: which frame of a multi-frame DICOM or page of a TIFF, counted from 1 as DICOM counts them.
        window: (centre, width) to show instead of what the file asks for; in modality units (after rescale) for DICOM,
            in stored values for pictures.

    Raises:
        ScanError: the file cannot be read as a scan; the message says why and what to do. Its subclass FrameError has
            the number of `frames` to choose from.
    """
    limits.check_bytes(data, most=most_bytes)
    if is_dicom(data):
        return read_dicom(data, frame=frame, window=window)
    if is_vol(data):
        return read_vol(data, frame=frame, window=window)
    container = container_of(data)
    if container is not None:
        return read_raster(data, container=container, frame=frame, window=window)
    if data.startswith(_HEIC, 4):
        raise ScanError(
            Text(
                "scan.file-heic",
                "The file is a HEIC photograph, which is not read; open it in a photo viewer, export it as JPEG and "
                "choose "
                "that file.",
            )
        )
    for offset, mark, name in _OTHERS:
        if data.startswith(mark, offset):
            raise ScanError(
                Text(
                    "scan.file-name",
                    "The file is {name} file, which is not read; export the scan as PNG, JPEG or DICOM.",
                    name=name,
                )
            )
    check_vendor(data)
    raise ScanError(Text("scan.file-not", "The file is not an image; choose a scan saved as PNG, JPEG or DICOM."))


def read_picture(data: bytes, *, channels: int) -> Pixels:
    """A picture for a model of `channels` 1 or 3, as float32 (channels, H, W) in [0, 1].

    A view, not to be written to. Its grey is that of `read_scan`. A picture that is no DICOM may also be small or
    plain, and gives its colours for 3 channels. Raises ScanError as `read_scan`.
    """
    limits.check_bytes(data)
    container = None if is_dicom(data) else container_of(data)
    if container is not None:
        return read_channels(data, container=container, channels=channels)
    pixels = read_scan(data).pixels
    return np.broadcast_to(pixels, (channels, *pixels.shape))
