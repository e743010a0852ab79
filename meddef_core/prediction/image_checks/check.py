"""Whether a picture is one upright scan in grey, as a task's models expect it; and the sentence where it is not."""

from typing import Literal, get_args

from meddef_core.prediction.abstention import Abstention
from meddef_core.prediction.image_checks.composite import page_score
from meddef_core.prediction.image_checks.files import ImageChecks, image_checks
from meddef_core.prediction.image_checks.upright import lies, righted
from meddef_core.scans import Scan
from meddef_core.scans.scan import Pixels
from meddef_core.tasks import Task
from meddef_core.text import Text

Fault = Literal[
    "false colour",
    "composite page",
    "upside down",
    "turned clockwise",
    "turned anticlockwise",
    "inverted",
    "inverted and upside down",
    "inverted and turned clockwise",
    "inverted and turned anticlockwise",
]

SENTENCES: dict[Fault, str] = {
    "false colour": Text(
        "prediction.picture-false",
        "The picture is in false colours, from which the grey scale of a scan cannot be recovered; "
        "upload the grey original.",
    ),
    "composite page": Text(
        "prediction.picture-seems",
        "The picture seems to be a page of several panels or text, not a single scan; "
        "crop it to the scan and upload that.",
    ),
    "upside down": Text("prediction.scan-seems", "The scan seems to be upside down; upload it upright."),
    "turned clockwise": Text(
        "prediction.scan-seems-turned", "The scan seems to be turned clockwise by 90 degrees; upload it upright."
    ),
    "turned anticlockwise": Text(
        "prediction.scan-seems-turned-anticlockwise",
        "The scan seems to be turned anticlockwise by 90 degrees; upload it upright.",
    ),
    "inverted": Text(
        "prediction.grey-scale",
        "The grey scale of the scan seems to be inverted, black for white; upload it in its original grey scale.",
    ),
    "inverted and upside down": Text(
        "prediction.scan-seems-upside",
        "The scan seems to be upside down and its grey scale inverted; upload it upright and "
        "in its original grey scale.",
    ),
    "inverted and turned clockwise": Text(
        "prediction.scan-seems-turned-clockwise",
        "The scan seems to be turned clockwise by 90 degrees and its grey scale "
        "inverted; upload it upright and in its original grey scale.",
    ),
    "inverted and turned anticlockwise": Text(
        "prediction.scan-seems-turned-anticlockwise-90",
        "The scan seems to be turned anticlockwise by 90 degrees and its grey scale "
        "inverted; upload it upright and in its original grey scale.",
    ),
}
"""What is said of each fault, and what to do."""

FAULTS: tuple[Fault, ...] = get_args(Fault)


def image_abstention(scan: Scan, task: Task) -> Abstention | None:
    """Why a task's models must not predict a scan, from its picture alone; None where nothing is wrong with it.

    Raises ModelError if the shipped checks cannot be read.
    """
    fault: Fault | None = "false colour" if scan.false_colour else find_fault(scan.pixels, task)
    return None if fault is None else Abstention(fault, (), SENTENCES[fault])


def find_fault(pixels: Pixels, task: Task, *, checks: ImageChecks | None = None) -> Fault | None:
    """The fault of a picture `(H, W)` in [0, 1]; None for one upright scan. `checks` are the shipped ones unless given.

    What seems turned or inverted is put right before it is asked whether it is a page: single scans mostly lie upright
    where that was learned.
    """
    checks = checks or image_checks()
    way = lies(checks.uprights[task.key].scores(pixels, fill_border=task.preprocessing.fill_border))
    if page_score(checks.page, righted(pixels, way)) > checks.card.page_above[task.key]:
        return "composite page"
    return next((fault for fault in FAULTS if fault == way), None)
