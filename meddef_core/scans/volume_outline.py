"""What a file says of the pictures in it, before any is decoded: how many, how large, and where they lie in the eye.

Runs in a worker (`served`). Of what identifies a patient or a study nothing leaves it: a series is named by a digest.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset

from meddef_core.errors import ScanError
from meddef_core.scans import dicom, limits
from meddef_core.scans.damage import refusing_damage
from meddef_core.scans.deidentify import PIXELS, plain_text
from meddef_core.scans.dicom_attributes import item_of, numbers, places, whole
from meddef_core.scans.dicom_parse import is_dicom, parse
from meddef_core.scans.heidelberg import NAME as VOL
from meddef_core.scans.heidelberg import Vol, is_vol, read_header
from meddef_core.scans.opened import container_of, opened
from meddef_core.scans.origin import coded_terms
from meddef_core.scans.tiff_header import read_pages, sizes_of
from meddef_core.text import Text

MAX_SLICES = 500
"""Slices of one volume; the densest macular cubes have 512 A-scans in each of 200 to 320 B-scans."""

Laterality = Literal["L", "R"]
Vector = tuple[float, float, float]

_LEAST_NORM = 1e-6

_LOCALISERS = ("OP",)
"""Modalities of pictures of the whole fundus, on which a volume's slices are drawn as lines."""


@dataclass(frozen=True)
class Outline:
    """One file. `positions` and `normals` have one entry a picture: its first pixel in millimetres, and the direction
    across the slice; None where the file does not tell.
    """

    container: str
    frames: int
    """0 in a DICOM file without a picture, such as a report."""
    size: tuple[int, int]
    """Rows and columns; of pages of different sizes, those of the first."""
    positions: tuple[Vector | None, ...]
    normals: tuple[Vector | None, ...]
    row_mm: float | None = None
    column_mm: float | None = None
    slice_mm: float | None = None
    """As stated, not as the positions lie."""
    lateralities: tuple[Laterality, ...] = ()
    """Every eye that the file names."""
    instance: int | None = None
    series: str | None = None
    localiser: bool = False
    notes: tuple[str, ...] = ()


def outline(data: bytes) -> Outline:
    """The outline of a DICOM file or a picture; raises ScanError as `read_scan`, and for more than MAX_SLICES."""
    if is_dicom(data):
        with refusing_damage("DICOM"):
            return _of_dicom(parse(data))
    if is_vol(data):
        return _of_vol(read_header(data))
    container = container_of(data)
    if container is None:
        raise ScanError(Text("scan.file-not", "The file is not an image; choose a scan saved as PNG, JPEG or DICOM."))
    with refusing_damage(container):
        if container == "TIFF":
            return _of_tiff(data)
        image = opened(data, container=container, frame=None, smallest=1).image
        return Outline(container, 1, (image.height, image.width), (None,), (None,))


def _of_tiff(data: bytes) -> Outline:
    sizes = sizes_of(read_pages(data))
    check_slices(len(sizes))
    nowhere = (None,) * len(sizes)
    notes = () if len(set(sizes)) == 1 else (Text("scan.pages-file", "The pages of the file differ in size."),)
    return Outline("TIFF", len(sizes), sizes[0], nowhere, nowhere, notes=notes)


def _of_vol(header: Vol) -> Outline:
    check_slices(header.slices)
    nowhere = (None,) * header.slices
    eyes: tuple[Laterality, ...] = ("R",) if header.eye == "R" else ("L",) if header.eye == "L" else ()
    return Outline(
        container=VOL,
        frames=header.slices,
        size=(header.rows, header.columns),
        positions=nowhere,
        normals=nowhere,
        row_mm=_length((header.row_mm,)),
        column_mm=_length((header.column_mm,)),
        slice_mm=_length((header.slice_mm,)),
        lateralities=eyes,
    )


