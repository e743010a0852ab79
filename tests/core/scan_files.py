"""Scan files made on the fly: every test draws its own, none is committed."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

Array = npt.NDArray[Any]

PATIENT = "Doe^Jane"


def ramp(*, low: int = 0, high: int = 255, size: tuple[int, int] = (40, 64), dtype: Any = np.uint8) -> Array:
    """A picture in which every row differs, from exactly `low` to exactly `high`."""
    return np.linspace(low, high, size[0] * size[1]).round().astype(dtype).reshape(size)


def colour(size: tuple[int, int] = (40, 64)) -> Array:
    """Red, green and blue that differ from each other everywhere."""
    return np.random.default_rng(0).integers(0, 256, size=(*size, 3), dtype=np.uint8)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """`image` as a file of format `form`."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png(values: Array, **options: Any) -> bytes:
    """A PNG of 8- or 16-bit values."""
    return saved(Image.fromarray(values), "PNG", **options)


def jpeg(values: Array, **options: Any) -> bytes:
    """A JPEG of 8-bit values, lossy."""
    return saved(Image.fromarray(values), "JPEG", quality=95, **options)


def data_set(values: Array, *, bits: int | None = None, frames: int = 1, **elements: Any) -> Dataset:
    """A data set holding `values`, (H, W), (H, W, 3) or (frames, H, W), with a patient's name to hide."""
    shape = values.shape[1:] if frames > 1 else values.shape
    stored = bits or 8 * values.dtype.itemsize
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = uid.UID("1.2.3.4")
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.Modality, ds.PatientName, ds.PatientID = "DX", PATIENT, "0815"
    ds.Rows, ds.Columns = shape[:2]
    ds.SamplesPerPixel = 3 if len(shape) == 3 else 1
    ds.PhotometricInterpretation = "RGB" if len(shape) == 3 else "MONOCHROME2"
    if len(shape) == 3:
        ds.PlanarConfiguration = 0
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 * values.dtype.itemsize, stored, stored - 1
    ds.PixelRepresentation = int(values.dtype.kind == "i")
    if values.dtype.kind == "f":
        ds.FloatPixelData = values.tobytes()
        del ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    else:
        ds.PixelData = values.tobytes()
        ds["PixelData"].VR = "OB" if values.dtype.itemsize == 1 else "OW"
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def written(ds: Dataset) -> bytes:
    """The data set as a DICOM file with preamble and file meta group."""
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom(values: Array, **options: Any) -> bytes:
    """`values` as an uncompressed DICOM file; options as for `data_set`."""
    return written(data_set(values, **options))


def encapsulated(ds: Dataset, frame: bytes, syntax: uid.UID, **elements: Any) -> bytes:
    """The file of `ds` with one compressed frame in place of its pixels; `elements` are set beside it."""
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return written(ds)
