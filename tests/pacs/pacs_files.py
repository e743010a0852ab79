"""Objects as a PACS holds them, made on the fly; their patients are invented."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread, uid
from pydicom.dataset import Dataset, FileMetaDataset

from meddef_core.data.phantoms import oct_phantom
from meddef_core.data.samples import list_samples

PATIENT = {"PatientName": "Müller^Jürgen", "PatientID": "0815-X", "PatientBirthDate": "19500101", "PatientSex": "M"}
STUDY = {"StudyDate": "20240229", "StudyTime": "101112", "AccessionNumber": "ACC77", "StudyID": "ST5"}

FOREIGN = {
    "InstitutionName": "SECRETHOSPITAL",
    "InstitutionAddress": "SECRETSTREET 5",
    "InstitutionalDepartmentName": "SECRETWARD",
    "ReferringPhysicianName": "SECRETREFERRER^A",
    "PerformingPhysicianName": "SECRETPERFORMER^B",
    "OperatorsName": "SECRETOPERATOR^C",
    "PhysiciansOfRecord": "SECRETRECORDER^D",
    "StationName": "SECRETSTATION",
    "StudyDescription": "SECRETSTUDY",
    "SeriesDescription": "SECRETSERIES",
    "ProtocolName": "SECRETPROTOCOL",
    "PatientComments": "SECRETCOMMENT",
    "ImageComments": "SECRETIMAGE",
    "OtherPatientIDs": "SECRETOTHERID",
    "OtherPatientNames": "SECRETALIAS^E",
    "PatientAddress": "SECRETHOME",
    "PatientTelephoneNumbers": "SECRETPHONE",
    "PatientMotherBirthName": "SECRETMOTHER",
    "EthnicGroup": "SECRETGROUP",
    "Occupation": "SECRETJOB",
    "AdditionalPatientHistory": "SECRETHISTORY",
    "MedicalAlerts": "SECRETALERT",
    "Manufacturer": "SECRETMAKER",
    "ManufacturerModelName": "SECRETDEVICE",
    "DeviceSerialNumber": "SECRETSERIAL",
    "RequestedProcedureDescription": "SECRETREQUEST",
    "AdmissionID": "SECRETADMISSION",
}
"""What a source may say and no result may repeat: each value is found by its bytes."""


def film(*, every: int = 4, **elements: Any) -> Dataset:
    """The packaged chest film as a study of its own, with `every` so manyth row and column (1: 1955 x 1841 pixels).

    It is a CR of the CHEST, PA, of an age the models are for.
    """
    sample = next(each for each in list_samples("chest") if each.data is not None)
    assert sample.data is not None
    source = dcmread(io.BytesIO(sample.data()))
    ds = _object(uid.ComputedRadiographyImageStorage, Modality="CR", BodyPartExamined="CHEST", ViewPosition="PA")
    ds.PatientAge = "004Y"
    pixels = source.pixel_array[::every, ::every]
    _pixels(ds, (pixels // 8).astype(np.uint16), bits=12)
    ds.PhotometricInterpretation = "MONOCHROME1"
    return _set(ds, elements)


def volume(frames: int = 49, size: tuple[int, int] = (496, 512), **elements: Any) -> Dataset:
    """An OCT volume: drawn B-scans of every class in turn, as Ophthalmic Tomography Image Storage."""
    ds = _object(uid.OphthalmicTomographyImageStorage, Modality="OPT", ImageLaterality="R")
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "81745001", "SCT", "Eye"
    ds.AnatomicRegionSequence = [region]
    classes = ("NORMAL", "DRUSEN", "CNV", "DME")
    drawn = [oct_phantom(label).scan.pixels for label in classes]
    planes = [_fitted(drawn[index % len(drawn)], size) for index in range(frames)]
    _pixels(ds, np.stack(planes), bits=8)
    ds.NumberOfFrames = frames
    return _set(ds, elements)


def study_of(number: int, ds: Dataset) -> Dataset:
    """The object as study `number` of another patient."""
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"1.2.826.0.1.{number}", f"1.2.826.0.1.{number}.1"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.{number}.1.1"
    ds.PatientID, ds.PatientName = f"P{number}", f"Person^Number{number}"
    return ds


def written(ds: Dataset) -> bytes:
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def save(ds: Dataset, path: Path) -> Path:
    path.write_bytes(written(ds))
    return path


def _object(sop_class: uid.UID, **elements: Any) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = (uid.generate_uid() for _ in range(3))
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.SeriesNumber, ds.InstanceNumber = 1, 1
    return _set(ds, {**PATIENT, **STUDY, **elements})


def _set(ds: Dataset, elements: dict[str, Any]) -> Dataset:
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def _pixels(ds: Dataset, values: np.ndarray, *, bits: int) -> None:
    ds.Rows, ds.Columns = values.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 * values.itemsize, bits, bits - 1
    ds.PixelData = values.tobytes()
    ds["PixelData"].VR = "OB" if values.itemsize == 1 else "OW"


def _fitted(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    return np.asarray(cv2.resize(pixels, (size[1], size[0])) * 255).round().clip(0, 255).astype(np.uint8)