def _of_dicom(header: Dataset) -> Outline:
    if not any(keyword in header for keyword in PIXELS):
        return Outline("DICOM", 0, (0, 0), (), ())
    modality = coded_terms(header).get("SOPClassUID") or plain_text(header, "Modality")
    check_slices(whole(header, "NumberOfFrames") or 1)
    picture = dicom.open_picture(header)
    placed = [_place(header, index) for index in range(picture.frames)]
    spacing = _first(header, "PixelSpacing")
    return Outline(
        container="DICOM",
        frames=picture.frames,
        size=(header.Rows, header.Columns),
        positions=tuple(position for position, _ in placed),
        normals=tuple(normal for _, normal in placed),
        row_mm=_length(spacing[:1]),
        column_mm=_length(spacing[1:2]),
        slice_mm=_length(_first(header, "SpacingBetweenSlices")),
        lateralities=tuple(sorted(set(_eyes(header, picture.frames)))),
        instance=whole(header, "InstanceNumber"),
        series=_name_of_series(header),
        localiser=modality in _LOCALISERS or "LOCALIZER" in plain_text(header, "ImageType").upper().split("\\"),
    )


def check_slices(count: int) -> None:
    """Raise ScanError for a volume of more slices than are read."""
    if count > MAX_SLICES:
        raise ScanError(
            Text(
                "scan.volume-count",
                "The volume has {count} slices and at most {most} are read; export fewer of them.",
                count=count,
                most=MAX_SLICES,
            )
        )


def _place(header: Dataset, index: int) -> tuple[Vector | None, Vector | None]:
    found = next((numbers(p, "ImagePositionPatient") for p in places(header, "PlanePositionSequence", index=index)), ())
    across = next(
        (numbers(p, "ImageOrientationPatient") for p in places(header, "PlaneOrientationSequence", index=index)), ()
    )
    position = (found[0], found[1], found[2]) if len(found) == 3 else None
    return position, _normal(across) if len(across) == 6 else None


def _normal(orientation: tuple[float, ...]) -> Vector | None:
    """The unit vector across a slice, from the direction cosines of its rows and columns (PS3.3 C.7.6.2.1.1)."""
    with np.errstate(over="ignore", invalid="ignore"):
        cross = np.cross(orientation[:3], orientation[3:])
        length = float(np.linalg.norm(cross))
    if not _LEAST_NORM < length < np.inf:
        return None
    x, y, z = (cross / length).tolist()
    return (x, y, z)


def _first(header: Dataset, keyword: str) -> tuple[float, ...]:
    """The pixel measures of the first frame."""
    measures = places(header, "PixelMeasuresSequence", index=0)
    return next((found for place in measures if (found := numbers(place, keyword))), ())


def _length(found: tuple[float, ...]) -> float | None:
    """A length in millimetres that a pixel or a slice can have; placeholders such as 0 are none."""
    return found[0] if found and 0 < found[0] <= limits.MOST_MM else None


def _eyes(header: Dataset, frames: int) -> Iterator[Laterality]:
    anatomies = (_anatomy(header, index) for index in range(frames))
    for place in (header, *(each for each in anatomies if each is not None)):
        for keyword in ("ImageLaterality", "Laterality", "FrameLaterality"):
            match plain_text(place, keyword).upper():
                case "L":
                    yield "L"
                case "R":
                    yield "R"
                case "B":
                    yield from ("L", "R")


def _anatomy(header: Dataset, index: int) -> Dataset | None:
    own = item_of(header, "PerFrameFunctionalGroupsSequence", index)
    for group in (own, item_of(header, "SharedFunctionalGroupsSequence")):
        if group is not None and (found := item_of(group, "FrameAnatomySequence")) is not None:
            return found
    return None


def _name_of_series(header: Dataset) -> str | None:
    uid = plain_text(header, "SeriesInstanceUID")
    return hashlib.sha256(uid.encode()).hexdigest()[:16] if uid else None
