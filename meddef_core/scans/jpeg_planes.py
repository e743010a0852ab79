"""The forms of JPEG that Pillow does not read: Lossless, JPEG-LS, and 12 bits a sample."""

import numpy as np

from meddef_core.scans.contrast import Values
from meddef_core.scans.damage import damaged
from meddef_core.scans.jpeg_header import JpegHeader


def decode_planes(stream: bytes, found: JpegHeader) -> Values:
    """The values (H, W), or (H, W, components) as they were compressed, of a stream with header `found`.

    uint8 up to 8 bits, else uint16. The packages are loaded here: they take 0.3 s, and few files need them. Raises
    ScanError where the decoder finds another picture than the header tells, RuntimeError where it gives up.
    """
    if found.decoder == "pyjpegls":
        values = _jpeg_ls(stream, found)
    else:
        from imagecodecs import jpeg8_decode

        # With the same colour space on both sides nothing is converted.
        values = jpeg8_decode(stream, colorspace="UNKNOWN", outcolorspace="UNKNOWN")
    shape = (found.height, found.width, *([len(found.ids)] if len(found.ids) > 1 else []))
    if values.shape != shape or values.dtype != (np.uint8 if found.precision <= 8 else np.uint16):
        raise damaged("JPEG")
    return values


def _jpeg_ls(stream: bytes, found: JpegHeader) -> Values:
    import jpeg_ls

    samples, facts = jpeg_ls.decode_buffer(stream)
    values = np.frombuffer(samples, np.uint8 if found.precision <= 8 else "<u2")
    components = len(found.ids)
    if components == 1:
        return values.reshape(found.height, found.width)
    if facts["interleave_mode"] == 0:  # one plane after the other
        return values.reshape(components, found.height, found.width).transpose(1, 2, 0)
    return values.reshape(found.height, found.width, components)
