"""Which of several files are the slices of one volume, in which order, and what contradicts that."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from meddef_core.errors import ScanError
from meddef_core.io.worker import CancelledError
from meddef_core.scans import limits
from meddef_core.scans.archive import ArchiveEntry, is_zip
from meddef_core.scans.dicom_parse import is_dicom
from meddef_core.scans.heidelberg import NAME as VOL
from meddef_core.scans.heidelberg import is_vol
from meddef_core.scans.isolated import Cancelled, outline_isolated, read_scan_isolated
from meddef_core.scans.opened import container_of
from meddef_core.scans.vendor import check_vendor
from meddef_core.scans.volume_order import Ordered, files_in_order, frames_in_order, names_in_order
from meddef_core.scans.volume_outline import Laterality, Outline, check_slices
from meddef_core.text import Text

_UNKNOWN = (0, 0)
"""Size of a picture that cannot be opened: its slice says why when it is read."""


_OF_DEVICES = ("DICOM", VOL)
"""Containers whose files do not stand beside pictures in one volume."""


@dataclass(frozen=True, eq=False)
class Member:
    """A file that holds a picture: where it is, its digest, and what it says of itself."""

    entry: ArchiveEntry
    digest: str
    outline: Outline


@dataclass(frozen=True, eq=False)
class Arranged:
    """The files of one volume, and for each slice the number of its file (from 0) and the frame in it (from 1)."""

    members: tuple[Member, ...]
    places: tuple[tuple[int, int | None], ...]
    slice_mm: float | None
    laterality: Laterality | None
    localiser: Member | None
    notes: tuple[str, ...]

    @property
    def first(self) -> Outline:
        """Of the first file; all are alike."""
        return self.members[0].outline


def arranged(entries: Sequence[ArchiveEntry], *, cancelled: Cancelled | None = None) -> Arranged:
    """Find the slices among files and put them in order; raises ScanError as `read_volume`."""
    members, passed = _members(entries, cancelled)
    slices, localiser, notes = _without_localiser(members)
    _check_one_kind(slices)
    slices, ordered = _in_order(slices)
    places = _places(slices, ordered)
    check_slices(len(places))
    _check_pixels(slices)
    first = slices[0].outline
    return Arranged(
        members=slices,
        places=places,
        slice_mm=(ordered.slice_mm or first.slice_mm) if len(places) > 1 else None,
        laterality=_eye(slices),
        localiser=localiser,
        notes=(*passed, *notes, *ordered.notes, *first.notes),
    )


# ---- the files ---------------------------------------------------------------------------------------------------


def _members(
    entries: Sequence[ArchiveEntry], cancelled: Cancelled | None
) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """The files that hold a picture, each once, and what was passed over."""
    found: dict[str, Member] = {}
    others = repeated = 0
    for entry in entries:
        stop_if(cancelled)
        member = _member(entry, cancelled, alone=len(entries) == 1)
        if member is None:
            others += 1
        elif member.digest in found:
            repeated += 1
        else:
            found[member.digest] = member
    if not found:
        raise ScanError(
            Text(
                "scan.there-no-image",
                "There is no image in it; choose the files of a volume saved as DICOM, PNG, JPEG or TIFF.",
            )
        )
    notes = []
    if others:
        notes.append(Text("scan.passed-over", "Passed over, as they hold no image: {others}.", others=_files(others)))
    if repeated:
        notes.append(
            Text("scan.left-out", "Left out, as the same file was there before: {repeated}.", repeated=_files(repeated))
        )
    return tuple(found.values()), tuple(notes)


def stop_if(cancelled: Cancelled | None) -> None:
    """Raise CancelledError where the answer is no longer wanted."""
    if cancelled is not None and cancelled():
        raise CancelledError(
            Text("scan.volume-not", "The volume was not read to its end, as nobody waits for it; choose it again.")
        )


def _member(entry: ArchiveEntry, cancelled: Cancelled | None, *, alone: bool) -> Member | None:
    """What a file says of itself; None where it holds no picture."""
    data = entry.load()
    check_vendor(data)
    if is_zip(data):
        raise ScanError(
            Text("scan.there-archive", "There is an archive inside the archive, which is not opened; unpack it first.")
        )
    if not alone and not (is_dicom(data) or is_vol(data) or container_of(data)):
        return None
    # Only these hold several pictures.
    several = is_dicom(data) or is_vol(data) or container_of(data) == "TIFF"
    limits.check_bytes(data, most=limits.MAX_VOLUME_BYTES if several else limits.MAX_BYTES)
    try:
        outline = outline_isolated(data, most_bytes=limits.MAX_VOLUME_BYTES, cancelled=cancelled)
    except ScanError as error:
        if alone or is_dicom(data) or is_vol(data):
            raise (
                error if alone else ScanError(Text("scan.named-error", "{name}: {error}", name=entry.name, error=error))
            ) from error
        outline = Outline(container_of(data) or "", 1, _UNKNOWN, (None,), (None,))
    if outline.frames == 0:
        if alone:  # says what it is instead
            read_scan_isolated(data, most_bytes=limits.MAX_VOLUME_BYTES, cancelled=cancelled)
        return None
    return Member(entry, hashlib.sha256(data).hexdigest(), outline)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _without_localiser(members: tuple[Member, ...]) -> tuple[tuple[Member, ...], Member | None, tuple[str, ...]]:
    """The slices, and the picture of the fundus among the files: it says so, or is the one picture of another size."""
    marked = [member for member in members if member.outline.localiser]
    slices = tuple(member for member in members if not member.outline.localiser)
    if not slices:
        return members, None, ()
    if marked:
        return slices, marked[0], ()
    usual, count = Counter(member.outline.size for member in slices).most_common(1)[0]
    odd = [member for member in slices if member.outline.size not in (usual, _UNKNOWN)]
    if len(odd) != 1 or count < 3 or odd[0].outline.container == "DICOM":
        return slices, None, ()
    rows, columns = odd[0].outline.size
    note = Text(
        "scan.one-picture",
        "The one picture of another size ({columns} x {rows}) was taken for the localiser, not for a slice.",
        columns=columns,
        rows=rows,
    )
    return tuple(member for member in slices if member is not odd[0]), odd[0], (note,)


# ---- one volume? -------------------------------------------------------------------------------------------------


def _check_one_kind(slices: tuple[Member, ...]) -> None:
    """Refuse files that cannot be slices of one volume."""
    outlines = [member.outline for member in slices]
    several = [outline.frames for outline in outlines if outline.frames > 1]
    if len(several) > 1:
        raise ScanError(Text("scan.files-hold", "The files hold {n} volumes; choose one of them.", n=len(several)))
    if several and len(slices) > 1:
        raise ScanError(
            Text(
                "scan.one-files",
                "One of the files is a whole volume of {n} slices; choose that file, or the others.",
                n=several[0],
            )
        )
    if len({outline.container if outline.container in _OF_DEVICES else "" for outline in outlines}) > 1:
        raise ScanError(
            Text("scan.files-dicom", "The files are DICOM and other pictures mixed; choose the files of one volume.")
        )
    series = {outline.series for outline in outlines}
    if len(series) > 1:
        raise ScanError(
            Text("scan.files-belong", "The files belong to {n} series; choose those of one series.", n=len(series))
        )
    sizes = sorted({outline.size for outline in outlines} - {_UNKNOWN})
    if len(sizes) > 1:
        named = " and ".join(f"{columns} x {rows}" for rows, columns in sizes[:2])
        raise ScanError(
            Text(
                "scan.slices-differ",
                "The slices differ in size ({named} pixels); choose the files of one volume.",
                named=named,
            )
        )


def _eye(slices: tuple[Member, ...]) -> Laterality | None:
    eyes = {eye for member in slices for eye in member.outline.lateralities}
    if len(eyes) > 1:
        raise ScanError(Text("scan.slices-both", "The slices are of both eyes; choose the volume of one eye."))
    return next(iter(eyes), None)


def _check_pixels(slices: tuple[Member, ...]) -> None:
    total = sum(member.outline.frames * member.outline.size[0] * member.outline.size[1] for member in slices)
    if total > limits.MAX_VOLUME_PIXELS:
        raise ScanError(
            Text(
                "scan.volume-megapixels",
                "The volume has {megapixels} megapixels and at most {most} are read; export fewer or smaller slices.",
                megapixels=total // 1000000,
                most=limits.MAX_VOLUME_PIXELS // 1000000,
            )
        )


# ---- the order ---------------------------------------------------------------------------------------------------


def _in_order(slices: tuple[Member, ...]) -> tuple[tuple[Member, ...], Ordered]:
    """The files in the order of their slices; of a single file, the order of its frames."""
    outlines = [member.outline for member in slices]
    if len(slices) == 1:
        return slices, frames_in_order(outlines[0].positions, outlines[0].normals)
    if outlines[0].container == "DICOM":
        ordered = files_in_order(
            [outline.positions[0] for outline in outlines],
            [outline.normals[0] for outline in outlines],
            [outline.instance for outline in outlines],
        )
    else:
        ordered = names_in_order([member.entry.name for member in slices])
    return tuple(slices[place] for place in ordered.order), ordered


def _places(slices: tuple[Member, ...], ordered: Ordered) -> tuple[tuple[int, int | None], ...]:
    if len(slices) > 1:
        return tuple((member, None) for member in range(len(slices)))
    if slices[0].outline.frames == 1:
        return ((0, None),)
    return tuple((0, index + 1) for index in ordered.order)
