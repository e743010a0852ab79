"""How numbers and classes are written, the same on every page."""

import numpy as np
from numpy.typing import NDArray

from meddef_core.data.tasks import Task


def class_words(task: Task, label: str) -> str:
    """ "Choroidal neovascularisation (CNV)": the plain words, and the code where readers use one."""
    words = task.words[label]
    words = words[0].upper() + words[1:]
    return f"{words} ({label})" if len(label) <= 3 else words


def class_code(task: Task, label: str) -> str:
    """The short form for charts and tables: "CNV", "Drusen", "No finding"."""
    return label if len(label) <= 3 else class_words(task, label)


def percent(share: float) -> str:
    """A probability or share as text; never "100 %" or "0 %" for what is not quite that."""
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %"


def counted(number: int, thing: str) -> str:
    """ "1 step", "2 steps"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def eps_words(eps: float) -> str:
    """ "4/255 (0.0157)": a budget as readers know it, beside its decimal."""
    steps = eps * 255
    whole = abs(steps - round(steps)) < 1e-6
    return f"{round(steps)}/255 ({eps:.4f})" if whole else f"{steps:.2f}/255 ({eps:.4f})"


def strongest_region(values: NDArray[np.float32]) -> str:
    """Where the largest value lies in a picture, in words, for readers who do not see it."""
    row, column = np.unravel_index(int(np.argmax(np.abs(values))), values.shape)
    vertical = ("upper", "middle", "lower")[min(2, 3 * int(row) // values.shape[0])]
    horizontal = ("left", "centre", "right")[min(2, 3 * int(column) // values.shape[1])]
    if (vertical, horizontal) == ("middle", "centre"):
        return "the centre of the picture"
    return f"the {vertical} {horizontal} of the picture"
