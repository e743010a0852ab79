"""From one decoded DICOM frame to grey as a viewer shows it, in the order of PS3.3 C.11 and PS3.4 N.2.

Stored values, modality lookup table or rescale, VOI lookup table or window, presentation, padding.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from meddef_core.scans import contrast, dicom_window
from meddef_core.scans.colour import Colouring, colouring
from meddef_core.scans.contrast import Values
from meddef_core.scans.deidentify import plain_text
from meddef_core.scans.dicom_units import Stored, in_units, is_little_endian
from meddef_core.scans.scan import Pixels
from meddef_core.text import Text

GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PALETTE = "PALETTE COLOR"

_PALETTE_DATA = tuple(f"{name}PaletteColorLookupTableData" for name in ("Red", "Green", "Blue"))

_LUMA = np.array([299, 587, 114], dtype=np.float32) / np.float32(1000)
"""ITU-R BT.601 weights of red, green and blue."""


def grey_of_colour(stored: Stored, header: Dataset) -> tuple[Pixels, Colouring]:
    """Luminance (H, W) of RGB (H, W, 3), or of palette indices (H, W), by ITU-R 601; and how it was coloured."""
    values, bits = stored.values, stored.layout.stored
    if header.PhotometricInterpretation == PALETTE:
        values = _through_palette(values, header)
        bits = 8 * values.dtype.itemsize
    colours = colouring(_eight_bits(values, bits))
    return contrast.scale(_luminance(values, bits), low=0.0, high=float(2**bits - 1)), colours


def _luminance(values: Values, bits: int) -> Values:
    """Luminance (H, W); beyond 8 bits one channel after the other, as 50 megapixels of float32 colour have 600 MB."""
    if bits == 8:
        return np.asarray(Image.fromarray(values.astype(np.uint8)).convert("L"))
    grey: Values = values[..., 0] * _LUMA[0]
    for channel in (1, 2):
        grey += values[..., channel] * _LUMA[channel]
    return grey


def _eight_bits(values: Values, bits: int) -> npt.NDArray[np.uint8]:
    """The highest eight of `bits`, without a copy of the whole picture at its own depth on the way."""
    eight = np.empty(values.shape, np.uint8)
    np.right_shift(values, max(bits - 8, 0), out=eight, casting="unsafe")
    return eight


def _through_palette(values: Values, header: Dataset) -> Values:
    if is_little_endian(header):
        return np.asarray(apply_color_lut(values, header)[..., :3])
    # pydicom takes the words of a palette as little-endian whatever the file is.
    stored = {keyword: header[keyword].value for keyword in _PALETTE_DATA if keyword in header}
    try:
        for keyword, words in stored.items():
            setattr(header, keyword, np.frombuffer(words, np.uint16).byteswap().tobytes())
        return np.asarray(apply_color_lut(values, header)[..., :3])
    finally:
        for keyword, words in stored.items():  # as they were, for the next frame
            setattr(header, keyword, words)


def grey_of_monochrome(
    stored: Stored, header: Dataset, *, index: int, window: tuple[float, float] | None
) -> tuple[Pixels, tuple[str, ...]]:
    """Grey (H, W) of single-sample values, and what to warn of.

    In order: modality units; then `window`, else what `dicom_window.shown` chooses; inverted where the presentation
    asks for it; padding shows black.
    """
    units, notes = in_units(stored, header, index=index)
    if window is not None:
        pixels = contrast.apply_window(units.values, *window)
    else:
        pixels, more = dicom_window.shown(header, units, index=index, bits=bits_of(stored))
        notes += more
    inverted, more = _inverts(header)
    if inverted:
        np.subtract(1.0, pixels, out=pixels)
    if stored.padding is not None:
        pixels[stored.padding] = 0.0
    return pixels, notes + more + _left_out(header)


def bits_of(stored: Stored) -> int:
    """Bits that a stored value has."""
    return stored.layout.stored


def _inverts(header: Dataset) -> tuple[bool, tuple[str, ...]]:
    """Whether low values are bright: by the Presentation LUT Shape where there is one, else by the photometric.

    PS3.3 C.11.6 wants both to say the same. Where they do not, the shape is the later of the two in the pipeline.
    """
    photometric = header.PhotometricInterpretation == "MONOCHROME1"
    shape = {"INVERSE": True, "IDENTITY": False}.get(plain_text(header, "PresentationLUTShape").upper())
    if shape is None or shape == photometric:
        return photometric, ()
    note = Text(
        "scan.presentation-shape",
        "Presentation LUT Shape {shape} contradicts {photometric}; the shape was followed, so check that bone or "
        "retina is bright.",
        shape="INVERSE" if shape else "IDENTITY",
        photometric=header.PhotometricInterpretation,
    )
    return shape, (note,)


def _left_out(header: Dataset) -> tuple[str, ...]:
    """What a file may ask for behind the window that is not done here."""
    notes = []
    if "PresentationLUTSequence" in header:
        notes.append(Text("scan.file-holds", "The file holds a presentation lookup table, which was not applied."))
    if plain_text(header, "PixelPresentation").upper() in ("COLOR", "MIXED"):
        notes.append(
            Text(
                "scan.file-holds-colour",
                "The file holds a colour palette for parts of its grey values, which was not applied.",
            )
        )
    return tuple(notes)
