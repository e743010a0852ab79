"""The picture of a prediction: the panel that is exported elsewhere, as a Secondary Capture with its use burnt in."""

import io
import math

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from meddef_core.pacs.results.identity import stamp
from meddef_core.pacs.results.report import DESCRIPTION, MANUFACTURER, RESEARCH_USE, date_of
from meddef_core.pacs.results.subject import ReportSubject
from meddef_core.records import PredictionRecord, build
from meddef_core.report.canvas import LEADING, STAMP, paragraph
from meddef_core.report.panel import STYLE, WIDTH, panel
from meddef_core.report.png import PngCanvas
from meddef_core.report.results import prediction_numbers
from meddef_core.report.sheet import Sheet, SheetSide

SERIES_NUMBER = 9902


def capture(subject: ReportSubject) -> Dataset:
    """The panel of the picture that stands for a subject (`ReportSubject.shown`); no text on it is of a patient."""
    result = SCImage(
        pixel_array=panel_pixels(subject),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        study_instance_uid=subject.instance.study,
        series_instance_uid=subject.series.capture,
        series_number=SERIES_NUMBER,
        sop_instance_uid=subject.uids.capture,
        instance_number=subject.instance.number or 1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=subject.model.card.key,
        software_versions=subject.software,
        device_serial_number=subject.weights,
        series_description=DESCRIPTION,
    )
    result.PatientOrientation, result.Laterality = [], ""  # a page of text has neither
    result.ConversionType = "WSD"
    result.BurnedInAnnotation = "YES"
    result.ContentQualification = "RESEARCH"
    result.ImageComments = RESEARCH_USE
    result.SourceImageSequence = [_source(subject)]
    date_of(result, subject)
    result.DateOfSecondaryCapture, result.TimeOfSecondaryCapture = result.ContentDate, result.ContentTime
    stamp(result, subject.identity, study=subject.instance.study)
    return result


def panel_pixels(subject: ReportSubject) -> NDArray[np.uint8]:
    """The panel below its banner, `(h, 1600, 3)`."""
    shown = subject.shown
    title = (
        "Scan from the PACS" if shown.frame is None else f"Frame {shown.frame} of {len(subject.slices)} from the PACS"
    )
    record = build(
        PredictionRecord, model=subject.model, scan=shown.facts, numbers=prediction_numbers(shown.prediction)
    )
    record = record.model_copy(update={"created": subject.created.isoformat(timespec="seconds")})
    side = SheetSide(title=subject.model.card.title, record=record, clean=shown.picture)
    page = _pixels(panel(Sheet(scan=title, truth=None, sides=(side,))))
    return np.concatenate([_banner(subject), page])


def _banner(subject: ReportSubject) -> NDArray[np.uint8]:
    """The use, in letters that are read at a glance; below it what the frames of a volume come to."""
    height = math.ceil(_drawn(PngCanvas(WIDTH, 1), subject))
    canvas = PngCanvas(WIDTH, height)
    _drawn(canvas, subject)
    return _pixels(canvas.finish({}))


def _drawn(canvas: PngCanvas, subject: ReportSubject) -> float:
    x, y, width = STYLE.margin, STYLE.gap, WIDTH - 2 * STYLE.margin
    canvas.box(0, 0, WIDTH, 2 * STYLE.gap + LEADING * STYLE.heading, colour=STAMP)
    y = paragraph(canvas, x, y, RESEARCH_USE, width=width, size=STYLE.heading, bold=True) + 2 * STYLE.gap
    if subject.summary:
        y = paragraph(canvas, x, y, f"{subject.summary} {_shown(subject)}", width=width, size=STYLE.body)
    return y


def _shown(subject: ReportSubject) -> str:
    if subject.abstained:
        return "Shown is the middle frame."
    return "Shown is the frame with the highest probability of any finding."


def _pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def _source(subject: ReportSubject) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = subject.instance.sop_class, subject.instance.uid
    if subject.shown.frame is not None:
        item.ReferencedFrameNumber = subject.shown.frame
    return item
