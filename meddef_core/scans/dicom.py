"""DICOM through pydicom: one frame decoded, shown as a viewer shows it, and everything personal left behind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from meddef_core.errors import ScanError
from meddef_core.scans import deidentify, dicom_grey, limits, transfer_syntaxes
from meddef_core.scans.age import age_group
from meddef_core.scans.colour import NOTES, Colouring
from meddef_core.scans.damage import refusing_damage
from meddef_core.scans.dicom_attributes import numbers, places, whole
from meddef_core.scans.dicom_frames import decode_frame
from meddef_core.scans.dicom_layout import Layout, completed
from meddef_core.scans.dicom_parse import parse
from meddef_core.scans.dicom_units import Stored
from meddef_core.scans.origin import coded_terms
from meddef_core.scans.scan import Pixels, Scan, digest_of
from meddef_core.text import Text

TOMOGRAPHY = ("OPT", "OCT")
"""Modalities whose pixel spacing tells the scale of a B-scan in tissue."""

ROW_MM = (0.0005, 0.02)
"""Heights of a pixel that an OCT device can have, in millimetres; anything else is a placeholder."""


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """One decoded frame of a file."""

    header: Dataset
    """Completed: what it lacked of the picture's attributes is filled in."""
    index: int
    """From 0."""
    stored: Stored
    notes: tuple[str, ...]


def read_dicom(data: bytes, *, frame: int | None = None, window: tuple[float, float] | None = None) -> Scan:
    """Decode one frame of a DICOM file to a Scan; raises ScanError.

    `frame` counts from 1 and must be given when there are several (FrameError tells how many); `window` is
    (centre, width) in modality units and replaces the file's own for grey pictures.
    """
    (found,) = read_dicom_frames(data, (frame,), window=window)
    if isinstance(found, ScanError):
        raise found
    return found


def read_dicom_frames(
    data: bytes, frames: Sequence[int | None], *, window: tuple[float, float] | None = None
) -> Iterator[Scan | ScanError]:
    """Several frames as `read_dicom` reads each, the header parsed once; a frame that is refused gives its ScanError.

    Raises ScanError for what is wrong with the whole file.
    """
    with refusing_damage("DICOM"):
        header = parse(data)
        tags = deidentify.kept_tags(header) | coded_terms(header)
        removed = deidentify.count_removed(header, tags)
        group, digest = age_group(header), digest_of(data)
        picture = open_picture(header)
    for frame in frames:
        try:
            with refusing_damage("DICOM"):
                found = picture.frame(frame)
                pixels, notes, colours = _grey(found, window=window)
                scan = Scan(
                    pixels=pixels,
                    container="DICOM",
                    bits=dicom_grey.bits_of(found.stored),
                    digest=digest,
                    tags=tags,
                    removed=removed,
                    age_group=group,
                    row_mm=row_mm(header, index=found.index),
                    warnings=deidentify.burned_in_warning(header) + found.notes + notes,
                    false_colour=colours == "false",
                )
            limits.check_not_blank(scan.pixels, windowed=window is not None)
        except ScanError as error:
            yield error
        else:
            yield scan


@dataclass(frozen=True, eq=False)
class Picture:
    """A parsed file whose header is completed and says nothing that will not decode."""

    header: Dataset
    layout: Layout
    frames: int
    notes: tuple[str, ...]

    def frame(self, number: int | None) -> DecodedFrame:
        """Decode a frame (from 1); raises ScanError as `read_dicom`."""
        index = limits.frame_index(number, frames=self.frames)
        stored, notes = decode_frame(self.header, self.layout, index=index, frames=self.frames)
        if np.issubdtype(stored.values.dtype, np.floating):
            limits.check_finite(stored.values)
        return DecodedFrame(self.header, index, stored, self.notes + notes)


def open_picture(header: Dataset) -> Picture:
    """A parsed file, which is completed on the way; raises ScanError where it holds no picture that is read here."""
    _check_picture(header)
    layout, notes = completed(header)
    return Picture(header, layout, _check_header(header), notes)


def row_mm(header: Dataset, *, index: int) -> float | None:
    """Height of a pixel of an OCT B-scan in tissue; None for other scans, and where no plausible one is stated."""
    if deidentify.plain_text(header, "Modality") not in TOMOGRAPHY:
        return None
    for place in places(header, "PixelMeasuresSequence", index=index):
        spacing = numbers(place, "PixelSpacing")
        if spacing:
            return spacing[0] if ROW_MM[0] <= spacing[0] <= ROW_MM[1] else None
    return None


def _check_picture(header: Dataset) -> None:
    """Refuse a file that holds no picture, or one in a form that is not read."""
    if "DirectoryRecordSequence" in header or _class_of(header) == uid.MediaStorageDirectoryStorage:
        raise ScanError(
            Text(
                "scan.file-index",
                "The file is the index of a CD (DICOMDIR); choose the picture itself, or the whole folder.",
            )
        )
    if not any(keyword in header for keyword in deidentify.PIXELS):
        raise ScanError(
            Text(
                "scan.dicom-file",
                "The DICOM file holds no image (a report, or a file cut short); choose one that holds a scan.",
            )
        )
    transfer_syntaxes.decoder_of(header.file_meta.TransferSyntaxUID)


def _class_of(header: Dataset) -> str:
    meta = deidentify.plain_text(header.file_meta, "MediaStorageSOPClassUID")
    return meta or deidentify.plain_text(header, "SOPClassUID")


def _check_header(header: Dataset) -> int:
    """Refuse from the completed header alone whatever will not decode; returns the number of frames."""
    limits.check_size(header.Rows, header.Columns)
    photometric, samples = header.PhotometricInterpretation, header.SamplesPerPixel
    single = photometric in (*dicom_grey.GREY, dicom_grey.PALETTE)
    if not single and photometric not in dicom_grey.COLOUR:
        raise ScanError(
            Text(
                "scan.dicom-file-stores",
                "The DICOM file stores its colours in a way that is not read here; export it as MONOCHROME2 or RGB.",
            )
        )
    if samples != (1 if single else 3):
        raise ScanError(
            Text(
                "scan.dicom-header",
                "The DICOM header contradicts itself about its colours (Photometric Interpretation "
                "{photometric}, but Samples per Pixel {samples}); export the scan again.",
                photometric=photometric,
                samples=samples,
            )
        )
    limits.check_raw_bytes(header.Rows * header.Columns * samples * -(-header.BitsAllocated // 8))
    frames = whole(header, "NumberOfFrames")
    if frames is not None and frames < 1:
        raise ScanError(
            Text("scan.dicom-file-says", "The DICOM file says that it holds no frame; choose one that holds a scan.")
        )
    return frames or 1


def _grey(found: DecodedFrame, *, window: tuple[float, float] | None) -> tuple[Pixels, tuple[str, ...], Colouring]:
    if found.header.PhotometricInterpretation in dicom_grey.GREY:
        grey = dicom_grey.grey_of_monochrome(found.stored, found.header, index=found.index, window=window)
        return *grey, "grey"
    notes = (
        ()
        if window is None
        else (Text("scan.window-does", "A window does not apply to colour pictures and was left out."),)
    )
    pixels, colours = dicom_grey.grey_of_colour(found.stored, found.header)
    return pixels, notes + ((NOTES[colours],) if colours in NOTES else ()), colours
