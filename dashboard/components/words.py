"""How numbers and classes are written, the same on every page."""

import numpy as np
from numpy.typing import NDArray

from dashboard.language import tr
from dashboard.services.results.common import Reading
from dashboard.services.tasks import Task
from dashboard.services.words import Text, counted, format_eps, grey_steps, percent, short_eps

__all__ = ["PLACES", "class_code", "class_words", "counted", "eps_words", "output_words", "percent", "strongest_region"]


def class_words(task: Task, label: str) -> str:
    """ "Choroidal neovascularisation (CNV)": the plain words, and the code where readers use one."""
    words = tr(task.words[label])
    words = words[0].upper() + words[1:]
    return f"{words} ({label})" if len(label) <= 3 else words


def class_code(task: Task, label: str) -> str:
    """The short form for charts and tables: "CNV", "Drusen", "No finding"."""
    return label if len(label) <= 3 else class_words(task, label)


def output_words(task: Task, reading: Reading) -> str:
    """ "CNV 94.4%"; without a probability where the model abstains."""
    label = class_code(task, reading.label)
    if reading.abstained is not None:
        return tr("attention.output-not", "{output}, not valid: the model abstains", output=label)
    return f"{label} {percent(reading.probability)}"


def eps_words(eps: float) -> str:
    """ "4/255 (0.0157)": a budget as readers know it, beside its decimal."""
    return format_eps(eps) if "/" in short_eps(eps) else grey_steps(eps)


def strongest_region(values: NDArray[np.float32]) -> str:
    """Where the largest value lies in a picture, in words, for readers who do not see it."""
    row, column = np.unravel_index(int(np.argmax(np.abs(values))), values.shape)
    place = PLACES[min(2, 3 * int(row) // values.shape[0])][min(2, 3 * int(column) // values.shape[1])]
    return tr(place)


PLACES = (
    (
        Text("diagnose.upper-left", "the upper left of the picture"),
        Text("diagnose.upper-centre", "the upper centre of the picture"),
        Text("diagnose.upper-right", "the upper right of the picture"),
    ),
    (
        Text("diagnose.middle-left", "the middle left of the picture"),
        Text("diagnose.centre-picture", "the centre of the picture"),
        Text("diagnose.middle-right", "the middle right of the picture"),
    ),
    (
        Text("diagnose.lower-left", "the lower left of the picture"),
        Text("diagnose.lower-centre", "the lower centre of the picture"),
        Text("diagnose.lower-right", "the lower right of the picture"),
    ),
)
"""Ninths of a picture, row by row."""
