"""One frame of DICOM pixel data, its size checked against the header before anything is decoded."""

import io
import struct
from itertools import pairwise

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from pydicom import encaps, uid
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from meddef_core.errors import ScanError
from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import damaged

_NATIVE = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian)
_JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
_JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)

# One decoder a form, so that the same file gives the same pixels whatever else is installed.
_DECODERS = {
    **dict.fromkeys(_NATIVE, ""),
    **dict.fromkeys(_JPEG, "pillow"),
    **dict.fromkeys(_JPEG_2000, "pylibjpeg"),
    uid.RLELossless: "pydicom",
}

_IMAGE_END = b"\xff\xd9"
"""The end marker of JPEG and JPEG 2000 alike."""


def check_transfer_syntax(syntax: uid.UID) -> None:
    """Raise ScanError for a compressed form that no installed decoder reads."""
    if syntax not in _DECODERS:
        form = syntax.name if syntax.is_transfer_syntax else "an unknown form"
        raise ScanError(
            f"The DICOM pixels are stored as {form}, which is not read here; "
            "export them uncompressed, or as RLE or JPEG 2000."
        )


def decode_frame(header: Dataset, *, index: int, frames: int) -> Values:
    """The stored values of frame `index` (from 0): (H, W) grey or (H, W, 3) RGB.

    Unused high bits are masked and YBR becomes RGB. Raises ScanError for a frame that is cut short or larger than the
    header says; the decoders' own exceptions pass.
    """
    syntax = header.file_meta.TransferSyntaxUID
    if syntax in _JPEG + _JPEG_2000:
        _check_compressed(_compressed_frame(header, index, frames), header, is_jpeg=syntax in _JPEG)
    elif syntax == uid.RLELossless:
        _check_run_lengths(_compressed_frame(header, index, frames), plane=header.Rows * header.Columns)
    values = pixel_array(header, index=index, decoding_plugin=_DECODERS[syntax])
    expected: tuple[int, ...] = (header.Rows, header.Columns)
    if header.SamplesPerPixel > 1:
        expected += (header.SamplesPerPixel,)
    if values.shape != expected:
        raise damaged("DICOM")
    return np.asarray(values)


def _compressed_frame(header: Dataset, index: int, frames: int) -> bytes:
    offsets = None
    if "ExtendedOffsetTable" in header:
        offsets = (header.ExtendedOffsetTable, header.ExtendedOffsetTableLengths)
    return encaps.get_frame(header.PixelData, index, extended_offsets=offsets, number_of_frames=frames)


def _check_compressed(frame: bytes, header: Dataset, *, is_jpeg: bool) -> None:
    """Refuse a frame whose own header asks for another size (a bomb behind small Rows), or that has lost its end."""
    if is_jpeg:
        image = JpegImageFile(io.BytesIO(frame))
        size = (image.height, image.width, len(image.getbands()))
    else:
        size = _jpeg_2000_size(frame)
    # openjpeg decodes half a stream without complaint, so its end is looked for here; some padding may follow it.
    if size != (header.Rows, header.Columns, header.SamplesPerPixel) or _IMAGE_END not in frame[-16:]:
        raise damaged("DICOM")


def _jpeg_2000_size(frame: bytes) -> tuple[int, int, int]:
    """Height, width and components from the SIZ segment (ISO/IEC 15444-1, A.5.1)."""
    start = frame.find(b"\xff\x4f\xff\x51")
    if start < 0:
        raise damaged("DICOM")
    right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
    (components,) = struct.unpack_from(">H", frame, start + 40)
    return bottom - top, right - left, components


def _check_run_lengths(frame: bytes, *, plane: int) -> None:
    """Refuse an RLE frame (PS3.5, annex G) of which one segment unpacks to far more than the `plane` of bytes it holds.

    The decoder would write out all of it, 64 bytes for each one read.
    """
    count = int.from_bytes(frame[:4], "little")
    if not 1 <= count <= 15:
        raise damaged("DICOM")
    edges = [*struct.unpack_from(f"<{count}I", frame, 4), len(frame)]
    for start, end in pairwise(edges):
        position, length = start, 0
        while position < end and length <= 2 * plane:
            control = frame[position]
            if control < 128:  # that many bytes and one more follow as they are
                length, position = length + control + 1, position + control + 2
            elif control > 128:  # the next byte is repeated
                length, position = length + 257 - control, position + 2
            else:
                position += 1
        if length > 2 * plane:
            raise damaged("DICOM")
