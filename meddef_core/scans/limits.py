"""What is refused, and the sentence that says so. Each check runs as early as its fact is known."""

import math

import cv2
import numpy as np

from meddef_core.errors import ScanError
from meddef_core.scans.contrast import Values
from meddef_core.scans.scan import Pixels
from meddef_core.text import Text

MAX_BYTES = 20 * 1024 * 1024
MAX_VOLUME_BYTES = 64 * 1024 * 1024
"""Bytes of one file that holds a whole volume; a worker takes no larger message."""
MAX_PIXELS = 50_000_000
MAX_VOLUME_PIXELS = 300_000_000
"""Pixels of all slices together: a cube of 512 B-scans of 512 x 1024 has 268 million."""
MAX_RAW_BYTES = 400_000_000
"""Bytes of one frame before compression: 50 megapixels of RGB with 16 bits a sample have 300 MB."""

MIN_SIDE = 32
MAX_INFLATED = 2 * MAX_PIXELS + MAX_BYTES
"""Bytes that a deflated DICOM file may inflate to: the largest picture of 16 bits, and its header."""

MOST_MM = 50.0
"""Millimetres that a pixel or the gap between two slices can have at most."""

BLANK_SPREAD = 0.01
"""Standard deviation of the pixels below which nothing can be seen. Real scans have 0.1 to 0.3."""


class FrameError(ScanError):
    """A multi-frame file without a frame chosen, or with one that it does not hold."""

    def __init__(self, message: str, *, frames: int) -> None:
        super().__init__(message)
        self.frames = frames
        """How many frames the file holds, for whoever offers the choice."""


def check_bytes(data: bytes, *, most: int = MAX_BYTES) -> None:
    """Raise ScanError when the file is empty or larger than `most` bytes, 20 MB for a single scan."""
    if not data:
        raise ScanError(Text("scan.file-empty", "The file is empty; export the scan again and choose that file."))
    if len(data) > most:
        raise ScanError(
            Text(
                "scan.file-mb",
                "The file is {mb:.1f} MB and at most {most} MB are read; export a single image, or a smaller one.",
                mb=len(data) / 1024**2,
                most=most // 1024**2,
            )
        )


def check_size(height: int, width: int, *, smallest: int = MIN_SIDE) -> None:
    """Raise ScanError for a picture too small to read or too large to decode safely (sides in pixels)."""
    if height * width > MAX_PIXELS:
        raise ScanError(
            Text(
                "scan.image-width",
                "The image is {width} x {height} pixels ({megapixels} megapixels) and at most {most} "
                "megapixels are read; export it at a smaller size.",
                width=width,
                height=height,
                megapixels=math.ceil(height * width / 100000.0) / 10,
                most=MAX_PIXELS // 1000000,
            )
        )
    if min(height, width) < smallest:
        raise ScanError(
            Text(
                "scan.image-width-x",
                "The image is {width} x {height} pixels, too small to read; choose one of at least {smallest} "
                "x {smallest} pixels.",
                width=width,
                height=height,
                smallest=smallest,
            )
        )


def check_raw_bytes(size: int) -> None:
    """Raise ScanError for a frame that takes more memory uncompressed than a decoder may have."""
    if size > MAX_RAW_BYTES:
        raise ScanError(
            Text(
                "scan.image-mb",
                "The image has {mb:.0f} MB uncompressed and at most {most} MB are read; export it with 8 or 16 "
                "bits a sample.",
                mb=size / 1000000.0,
                most=MAX_RAW_BYTES // 1000000,
            )
        )


def frame_index(frame: int | None, *, frames: int) -> int:
    """The index (from 0) of the frame asked for (from 1); raises FrameError when none or a wrong one was chosen."""
    if frame is None:
        if frames == 1:
            return 0
        raise FrameError(
            Text(
                "scan.file-holds-frames",
                "The file holds {frames} frames; choose one from 1 to {frames}.",
                frames=frames,
            ),
            frames=frames,
        )
    if not 1 <= frame <= frames:
        held = (
            Text("scan.1-frame", "1 frame; leave the frame out")
            if frames == 1
            else Text("scan.frames-frames", "{frames} frames; choose one from 1 to {frames}", frames=frames)
        )
        raise FrameError(
            Text("scan.there-no-frame", "There is no frame {frame}: the file holds {held}.", frame=frame, held=held),
            frames=frames,
        )
    return frame - 1


def check_finite(values: Values) -> None:
    """Raise ScanError when decoded values hold NaN or infinity."""
    if not np.isfinite(values).all():
        raise ScanError(
            Text("scan.image-holds", "The image holds values that are not finite numbers; export the scan again.")
        )


def check_not_blank(pixels: Pixels, *, windowed: bool) -> None:
    """Raise ScanError when the pixels show (almost) one grey value only.

    `windowed` says that the caller chose the window, which may itself be what hides the picture.
    """
    spread = float(cv2.meanStdDev(pixels)[1].item())
    if spread < BLANK_SPREAD:
        remedy = (
            Text("scan.choose-another", "choose another window.")
            if windowed
            else Text("scan.choose-file", "choose a file that shows a scan.")
        )
        raise ScanError(
            Text(
                "scan.image-blank",
                "The image is blank (almost one single grey value everywhere); {remedy}",
                remedy=remedy,
            )
        )
