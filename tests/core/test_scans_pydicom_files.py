"""pydicom's own test files: its decoding, shown as the standard says, or a refusal that names the form."""

import warnings
from importlib.metadata import distribution
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import dcmread, encaps, uid
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_rescale, pixel_array
from scan_files import Array

from meddef_core.errors import ScanError
from meddef_core.scans import FrameError, read_scan
from meddef_core.scans.limits import BLANK_SPREAD, MIN_SIDE

FOLDERS = (
    Path(pydicom.__file__).parent / "data" / "test_files",
    Path(str(distribution("pydicom-data").locate_file("data_store/data"))),
)

REASONS = {
    "MR_truncated.dcm": "damaged or cut short",
    "JPEG2000-embedded-sequence-delimiter.dcm": "but the compressed picture has 1024 x 3722445056 x 1",
    "meta_missing_tsyntax.dcm": "gives no Rows",
    "nested_priv_SQ.dcm": "gives no Rows",
}
"""Files that pydicom does not decode either."""

pytestmark = pytest.mark.filterwarnings("ignore")


def with_pixels() -> list[Path]:
    found = []
    for path in sorted(path for folder in FOLDERS for path in folder.rglob("*") if path.is_file()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                header = dcmread(path, force=True, specific_tags=["PixelData", "FloatPixelData", "Rows"])
            except Exception:  # some are made to break whatever reads them
                continue
        if "PixelData" in header or "FloatPixelData" in header:
            found.append(path)
    return found


def groups(header: Dataset, index: int, macro: str) -> Dataset:
    """The functional group of a frame, or the root."""
    for name, place in (("PerFrameFunctionalGroupsSequence", index), ("SharedFunctionalGroupsSequence", 0)):
        if name in header and macro in header[name].value[place]:
            return header[name].value[place][macro].value[0]
    return header


def windowed(values: Array, place: Dataset) -> Array | None:
    """PS3.3 C.11.2.1.2 in double precision; None without a window."""
    centre, width = place.get("WindowCenter"), place.get("WindowWidth")
    if centre is None or width is None:
        return None
    centre, width = (float(value[0] if hasattr(value, "append") else value) for value in (centre, width))
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def stored_values(header: Dataset, index: int) -> Array:
    """What pydicom decodes; two other decoders stand in where it needs a package that is not free to use here."""
    syntax = header.file_meta.TransferSyntaxUID
    if syntax not in (uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGExtended12Bit):
        return pixel_array(header, index=index)
    stream = encaps.get_frame(header.PixelData, index, number_of_frames=int(header.get("NumberOfFrames") or 1))
    if syntax == uid.JPEGExtended12Bit:
        return imagecodecs.jpeg8_decode(stream)  # its values are pinned in test_scans_cases
    values = imagecodecs.jpegsof3_decode(stream)
    return values.view(np.int16) if header.PixelRepresentation else values


def reference(path: Path, index: int) -> Array:
    header = dcmread(path, force=True)
    if "TransferSyntaxUID" not in header.file_meta:
        header.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    values = stored_values(header, index)
    photometric, little = header.PhotometricInterpretation, header.original_encoding[1]
    if photometric == "PALETTE COLOR":
        if not little:
            for name in ("Red", "Green", "Blue"):
                keyword = f"{name}PaletteColorLookupTableData"
                if keyword not in header:  # pydicom minds the order of segmented tables
                    continue
                setattr(header, keyword, np.frombuffer(header[keyword].value, ">u2").astype("<u2").tobytes())
        values = apply_color_lut(values, header)
    if values.ndim == 3:
        bits = 8 * values.dtype.itemsize
        if bits == 8:
            return np.asarray(Image.fromarray(values).convert("L")) / 255
        return values @ [0.299, 0.587, 0.114] / (2.0**bits - 1)
    if "ModalityLUTSequence" in header:
        units = apply_modality_lut(values, header)
    else:
        units = apply_rescale(values, groups(header, index, "PixelValueTransformationSequence"))
    shown = windowed(units, groups(header, index, "FrameVOILUTSequence"))
    if "VOILUTSequence" in header:
        item = header.VOILUTSequence[0]
        shown = np.asarray(item.LUTData)[np.clip(units - item.LUTDescriptor[1], 0, len(item.LUTData) - 1)]
        shown = shown / (2.0 ** item.LUTDescriptor[2] - 1)
    if shown is None and header.BitsStored <= 8:
        shown = units / (2.0**header.BitsStored - 1)
    if shown is None:
        shown = (units - float(units.min())) / (float(units.max()) - float(units.min()))
    return 1 - shown if photometric == "MONOCHROME1" else shown


@pytest.mark.parametrize("path", with_pixels(), ids=lambda path: path.name)
def test_pydicoms_own_files(path: Path) -> None:
    data = path.read_bytes()
    header = dcmread(path, force=True)
    frames = int(header.get("NumberOfFrames") or 1) if path.name != "badVR.dcm" else 1
    try:
        scans = {number: read_scan(data, frame=number) for number in sorted({1, frames})}
    except FrameError:
        raise
    except ScanError as error:
        check_refusal(path, header, str(error))
        return
    for number, scan in scans.items():
        np.testing.assert_allclose(scan.pixels, reference(path, number - 1), atol=2e-5)


def check_refusal(path: Path, header: Dataset, sentence: str) -> None:
    if path.name in REASONS:
        assert REASONS[path.name] in sentence
    elif min(header.Rows, header.Columns) < MIN_SIDE:
        assert "too small to read" in sentence
    else:
        assert "is blank" in sentence and reference(path, 0).std() < BLANK_SPREAD
