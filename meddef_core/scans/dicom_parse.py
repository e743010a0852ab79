"""Bytes of a DICOM file to its data set, inflated within a limit where it was stored deflated."""

import zlib

from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset, read_preamble

from meddef_core.errors import ScanError
from meddef_core.scans import limits
from meddef_core.scans.damage import damaged
from meddef_core.scans.dicom_elements import BoundedReader, read_elements
from meddef_core.text import Text

_EXPLICIT_VRS = frozenset((b"CS", b"UI", b"UL", b"OB", b"SH", b"DA", b"TM", b"LO", b"SQ", b"UN", b"DT", b"PN"))


def is_dicom(data: bytes) -> bool:
    """Whether the bytes are DICOM: "DICM" after the preamble, or a bare data set that begins like one."""
    return data[128:132] == b"DICM" or _is_bare_data_set(data)


def _is_bare_data_set(data: bytes) -> bool:
    """Old archives write no preamble: the first element is then of group 2 or 8, with a known VR or a small length."""
    if len(data) < 132 or data[:2] not in (b"\x02\x00", b"\x08\x00") or data[3] != 0:
        return False
    return data[4:6] in _EXPLICIT_VRS or int.from_bytes(data[4:8], "little") <= 64


def parse(data: bytes) -> Dataset:
    """The data set, its transfer syntax filled in from how it is written where the file does not name one.

    A deflated data set (PS3.5 A.5) is inflated here and carries the syntax that it then has. Raises ScanError when it
    inflates to more than `limits.MAX_INFLATED` bytes or is cut short; the library's own exceptions pass.
    """
    meta, start = _file_meta(data)
    if meta.get("TransferSyntaxUID") == uid.DeflatedExplicitVRLittleEndian:
        # pydicom would inflate all of it, without a limit.
        header = read_elements(_inflated(data[start:]))
        header.file_meta = meta
        meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        return header
    header = read_elements(data)
    if "TransferSyntaxUID" not in header.file_meta:
        implicit, little = header.original_encoding
        native = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        header.file_meta.TransferSyntaxUID = native if little else uid.ExplicitVRBigEndian
    return header


def _file_meta(data: bytes) -> tuple[FileMetaDataset, int]:
    """The elements of group 2, and where they end."""
    stream = BoundedReader(data)
    read_preamble(stream, force=True)
    meta = FileMetaDataset(
        read_dataset(
            stream, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, vr, length: tag.group != 2
        )
    )
    return meta, stream.tell()


def _inflated(packed: bytes) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    data = stream.decompress(packed, limits.MAX_INFLATED + 1)
    if len(data) > limits.MAX_INFLATED:
        raise ScanError(
            Text(
                "scan.dicom-file-inflates",
                "The DICOM file inflates to more than {mb} MB and is not opened; export it uncompressed, or a "
                "single image of it.",
                mb=limits.MAX_INFLATED // 1024**2,
            )
        )
    if not stream.eof:
        raise damaged("DICOM")
    return data
