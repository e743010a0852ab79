"""The table of a volume: one row a slice, as CSV."""

import csv
import io
from typing import TYPE_CHECKING

from meddef_core.intended_use import INTENDED_USE
from meddef_core.io.cells import harmless
from meddef_core.tasks import get_task

if TYPE_CHECKING:
    from meddef_core.prediction.volume import SlicePrediction, VolumePrediction
    from meddef_core.zoo import Card


def slices_csv(found: "VolumePrediction", *, card: "Card") -> bytes:
    """The slices as CSV (RFC 4180) in UTF-8 with a byte order mark, by which spreadsheets know the encoding.

    What a spreadsheet would run as a formula has an apostrophe before it (see `meddef_core.io.cells`).
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    rows = [_row(each, found, card) for each in found.slices]
    writer.writerow(rows[0] if rows else ())
    writer.writerows([harmless(cell) for cell in row.values()] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _row(row: "SlicePrediction", found: "VolumePrediction", card: "Card") -> dict[str, str]:
    output, prediction = row.output, row.prediction
    flagged = found.verdict is not None and row.number in found.verdict.flagged
    return {
        "slice": str(row.number),
        "frame": "" if row.frame is None else str(row.frame),
        "scan_id": row.short_id or "",
        "model_output": output.label if output else "",
        **{f"p_{name}": f"{output.shares[i]:.6f}" if output else "" for i, name in enumerate(found.classes)},
        "calibrated": ("yes" if output.calibration_holds else "no") if output else "",
        "level": (prediction.level or "") if prediction else "",
        "carries_finding": ("yes" if flagged else "no") if found.verdict else "",
        "remarks": row.remarks,
        "volume_output": found.verdict.sentence if found.verdict else "",
        "model": f"{card.key} {card.weights.sha256[:12]}",
        "trained_on": get_task(card.task).population.sentence,
        "intended_use": INTENDED_USE,
    }
