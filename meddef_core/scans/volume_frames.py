"""Several pictures of one file, each as `read_scan` reads it, the file parsed once. Runs in a worker (`served`)."""

from collections.abc import Callable, Iterator, Sequence

from meddef_core.errors import ScanError
from meddef_core.scans import limits
from meddef_core.scans.decode import read_scan
from meddef_core.scans.dicom import read_dicom_frames
from meddef_core.scans.dicom_parse import is_dicom
from meddef_core.scans.heidelberg import is_vol, read_vol_frames
from meddef_core.scans.opened import container_of
from meddef_core.scans.raster import read_raster
from meddef_core.scans.scan import Scan, digest_of

CHUNK_BYTES = 32 * 1024**2
"""Bytes of decoded pixels after which the rest is left for the next call: 32 slices of 496 x 512."""


def read_frames(data: bytes, frames: Sequence[int | None]) -> list[Scan | ScanError]:
    """What `read_scan(data, frame=frame)` gives or raises for each of `frames`, from the first one on.

    Fewer than were asked for where they hold more than CHUNK_BYTES, and one at least. Raises ScanError for what is
    wrong with the whole file.
    """
    limits.check_bytes(data, most=limits.MAX_VOLUME_BYTES)
    found: list[Scan | ScanError] = []
    held = 0
    for each in _reader(data)(data, frames):
        found.append(each)
        held += each.pixels.nbytes if isinstance(each, Scan) else 0
        if held >= CHUNK_BYTES:
            break
    return found


def _reader(data: bytes) -> Callable[[bytes, Sequence[int | None]], Iterator[Scan | ScanError]]:
    if is_dicom(data):
        return read_dicom_frames
    return read_vol_frames if is_vol(data) else _pictures


def _pictures(data: bytes, frames: Sequence[int | None]) -> Iterator[Scan | ScanError]:
    container, digest = container_of(data), digest_of(data)
    for frame in frames:
        try:
            if container is None:
                yield read_scan(data, frame=frame, most_bytes=limits.MAX_VOLUME_BYTES)
            else:
                yield read_raster(data, container=container, frame=frame, digest=digest)
        except ScanError as error:
            yield error
