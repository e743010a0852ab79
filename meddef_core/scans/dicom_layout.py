"""How stored values lie in their container, and what stands in for attributes that a header lacks or contradicts."""

from dataclasses import dataclass, replace

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from meddef_core.errors import ScanError
from meddef_core.scans import transfer_syntaxes
from meddef_core.scans.contrast import Values
from meddef_core.scans.deidentify import plain_text
from meddef_core.scans.dicom_attributes import whole, words_of
from meddef_core.text import Text

_REQUIRED = ("Rows", "Columns", "BitsAllocated")
"""Nothing stands in for these."""

_ALLOCATED = (1, 8, 16, 32, 64)


@dataclass(frozen=True)
class Layout:
    """Where the bits of a sample lie (PS3.5 section 8.1.1)."""

    stored: int
    """Bits Stored."""
    high: int
    """High Bit: the place of the highest of them, from 0."""
    signed: bool

    @property
    def shifted(self) -> bool:
        """Whether the stored bits do not begin at bit 0."""
        return self.high != self.stored - 1

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and highest value that can be stored."""
        if self.signed:
            return -(2.0 ** (self.stored - 1)), 2.0 ** (self.stored - 1) - 1
        return 0.0, 2.0**self.stored - 1

    def extract(self, container: Values) -> Values:
        """The stored values of whole containers, whose integer type tells the sign: other bits out, sign extended."""
        size = 8 * container.dtype.itemsize
        if size == self.stored:
            return container
        values = np.left_shift(container, size - 1 - self.high)
        return np.right_shift(values, size - self.stored, out=values)

    def fit(self, container: Values) -> tuple[Values, "Layout", tuple[str, ...]]:
        """The stored values of a picture, the layout that it supports, and a note where the header's does not suit it.

        `container` is (H, W) of whole numbers.
        """
        layout, notes = self._justified(container) if self.shifted else (self, ())
        values = layout.extract(container)
        # An overlay in the unused bits makes a picture rougher; without bits that belong to it, it wraps round.
        if not layout.shifted and not np.array_equal(values, container) and _roughness(container) < _roughness(values):
            layout, notes = layout._deeper(container)
            values = layout.extract(container)
        return values, layout, notes

    def _deeper(self, container: Values) -> tuple["Layout", tuple[str, ...]]:
        """The layout of all bits in use, where Bits Stored cuts the picture off."""
        needed = int(max(int(container.max()), ~int(container.min()))).bit_length() + self.signed
        note = Text(
            "scan.bits-stored-stored",
            "Bits Stored ({stored}) is too small for the values, so they were read as {needed} bits.",
            stored=self.stored,
            needed=needed,
        )
        return Layout(needed, needed - 1, self.signed), (note,)

    def _justified(self, container: Values) -> tuple["Layout", tuple[str, ...]]:
        """Some files say that their values are left-justified where they are not."""
        below = (1 << (self.high + 1 - self.stored)) - 1
        plain = replace(self, high=self.stored - 1)
        if not np.any(container & below) or not np.array_equal(plain.extract(container), container):
            return self, ()
        return plain, (
            Text(
                "scan.high-bit",
                "High Bit ({high}) contradicts the values, which lie in the lowest {stored} bits.",
                high=self.high,
                stored=self.stored,
            ),
        )


def _roughness(values: Values) -> float:
    """Mean difference between neighbours, down and across."""
    wide = values.astype(np.int64 if values.dtype.itemsize > 2 else np.int32)
    return float(sum(np.abs(np.diff(wide, axis=axis)).mean() for axis in (0, 1)))


def completed(header: Dataset) -> tuple[Layout, tuple[str, ...]]:
    """Fill in what a header lacks, and say so in notes; from then on its attributes of the picture can be relied on.

    Raises ScanError, naming the attribute, where nothing can stand in for it.
    """
    for keyword in _REQUIRED:
        value = whole(header, keyword)
        if value is None or value < 1:
            raise ScanError(
                Text(
                    "scan.dicom-header-gives",
                    "The DICOM header gives no {keyword}; export the scan again.",
                    keyword=words_of(keyword),
                )
            )
        setattr(header, keyword, value)
    if header.BitsAllocated not in _ALLOCATED:
        raise ScanError(
            Text(
                "scan.dicom-pixels-take",
                "The DICOM pixels take {bits} bits each (Bits Allocated), which is not read here; export them "
                "with 8 or 16 bits.",
                bits=header.BitsAllocated,
            )
        )
    notes = _complete_colour(header)
    if "PixelData" not in header:
        return Layout(header.BitsAllocated, header.BitsAllocated - 1, signed=True), notes
    layout, more = _layout(header)
    return layout, notes + more


def _complete_colour(header: Dataset) -> tuple[str, ...]:
    notes: list[str] = []
    photometric = plain_text(header, "PhotometricInterpretation").upper().replace("MONOCHROME ", "MONOCHROME")
    samples = whole(header, "SamplesPerPixel")
    if samples is None:
        samples = _likely_samples(header, photometric)
        notes.append(
            Text("scan.file-gives", "The file gives no Samples per Pixel; {samples} was assumed.", samples=samples)
        )
    if not photometric:
        lossy = header.file_meta.TransferSyntaxUID in transfer_syntaxes.LOSSY_JPEG
        photometric = "MONOCHROME2" if samples == 1 else "YBR_FULL" if lossy else "RGB"
        notes.append(
            Text(
                "scan.file-gives-no",
                "The file gives no Photometric Interpretation; {photometric} was assumed.",
                photometric=photometric,
            )
        )
    header.SamplesPerPixel, header.PhotometricInterpretation = samples, photometric
    if samples > 1 and whole(header, "PlanarConfiguration") not in (0, 1):
        header.PlanarConfiguration = 0
        notes.append(
            Text(
                "scan.file-gives-no-usable",
                "The file gives no usable Planar Configuration; colour by pixel was assumed.",
            )
        )
    return tuple(notes)


def _likely_samples(header: Dataset, photometric: str) -> int:
    if photometric:
        return 1 if photometric.startswith(("MONOCHROME", "PALETTE")) else 3
    grey = header.Rows * header.Columns * header.BitsAllocated // 8 * max(1, whole(header, "NumberOfFrames") or 1)
    native = not uid.UID(header.file_meta.TransferSyntaxUID).is_encapsulated
    return 3 if native and "PixelData" in header and len(header.PixelData) >= 3 * grey else 1


def _layout(header: Dataset) -> tuple[Layout, tuple[str, ...]]:
    notes: list[str] = []
    allocated = header.BitsAllocated
    signed = whole(header, "PixelRepresentation")
    if signed not in (0, 1):
        signed = 0
        notes.append(
            Text(
                "scan.file-gives-no-usable-pixel",
                "The file gives no usable Pixel Representation; unsigned values were assumed.",
            )
        )
    stored = whole(header, "BitsStored")
    if stored is None or not 1 <= stored <= allocated:
        told = (
            Text("scan.no-bits-stored", "no Bits Stored")
            if stored is None
            else Text(
                "scan.bits-stored-of",
                "Bits Stored {stored} of Bits Allocated {allocated}",
                stored=stored,
                allocated=allocated,
            )
        )
        notes.append(
            Text(
                "scan.bits-stored-assumed",
                "The file gives {told}; {allocated} was assumed.",
                told=told,
                allocated=allocated,
            )
        )
        stored = allocated
    high = whole(header, "HighBit")
    if high is None or not stored - 1 <= high < allocated:
        if high is not None:
            notes.append(
                Text(
                    "scan.high-bit-high",
                    "High Bit ({high}) contradicts Bits Stored ({stored}); {assumed} was assumed.",
                    high=high,
                    stored=stored,
                    assumed=stored - 1,
                )
            )
        high = stored - 1
    header.PixelRepresentation, header.BitsStored = signed, stored
    return Layout(stored, high, bool(signed)), tuple(notes)
