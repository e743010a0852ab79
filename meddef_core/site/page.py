"""A site report as a PDF of one A4 page: verdict, figures beside the test set, and the worst scans where asked for."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from meddef_core import __version__
from meddef_core.intended_use import INTENDED_USE
from meddef_core.records import SiteRecord
from meddef_core.report.canvas import INK, MUTED, RULE, STAMP, Canvas, Rgb, fitted, paragraph
from meddef_core.report.pdf import A4, PdfCanvas
from meddef_core.site.verdict import RULE_SENTENCE
from meddef_core.site.words import HOLDS, STATES, adjustment_lines, counts_line, figure_words, figures, hits_words

MARGIN, HEADING, BODY, SMALL, GAP = 34.0, 15.0, 8.4, 7.0, 6.0
LABEL = 190.0
"""Width of the first column."""

ABREAST = 6
"""Thumbnails beside each other."""


def report_page(record: SiteRecord, pictures: Sequence[NDArray[np.float32]] = ()) -> bytes:
    """The PDF; `pictures` are the worst scans in the record's order, `(224, 224)` in [0, 1], none to leave them out."""
    canvas, numbers = PdfCanvas(), record.numbers
    width = A4[0] - 2 * MARGIN
    y = paragraph(canvas, MARGIN, MARGIN, f"MedDef · {numbers.title}", width=width, size=HEADING, bold=True)
    y = paragraph(canvas, MARGIN, y, INTENDED_USE, width=width, size=BODY, colour=MUTED) + GAP
    canvas.box(MARGIN, y, width, 2.6 * HEADING, colour=STAMP)
    y = paragraph(canvas, MARGIN + GAP, y + GAP, numbers.verdict.sentence, width=width - 2 * GAP, size=10.5, bold=True)
    y += 2 * GAP
    for line in (*numbers.verdict.reasons, RULE_SENTENCE, counts_line(numbers), HOLDS[numbers.labels_hold]):
        y = paragraph(canvas, MARGIN, y, line, width=width, size=BODY)
    for row in numbers.rows:
        y = paragraph(canvas, MARGIN, y + GAP, f"{STATES[row.state]}, n = {row.n}", width=width, size=10.5, bold=True)
        cells = {name: figure_words(value) for name, value in figures(row).items()}
        cells["stated confidence"] = f"{100 * row.confidence:.1f}% on average"
        cells["wrong for certain and accepted"] = hits_words(row.certain_and_accepted)
        cells["finding called NORMAL and accepted"] = hits_words(row.missed_and_accepted)
        if row.healthy_given_a_finding_and_accepted is not None:
            cells["NORMAL given a finding and accepted"] = hits_words(row.healthy_given_a_finding_and_accepted)
        cells["area under the risk-coverage curve"] = f"{row.curve.aurc:.3f}"
        y = _table(canvas, cells, y=y, width=width)
    for line in adjustment_lines(numbers):
        y = paragraph(canvas, MARGIN, y + GAP / 2, line, width=width, size=BODY)
    if pictures:
        y = _worst(canvas, record, pictures, y=y + GAP, width=width)
    digest = hashlib.sha256(json.dumps(record.document(), sort_keys=True).encode()).hexdigest()
    foot = f"{record.model.key}, sha256 of the weights {record.model.weights_sha256}; {record.created}; record {digest}"
    paragraph(canvas, MARGIN, A4[1] - MARGIN - 2 * SMALL, foot, width=width, size=SMALL - 1, colour=MUTED)
    return canvas.finish(
        title=f"MedDef: {numbers.title}",
        subject=INTENDED_USE,
        keywords=f"record sha256 {digest}",
        producer=f"MedDef {__version__}",
    )


def _table(canvas: Canvas, cells: dict[str, str], *, y: float, width: float) -> float:
    for name, value in cells.items():
        canvas.text(MARGIN, y, fitted(canvas, name, width=LABEL - GAP, size=SMALL), size=SMALL, colour=MUTED)
        canvas.text(MARGIN + LABEL, y, fitted(canvas, value, width=width - LABEL, size=SMALL), size=SMALL, colour=INK)
        y += 1.45 * SMALL
        canvas.box(MARGIN, y - 0.25 * SMALL, width, 0.5, colour=RULE)
    return y


def _worst(
    canvas: Canvas, record: SiteRecord, pictures: Sequence[NDArray[np.float32]], *, y: float, width: float
) -> float:
    """The worst scans in rows, each with its row number, short id, label and output; those with room are drawn."""
    edge = (width - (ABREAST - 1) * GAP) / ABREAST
    for start in range(0, len(pictures), ABREAST):
        if y + edge + 3 * SMALL > A4[1] - MARGIN - 3 * SMALL:
            break
        for place, picture in enumerate(pictures[start : start + ABREAST]):
            scan, x = record.numbers.worst[start + place], MARGIN + place * (edge + GAP)
            canvas.picture(x, y, _grey(picture), width=edge, height=edge)
            taken = "accepted" if scan.accepted else "not accepted"
            said = f"row {scan.row} ({scan.id}): {scan.label} given {scan.output}, {taken}"
            paragraph(canvas, x, y + edge + 1, said, width=edge, size=SMALL - 1)
        y += edge + 4.5 * SMALL
    return y


def _grey(picture: NDArray[np.float32]) -> Rgb:
    return np.repeat((np.clip(picture, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
