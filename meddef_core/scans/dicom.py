"""DICOM through pydicom: one frame decoded, shown as a viewer shows it, and everything personal left behind."""

import io

import numpy as np
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from meddef_core.errors import ScanError
from meddef_core.scans import deidentify, dicom_grey, limits
from meddef_core.scans.age import age_group
from meddef_core.scans.damage import refusing_damage
from meddef_core.scans.dicom_frames import check_transfer_syntax, decode_frame
from meddef_core.scans.origin import coded_terms
from meddef_core.scans.scan import Pixels, Scan, digest_of

_EXPLICIT_VRS = frozenset((b"CS", b"UI", b"UL", b"OB", b"SH", b"DA", b"TM", b"LO", b"SQ", b"UN", b"DT", b"PN"))
_DEFLATED = str(uid.DeflatedExplicitVRLittleEndian).encode()


def is_dicom(data: bytes) -> bool:
    """Whether the bytes are DICOM: "DICM" after the preamble, or a bare data set that begins like one."""
    return data[128:132] == b"DICM" or _is_bare_data_set(data)


def _is_bare_data_set(data: bytes) -> bool:
    """Old archives write no preamble: the first element is then of group 2 or 8, with a known VR or a small length."""
    if len(data) < 132 or data[:2] not in (b"\x02\x00", b"\x08\x00") or data[3] != 0:
        return False
    return data[4:6] in _EXPLICIT_VRS or int.from_bytes(data[4:8], "little") <= 64


def read_dicom(data: bytes, *, frame: int | None = None, window: tuple[float, float] | None = None) -> Scan:
    """Decode one frame of a DICOM file to a Scan; raises ScanError.

    `frame` counts from 1 and must be given when there are several (FrameError tells how many); `window` is
    (centre, width) in modality units and replaces the file's own for grey pictures.
    """
    if _DEFLATED in data:
        # pydicom inflates the whole data set on reading, without a limit.
        raise ScanError("The DICOM file is stored deflated, which is not read here; export it uncompressed.")
    with refusing_damage("DICOM"):
        header = parse(data)
        frames = check_header(header)
        index = limits.frame_index(frame, frames=frames)
        pixels, notes = _grey(header, index=index, frames=frames, window=window)
        tags = deidentify.kept_tags(header) | coded_terms(header)
        scan = Scan(
            pixels=pixels,
            container="DICOM",
            bits=bits_of(header),
            digest=digest_of(data),
            tags=tags,
            removed=deidentify.count_removed(header, tags),
            age_group=age_group(header),
            warnings=deidentify.burned_in_warning(header) + notes,
        )
    limits.check_not_blank(scan.pixels, windowed=window is not None)
    return scan


def parse(data: bytes) -> Dataset:
    """The data set, its transfer syntax filled in from how it is written where the file does not name one."""
    header = dcmread(io.BytesIO(data), force=True)
    if "TransferSyntaxUID" not in header.file_meta:
        implicit, little = header.original_encoding
        native = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        header.file_meta.TransferSyntaxUID = native if little else uid.ExplicitVRBigEndian
    return header


def check_header(header: Dataset) -> int:
    """Refuse from the header alone whatever will not decode; returns the number of frames."""
    if not any(keyword in header for keyword in deidentify.PIXELS):
        raise ScanError("The DICOM file holds no image (a report, or a file cut short); choose one that holds a scan.")
    check_transfer_syntax(header.file_meta.TransferSyntaxUID)
    limits.check_size(header.Rows, header.Columns)
    photometric = deidentify.plain_text(header, "PhotometricInterpretation")
    single = photometric in (*dicom_grey.GREY, dicom_grey.PALETTE)
    if not single and photometric not in dicom_grey.COLOUR:
        raise ScanError(
            "The DICOM file stores its colours in a way that is not read here; export it as MONOCHROME2 or RGB."
        )
    if header.SamplesPerPixel != (1 if single else 3):
        raise ScanError("The DICOM header contradicts itself about its colours; export the scan again.")
    frames = int(header.get("NumberOfFrames") or 1)
    if frames < 1:
        raise ScanError("The DICOM file says that it holds no frame; choose one that holds a scan.")
    return frames


def _grey(
    header: Dataset, *, index: int, frames: int, window: tuple[float, float] | None
) -> tuple[Pixels, tuple[str, ...]]:
    values = decode_frame(header, index=index, frames=frames)
    if np.issubdtype(values.dtype, np.floating):
        limits.check_finite(values)
    if header.PhotometricInterpretation in dicom_grey.GREY:
        return dicom_grey.grey_of_monochrome(values, header, window=window)
    notes = () if window is None else ("A window does not apply to colour pictures and was left out.",)
    return dicom_grey.grey_of_colour(values, header), notes


def bits_of(header: Dataset) -> int:
    """Bits a stored sample holds; float pixels have no Bits Stored."""
    return int(header.BitsStored if "PixelData" in header else header.BitsAllocated)
