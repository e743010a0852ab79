"""What the viewer says; places in braces are filled in the browser."""

from typing import Any

from dashboard.language import tr

SAID = {
    "label": "Image viewer",
    "toolbar": "Viewer tools",
    "stage": "Image of the scan.",
    "hint": "Press H for the list of keys.",
    "tool_window": "Window",
    "tool_move": "Move",
    "tool_slices": "Slices",
    "closer": "Zoom in",
    "farther": "Zoom out",
    "whole": "Fit",
    "invert": "Invert",
    "preset": "Window preset",
    "own_window": "Set by hand",
    "reset": "Reset",
    "helper": "Mouse, touch and keys",
    "help_title": "Mouse, touch and keys",
    "close": "Close",
    "map": "Map",
    "no_map": "None",
    "opacity": "Opacity",
    "outline": "Model input",
    "share": "Attacked, %",
    "blink": "Blink",
    "beside": "Side by side",
    "reread": "Predict with this window",
    "state": "Centre {centre} · Width {width} · Zoom {zoom}",
    "state_inverted": "Centre {centre} · Width {width} · Zoom {zoom} · Inverted",
    "drawing": "Drawing the maps…",
    "failed": "The image could not be loaded. Reload the page.",
    "shift": "Shift",
}

ACTIONS = {
    "slice_back": "Previous slice",
    "slice_on": "Next slice",
    "leap_back": "Ten slices back",
    "leap_on": "Ten slices on",
    "first_slice": "First slice",
    "last_slice": "Last slice",
    "brighter": "Brighter",
    "darker": "Darker",
    "more_contrast": "More contrast",
    "less_contrast": "Less contrast",
    "next_preset": "Next window preset",
    "invert": "Invert",
    "closer": "Zoom in",
    "farther": "Zoom out",
    "whole": "Fit",
    "left": "Move the view to the left",
    "right": "Move the view to the right",
    "up": "Move the view up",
    "down": "Move the view down",
    "next_map": "Next map",
    "fainter": "Map less opaque",
    "stronger": "Map more opaque",
    "outline": "Show or hide the model input",
    "blink": "Blink between clean and attacked",
    "beside": "Clean and attacked side by side, or one over the other",
    "reset": "Reset window, zoom and inversion",
    "help": "This list",
}
"""Names are those of `ACTIONS` in actions.js."""

GESTURES = {
    "Drag": "Window: left and right for contrast, up and down for brightness",
    "Wheel": "Zoom",
    "Middle drag, or Space and drag": "Move the image",
    "Double click": "Fit",
    "One finger": "As the chosen tool: Window, or Move",
    "Two fingers": "Zoom and move",
}

GESTURES_VOLUME = {
    "Drag": "Window: left and right for contrast, up and down for brightness",
    "Wheel": "Slices; with Ctrl, zoom",
    "Middle drag, or Space and drag": "Move the image",
    "Double click": "Fit",
    "One finger": "As the chosen tool: Window, Move, or Slices",
    "Two fingers": "Zoom and move",
}


def words() -> dict[str, Any]:
    """All of it in the session's language."""
    return {
        **{name: tr(text) for name, text in SAID.items()},
        "actions": {name: tr(text) for name, text in ACTIONS.items()},
        "gestures": _pairs(GESTURES),
        "gestures_volume": _pairs(GESTURES_VOLUME),
    }


def _pairs(gestures: dict[str, str]) -> dict[str, str]:
    return {tr(gesture): tr(meaning) for gesture, meaning in gestures.items()}
