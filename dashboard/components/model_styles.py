"""One look for each model, the same in every figure: colour, dash and marker, so that none needs the colour."""

from dataclasses import dataclass
from zlib import crc32

from dashboard.components.charts import COLOURS, DASHES, MARKERS


@dataclass(frozen=True)
class ModelStyle:
    """How a model's line and points are drawn."""

    colour: str
    dash: str
    marker: str


PAIR = {
    "meddef": ModelStyle(COLOURS[0], "solid", "square"),
    "undefended": ModelStyle(COLOURS[1], "dash", "circle-open"),
}
"""The two that every page compares, as the Attack lab draws them. No other model has their colours."""

OTHERS = {
    "meddef-narrow": 0,
    "meddef-patient-split": 0,
    "distilled": 1,
    "meddef-pruned": 2,
    "without-daam": 3,
    "meddef-certified": 4,
    "meddef-plain": 4,
    "resnet18-undefended": 5,
    "meddef-large-eps": 6,
    "paper": 10,
}
"""Number of each other model that ships, by name; two share one only where no task has both."""


def style_of(model: str) -> ModelStyle:
    """The look of a model, by its id (`<task>/<name>`) or its name alone; also of one that does not ship."""
    name = model.rpartition("/")[2]
    if name in PAIR:
        return PAIR[name]
    colours = COLOURS[2:]
    # Of any other name the number is drawn, so that it is the same on every page.
    number = OTHERS.get(name, crc32(name.encode()))
    place, again = number % len(colours), number // len(colours)
    dash, marker = DASHES[(place + 2 * again) % len(DASHES)], MARKERS[(place + 2 + again) % len(MARKERS)]
    return ModelStyle(colours[place], dash, marker)
