"""Every way DICOM stores pixels, by its transfer syntax: what a person calls it, and what decodes it here."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydicom import uid

from meddef_core.errors import ScanError
from meddef_core.text import Text


@dataclass(frozen=True)
class Form:
    """One form of pixel data."""

    name: str
    """As it stands in a sentence: "JPEG Lossless"."""
    decoder: str | None
    """pydicom's decoding plugin, "" for pixels that are not compressed, None where nothing here reads the form.

    Of the forms in `JPEG` the package that decodes them: they are told apart by the stream's own header.
    """


_NATIVE = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian)

LOSSY_JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
LOSSLESS_JPEG = (uid.JPEGLossless, uid.JPEGLosslessSV1)
JPEG_LS = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
JPEG = LOSSY_JPEG + LOSSLESS_JPEG + JPEG_LS
JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)

# One decoder a form, so that the same file gives the same pixels whatever else is installed.
FORMS: Mapping[str, Form] = {
    **dict.fromkeys(_NATIVE, Form(Text("scan.form-uncompressed", "uncompressed pixels"), "")),
    uid.DeflatedExplicitVRLittleEndian: Form(Text("scan.form-deflated-data", "a deflated data set"), ""),
    uid.JPEGBaseline8Bit: Form("JPEG Baseline", "pillow"),
    uid.JPEGExtended12Bit: Form("JPEG Extended", "pillow"),
    **dict.fromkeys(JPEG_2000[:2], Form("JPEG 2000", "pylibjpeg")),
    **dict.fromkeys(JPEG_2000[2:], Form("High-Throughput JPEG 2000", "pylibjpeg")),
    uid.RLELossless: Form("RLE", "pydicom"),
    uid.JPEGLossless: Form("JPEG Lossless (Process 14)", "imagecodecs"),
    uid.JPEGLosslessSV1: Form("JPEG Lossless", "imagecodecs"),
    uid.JPEGLSLossless: Form("JPEG-LS Lossless", "pyjpegls"),
    uid.JPEGLSNearLossless: Form("JPEG-LS Near-Lossless", "pyjpegls"),
    **dict.fromkeys(
        (uid.JPEG2000MCLossless, uid.JPEG2000MC),
        Form(Text("scan.form-multi-jpeg-2000", "multi-component JPEG 2000 (Part 2)"), None),
    ),
    **dict.fromkeys(
        ("1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205"),
        Form(Text("scan.form-jpip-link", "a link to another server (JPIP)"), None),
    ),
    **{
        f"1.2.840.10008.1.2.4.{n}": Form(Text("scan.form-mpeg", "MPEG video"), None)
        for n in ("100", "100.1", "101", "101.1")
    },
    **{
        f"1.2.840.10008.1.2.4.{n}": Form(Text("scan.form-h264", "H.264 video (MPEG-4)"), None)
        for n in ("102", "102.1", "103", "103.1", "104", "104.1", "105", "105.1", "106", "106.1")
    },
    **{f"1.2.840.10008.1.2.4.{n}": Form(Text("scan.form-h265", "H.265 video (HEVC)"), None) for n in ("107", "108")},
    **{f"1.2.840.10008.1.2.4.{n}": Form("JPEG XL", None) for n in ("110", "111", "112")},
    "1.2.840.10008.1.2.1.98": Form(Text("scan.form-encapsulated", "encapsulated uncompressed pixels"), None),
    "1.2.840.10008.1.2.8.1": Form(Text("scan.form-deflated-frames", "deflated frames"), None),
}


def decoder_of(syntax: uid.UID) -> str:
    """The decoding plugin for a transfer syntax; raises ScanError, naming the form, where nothing here reads it."""
    form = FORMS.get(syntax) or Form(
        syntax.name if syntax.is_transfer_syntax else Text("scan.form-unknown", "an unknown form"), None
    )
    if form.decoder is None:
        raise not_read(form.name)
    return form.decoder


def not_read(form: str) -> ScanError:
    """The refusal of a DICOM file whose pixels are whole but stored in a `form` that is not decoded."""
    return ScanError(
        Text(
            "scan.dicom-pixels-stored",
            "The DICOM pixels are stored as {form}, which is not read here; export them uncompressed, or as "
            "RLE or JPEG 2000.",
            form=form,
        )
    )
