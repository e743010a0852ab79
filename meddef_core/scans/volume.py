"""A volume: the B-scans of one acquisition, in order, each decoded when it is wanted.

It may come as a multi-frame DICOM file, as the files of a DICOM series, as numbered pictures, or as a TIFF of several
pages; one file, a ZIP archive, or several files. Only where things lie is held, and the files as they came: a decoded
slice of 496 x 512 has a megabyte. Whatever is decoded is decoded in the worker processes (`isolated`).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from meddef_core.errors import ScanError
from meddef_core.scans import limits
from meddef_core.scans.archive import ArchiveEntry, upload_entries
from meddef_core.scans.heidelberg import NAME as VOL
from meddef_core.scans.isolated import Cancelled, fundus_isolated, read_frames_isolated, read_scan_isolated
from meddef_core.scans.scan import Scan
from meddef_core.scans.volume_files import Arranged, arranged, stop_if
from meddef_core.scans.volume_outline import Laterality
from meddef_core.text import Text

__all__ = ["Source", "StoredSlice", "Volume", "read_volume", "volume_of"]

Source = Literal[
    "multi-frame DICOM", "DICOM series", "numbered images", "multi-page TIFF", "Heidelberg .vol", "single scan"
]


@dataclass(frozen=True)
class StoredSlice:
    """Where a slice is stored: the number of the `member` file, from 0, and its `frame` in it, from 1."""

    member: int
    frame: int | None


@dataclass(frozen=True, eq=False)
class Volume:
    """B-scans in order. A slice's number counts from 1."""

    slices: tuple[StoredSlice, ...]
    source: Source
    digest: str
    """SHA-256 of the file; of several files, of their digests in the order of the slices."""
    slice_mm: float | None = None
    """Distance between neighbouring slices in millimetres, where the files tell it."""
    row_mm: float | None = None
    column_mm: float | None = None
    """Height and width of a pixel in millimetres, where the files tell them."""
    laterality: Laterality | None = None
    localiser: Scan | None = field(default=None, repr=False)
    """The picture of the fundus that came with the slices."""
    notes: tuple[str, ...] = ()
    """Plain sentences about what was assumed, or left out."""
    members: tuple[Callable[[], bytes], ...] = field(default=(), repr=False)
    """Give the bytes of each file."""
    digests: tuple[str, ...] = field(default=(), repr=False)
    """SHA-256 of each file."""

    def __len__(self) -> int:
        return len(self.slices)

    def scan(
        self, number: int, *, window: tuple[float, float] | None = None, cancelled: Cancelled | None = None
    ) -> Scan:
        """Slice `number` (from 1), as `read_scan` reads its file; raises ScanError."""
        place = self.place(number)
        return read_scan_isolated(
            self.bytes_of(number),
            frame=place.frame,
            window=window,
            most_bytes=limits.MAX_VOLUME_BYTES,
            cancelled=cancelled,
        )

    def scans(self, *, cancelled: Cancelled | None = None) -> Iterator[Scan | ScanError]:
        """Every slice in order, a few at a time; one that cannot be read gives its ScanError.

        Raises ScanError where a file costs too much to decode, CancelledError where `cancelled` says so.
        """
        start = 0
        while start < len(self.slices):
            member = self.slices[start].member
            stop = next((n for n in range(start, len(self)) if self.slices[n].member != member), len(self))
            wanted = [place.frame for place in self.slices[start:stop]]
            data = self._loaded(member)
            while wanted:
                stop_if(cancelled)
                if isinstance(data, ScanError):
                    found: list[Scan | ScanError] = [data]
                else:
                    found = read_frames_isolated(data, wanted, cancelled=cancelled)
                wanted = wanted[len(found) :]
                yield from found
            start = stop

    def place(self, number: int) -> StoredSlice:
        """Where slice `number` is stored; raises ScanError for one that there is not."""
        if not 1 <= number <= len(self.slices):
            held = len(self)
            raise ScanError(
                Text(
                    "scan.there-no-slice",
                    "There is no slice {number}: the volume has {held}; choose one from 1 to {held}.",
                    number=number,
                    held=held,
                )
            )
        return self.slices[number - 1]

    def holds(self, digest: str, frame: int | None) -> bool:
        """Whether a frame of the file with that digest is one of the slices."""
        return digest in self.digests and StoredSlice(self.digests.index(digest), frame) in self.slices

    def bytes_of(self, number: int) -> bytes:
        """The file that slice `number` is read from; raises ScanError where an archive cannot give it."""
        return self.members[self.place(number).member]()

    def _loaded(self, member: int) -> bytes | ScanError:
        try:
            return self.members[member]()
        except ScanError as error:
            return error


def read_volume(source: bytes | Sequence[tuple[str, bytes]], *, cancelled: Cancelled | None = None) -> Volume:
    """The volume in a file, an archive, or several files as (name, bytes).

    A single picture is a volume of one slice. Names serve to order pictures and are not kept. Raises ScanError, in one
    sentence, for files that are no volume, contradict each other, or are more than is read: `MAX_SLICES`,
    `MAX_VOLUME_PIXELS`, and 64 MB a file. CancelledError where `cancelled` says so.
    """
    files = [("scan", source)] if isinstance(source, bytes) else list(source)
    for _, data in files:
        limits.check_bytes(data, most=limits.MAX_VOLUME_BYTES)
    return volume_of(upload_entries(files, classes=(), most=limits.MAX_VOLUME_BYTES), cancelled=cancelled)


def volume_of(entries: Sequence[ArchiveEntry], *, cancelled: Cancelled | None = None) -> Volume:
    """The volume that the files of a folder or an archive make; raises as `read_volume`."""
    found = arranged(entries, cancelled=cancelled)
    return Volume(
        slices=tuple(StoredSlice(member, frame) for member, frame in found.places),
        source=_source(found),
        digest=_digest([member.digest for member in found.members]),
        slice_mm=found.slice_mm,
        row_mm=found.first.row_mm,
        column_mm=found.first.column_mm,
        laterality=found.laterality,
        localiser=_localiser(found, cancelled),
        notes=found.notes,
        members=tuple(member.entry.load for member in found.members),
        digests=tuple(member.digest for member in found.members),
    )


def _source(found: Arranged) -> Source:
    if len(found.places) == 1:
        return "single scan"
    if found.first.container == VOL:
        return "Heidelberg .vol"
    if found.first.container == "DICOM":
        return "multi-frame DICOM" if len(found.members) == 1 else "DICOM series"
    return "multi-page TIFF" if len(found.members) == 1 else "numbered images"


def _digest(digests: Sequence[str]) -> str:
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _localiser(found: Arranged, cancelled: Cancelled | None) -> Scan | None:
    """The picture of the fundus; one that cannot be read is left out, as no slice depends on it."""
    try:
        if found.first.container == VOL:
            return fundus_isolated(found.members[0].entry.load(), cancelled=cancelled)
        if found.localiser is None:
            return None
        return read_scan_isolated(found.localiser.entry.load(), cancelled=cancelled)
    except ScanError:
        return None
