"""A sentence that a decoding worker raises or notes keeps its id on the way to this process."""

import io

import numpy as np
import pytest
from PIL import Image

from meddef_core.errors import ScanError
from meddef_core.scans.isolated import read_scan_isolated
from meddef_core.text import Text


def png(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)  # type: ignore[arg-type]
    return file.getvalue()


def test_a_refusal_keeps_its_id_and_values() -> None:
    with pytest.raises(ScanError) as refused:
        read_scan_isolated(png(Image.new("L", (8, 8), 3)))
    said = str(refused.value)
    assert isinstance(said, Text) and said.id.startswith("scan.")
    assert (said.values["width"], said.values["height"]) == (8, 8)


def test_a_warning_keeps_its_id() -> None:
    shades = np.tile(np.linspace(0, 255, 300, dtype=np.uint8), (300, 1))
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    (warning,) = read_scan_isolated(png(Image.fromarray(shades), exif=exif)).warnings
    assert isinstance(warning, Text) and warning.id.startswith("scan.")
