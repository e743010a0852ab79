"""Volumes as files: ophthalmic tomography with per-frame groups, series, archives, pages. None shows a patient."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from scan_files import Array, data_set, png, saved, written

GAP = 0.24
"""Millimetres between the slices of a volume made here."""


def cube(slices: int = 7, size: tuple[int, int] = (40, 64), *, seed: int = 0) -> Array:
    """Slices that differ everywhere, 8 bits."""
    return np.random.default_rng(seed).integers(0, 256, (slices, *size), dtype=np.uint8)


def item(**elements: Any) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def across(place: float) -> list[float]:
    """Position of a slice that lies `place` millimetres along the volume."""
    return [0.0, place, 0.0]


ORIENTATION = [1, 0, 0, 0, 0, 1]
"""Rows run along x and columns along z, so that slices follow each other along y (its other way)."""


def opt_data_set(
    values: Array, *, places: Sequence[float] | None = None, eyes: Sequence[str] | None = None, **elements: Any
) -> Dataset:
    """Ophthalmic Tomography Image Storage (PS3.3 A.52.4.3): shared and per-frame functional groups."""
    count = len(values)
    ds = data_set(values, frames=count, Modality="OPT", SOPClassUID=uid.OphthalmicTomographyImageStorage)
    ds.file_meta.MediaStorageSOPClassUID = uid.OphthalmicTomographyImageStorage
    ds.SeriesInstanceUID, ds.ImageType, ds.InstanceNumber = "1.2.3", ["ORIGINAL", "PRIMARY"], 1
    measures = item(PixelSpacing=[0.00387, 0.0116], SliceThickness=0.2)
    orientation = item(ImageOrientationPatient=ORIENTATION)
    ds.SharedFunctionalGroupsSequence = Items(
        [item(PixelMeasuresSequence=Items([measures]), PlaneOrientationSequence=Items([orientation]))]
    )
    frames = []
    for number in range(count):
        place = GAP * number if places is None else places[number]
        anatomy = item(FrameLaterality="R" if eyes is None else eyes[number])
        frames.append(
            item(
                PlanePositionSequence=Items([item(ImagePositionPatient=across(place))]),
                FrameContentSequence=Items([item(InStackPositionNumber=number + 1)]),
                FrameAnatomySequence=Items([anatomy]),
            )
        )
    ds.PerFrameFunctionalGroupsSequence = Items(frames)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def opt(values: Array, **options: Any) -> bytes:
    """The same as a file."""
    return written(opt_data_set(values, **options))


def slice_file(values: Array, **elements: Any) -> bytes:
    """One slice of a DICOM series."""
    kind = uid.OphthalmicTomographyImageStorage
    ds = data_set(values, **{"Modality": "OPT", "SOPClassUID": kind, "SeriesInstanceUID": "1.2.3", **elements})
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    return written(ds)


def series(values: Array, *, places: Sequence[float] | None = None, **elements: Any) -> list[tuple[str, bytes]]:
    """Files of a DICOM series, named so that their names tell nothing of the order."""
    return [
        (
            f"IM{1000 - number}",
            slice_file(
                each,
                InstanceNumber=number + 1,
                ImageOrientationPatient=ORIENTATION,
                ImagePositionPatient=across(GAP * number if places is None else places[number]),
                **elements,
            ),
        )
        for number, each in enumerate(values)
    ]


def vol(values: Array, *, eye: bytes = b"OD", fundus: Array | None = None, header: int = 256, **other: int) -> bytes:
    """A Heidelberg .vol file, from the published layout; `values` are intensities, float32, largest where invalid."""
    slices, rows, columns = values.shape
    photo = np.zeros((0, 0), np.uint8) if fundus is None else fundus
    start = bytearray(2048)
    sizes = {"columns": columns, "slices": slices, "rows": rows} | other
    struct.pack_into("<12siiiddd", start, 0, b"HSF-OCT-103", *sizes.values(), 0.0116, GAP, 0.00387)
    struct.pack_into("<iidd", start, 48, photo.shape[1], photo.shape[0], 0.01, 0.01)
    struct.pack_into("<4s", start, 84, eye)
    struct.pack_into("<i", start, 100, header)
    start[140:161] = b"Doe^Jane".ljust(21, b"\0")
    scans = (bytes(header) + each.astype("<f4").tobytes() for each in values)
    return bytes(start) + photo.tobytes() + b"".join(scans)


def pages(values: Array, **options: Any) -> bytes:
    """A TIFF of several pages."""
    first, *others = (Image.fromarray(each) for each in values)
    return saved(first, "TIFF", save_all=True, append_images=others, **options)


def images(values: Array, pattern: str = "scan_{}.png") -> list[tuple[str, bytes]]:
    """Numbered pictures, from 1, without leading zeros."""
    return [(pattern.format(number), png(each)) for number, each in enumerate(values, start=1)]


def packed(files: Sequence[tuple[str, bytes]] | Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name, data in dict(files).items():
            made.writestr(name, data)
    return stream.getvalue()
