"""One frame of DICOM pixel data, its size checked against the header before anything is decoded."""

import numpy as np
from pydicom import encaps, uid
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from meddef_core.errors import ScanError
from meddef_core.scans import transfer_syntaxes
from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import damaged
from meddef_core.scans.dicom_elements import check_fragments
from meddef_core.scans.dicom_jpeg import decode_jpeg
from meddef_core.scans.dicom_layout import Layout
from meddef_core.scans.dicom_units import Stored, padding_of
from meddef_core.scans.jpeg_2000 import START_OF_STREAM, check_jpeg_2000, jpeg_2000_size
from meddef_core.scans.jpeg_header import JPEG_MAGIC, jpeg_header
from meddef_core.scans.jpeg_stream import check_jpeg
from meddef_core.scans.run_lengths import check_run_lengths
from meddef_core.text import Text

_IMAGE_END = b"\xff\xd9"
"""The end marker of JPEG and JPEG 2000 alike; it cannot occur in the coded data of either."""

_START_OF_DATA = b"\xff\x93"
"""Where the coded data of JPEG 2000 begin (ISO/IEC 15444-1, annex A)."""

_JP2_BOXES = 4096
"""Bytes among which a codestream begins, where boxes of the JP2 file format precede it."""


def decode_frame(header: Dataset, layout: Layout, *, index: int, frames: int) -> tuple[Stored, tuple[str, ...]]:
    """The stored values of frame `index` (from 0), (H, W) grey or (H, W, 3) RGB, and what to warn of.

    Bits that do not belong to the value are cut off and YBR becomes RGB. Raises ScanError for a frame that is cut
    short, larger than the header says, or stored in a form that is not read; the decoders' own exceptions pass.
    """
    syntax = header.file_meta.TransferSyntaxUID
    if syntax in transfer_syntaxes.JPEG:
        return _decode_jpeg(header, layout, _compressed_frame(header, index, frames))
    decoder = transfer_syntaxes.decoder_of(syntax)
    precision = header.BitsAllocated
    if syntax in transfer_syntaxes.JPEG_2000:
        precision = _check_jpeg_2000(_compressed_frame(header, index, frames), header)
    elif syntax == uid.RLELossless:
        check_run_lengths(_compressed_frame(header, index, frames), plane=header.Rows * header.Columns)
    container = np.asarray(pixel_array(header, index=index, decoding_plugin=decoder, correct_unused_bits=False))
    expected: tuple[int, ...] = (header.Rows, header.Columns)
    if header.SamplesPerPixel > 1:
        expected += (header.SamplesPerPixel,)
    if container.shape != expected:
        raise damaged("DICOM")
    # A JPEG 2000 codestream holds the values alone, unless it was made from whole containers.
    if "PixelData" not in header or precision <= layout.stored:
        return Stored(container, layout, _padding(container, container, header, layout)), ()
    return _of_containers(container, header, layout)


def _decode_jpeg(header: Dataset, layout: Layout, frame: bytes) -> tuple[Stored, tuple[str, ...]]:
    if frame.startswith(JPEG_MAGIC):
        check_jpeg(frame)
    found = jpeg_header(frame)
    if found is None:
        raise _mixed_up(header, "JPEG 2000") if START_OF_STREAM in frame[:_JP2_BOXES] else damaged("DICOM")
    if found.decoder is None:
        raise transfer_syntaxes.not_read(found.name)
    _check_size(header, (found.height, found.width, len(found.ids)))
    if frame.find(_IMAGE_END, found.scan) < 0:
        raise damaged("DICOM")
    values, notes = decode_jpeg(frame, found, photometric=header.PhotometricInterpretation)
    # Whole containers may have been compressed without loss: the values are then among their bits.
    if found.lossless and found.precision > layout.stored:
        return _of_containers(values.view(f"i{values.itemsize}") if layout.signed else values, header, layout, notes)
    bits = found.precision
    if layout.stored != bits:
        notes = (
            Text(
                "scan.bits-stored",
                "Bits Stored ({stored}) contradicts the compressed picture, which has {bits} bits.",
                stored=layout.stored,
                bits=bits,
            ),
            *notes,
        )
    layout = Layout(bits, bits - 1, signed=found.lossless and layout.signed)
    if layout.signed:
        values = layout.extract(values.view(f"i{values.itemsize}"))
    return Stored(values, layout, _padding(values, values, header, layout)), notes


def _of_containers(
    container: Values, header: Dataset, layout: Layout, notes: tuple[str, ...] = ()
) -> tuple[Stored, tuple[str, ...]]:
    """The values among the bits of whole containers, and `notes` with what else to warn of."""
    if container.ndim > 2:
        return Stored(layout.extract(container), layout, None), notes
    values, layout, more = layout.fit(container)
    return Stored(values, layout, padding_of(container, values, header, layout)), notes + more


def _padding(container: Values, values: Values, header: Dataset, layout: Layout) -> Values | None:
    return padding_of(container, values, header, layout) if values.ndim == 2 else None


def _compressed_frame(header: Dataset, index: int, frames: int) -> bytes:
    check_fragments(header.PixelData)
    offsets = None
    if "ExtendedOffsetTable" in header:
        offsets = (header.ExtendedOffsetTable, header.ExtendedOffsetTableLengths)
    return encaps.get_frame(header.PixelData, index, extended_offsets=offsets, number_of_frames=frames)


def _check_size(header: Dataset, held: tuple[int, int, int]) -> None:
    """Refuse a compressed picture of another size than the header says: a bomb behind small Rows, or a mix-up."""
    told = (header.Rows, header.Columns, header.SamplesPerPixel)
    if held != told:
        raise ScanError(
            Text(
                "scan.dicom-header-says",
                "The DICOM header says {told} rows, columns and samples, but the compressed picture has "
                "{held}; export the scan again.",
                told=_by(told),
                held=_by(held),
            )
        )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _mixed_up(header: Dataset, held: str) -> ScanError:
    told = transfer_syntaxes.FORMS[header.file_meta.TransferSyntaxUID].name
    return ScanError(
        Text(
            "scan.dicom-header-says-told",
            "The DICOM header says {told}, but the pixels are stored as {held}; export the scan again.",
            told=told,
            held=held,
        )
    )


def _check_jpeg_2000(frame: bytes, header: Dataset) -> int:
    """Refuse a frame whose own header asks for another size, or that has lost its end; the bits of its samples.

    Openjpeg decodes half a stream without complaint.
    """
    if frame.startswith(JPEG_MAGIC):
        raise _mixed_up(header, "JPEG")
    size = jpeg_2000_size(frame)
    _check_size(header, (size.height, size.width, size.components))
    data = frame.find(_START_OF_DATA, size.start)
    if data < 0 or frame.find(_IMAGE_END, data) < 0:
        raise damaged("DICOM")
    check_jpeg_2000(frame)
    return size.precision
