"""What every reader returns: one grey picture in [0, 1], and the little that is known about it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan, upright as displayed, free of names.

    The file name is never kept, and of a DICOM header only the allow-list of `deidentify` is.
    """

    pixels: Pixels
    """float32 (H, W), grey, in [0, 1], not writable: a scan is shared between pages and threads."""
    container: str
    """"DICOM", "PNG", "JPEG", "TIFF", "BMP", "WebP" or "synthetic"."""
    bits: int
    """Bits a stored sample holds (1 to 16; 32 or 64 for DICOM float pixels)."""
    digest: str
    """SHA-256 (hex) of the bytes read; of the pixels when the scan is synthetic."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The allow-listed DICOM attributes by keyword, coded ones as the term they stand for; of other files only the
    number of frames, where there are several."""
    removed: int = 0
    """DICOM elements left behind by de-identification (pixel data not counted)."""
    row_mm: float | None = None
    """Height of a pixel in tissue in millimetres, where the file tells it."""
    warnings: tuple[str, ...] = ()
    """Plain sentences about what was assumed or changed while reading."""
    age_group: str | None = field(default=None, repr=False)
    """One of `AGE_GROUPS`, to compare with a model's training population and for nothing else: no record, export or
    page has it. The age itself is not kept."""
    false_colour: bool = False
    """Whether the file shows the scan in false colours, of which grey cannot be made faithfully (`colour`)."""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.float32:
            raise TypeError(f"a scan holds float32 (H, W) pixels, not {self.pixels.dtype} {self.pixels.shape}")
        self.pixels.setflags(write=False)

    @cached_property
    def short_id(self) -> str:
        """Six hexadecimal digits of the pixels, as "3FA-91C", by which a person tells two scans apart.

        Two frames or windows of one file have different ids; the same picture always has the same one.
        """
        digest = hashlib.sha256(str(self.size).encode())
        digest.update(np.ascontiguousarray(self.pixels).data)  # not copied: 50 megapixels have 200 MB
        digits = digest.hexdigest()[:6].upper()
        return f"{digits[:3]}-{digits[3:]}"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.pixels.shape
        return height, width


def digest_of(data: bytes) -> str:
    """SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
