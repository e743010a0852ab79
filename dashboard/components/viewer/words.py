"""What the viewer says; places in braces are filled in the browser."""

from typing import Any

from dashboard.language import tr
from dashboard.services.words import Text

SAID = {
    "label": Text("viewer.image-viewer", "Image viewer"),
    "toolbar": Text("viewer.viewer-tools", "Viewer tools"),
    "stage": Text("viewer.image-scan", "Image of the scan."),
    "hint": Text("viewer.press-h", "Press H for the list of keys."),
    "tool_window": Text("viewer.window", "Window"),
    "tool_move": Text("viewer.move", "Move"),
    "tool_slices": Text("viewer.slices", "Slices"),
    "closer": Text("attention.zoom", "Zoom in"),
    "farther": Text("attention.zoom-out", "Zoom out"),
    "whole": Text("viewer.fit", "Fit"),
    "invert": Text("viewer.invert", "Invert"),
    "preset": Text("viewer.window-preset", "Window preset"),
    "own_window": Text("diagnose.set-hand", "Set by hand"),
    "reset": Text("viewer.reset", "Reset"),
    "helper": Text("viewer.mouse-touch", "Mouse, touch and keys"),
    "help_title": Text("viewer.mouse-touch", "Mouse, touch and keys"),
    "close": Text("viewer.close", "Close"),
    "map": Text("viewer.map", "Map"),
    "no_map": Text("viewer.none", "None"),
    "opacity": Text("viewer.opacity", "Opacity"),
    "outline": Text("viewer.model-input", "Model input"),
    "share": Text("viewer.attacked", "Attacked, %"),
    "blink": Text("viewer.blink", "Blink"),
    "beside": Text("attention.side-side", "Side by side"),
    "reread": Text("viewer.predict-window", "Predict with this window"),
    "state": Text("viewer.centre-centre", "Centre {centre} · Width {width} · Zoom {zoom}"),
    "state_inverted": Text("viewer.centre-centre-width", "Centre {centre} · Width {width} · Zoom {zoom} · Inverted"),
    "drawing": Text("diagnose.drawing-maps", "Drawing the maps…"),
    "failed": Text("viewer.image-could", "The image could not be loaded. Reload the page."),
    "shift": Text("viewer.shift", "Shift"),
}

ACTIONS = {
    "slice_back": Text("viewer.previous-slice", "Previous slice"),
    "slice_on": Text("viewer.next-slice", "Next slice"),
    "leap_back": Text("viewer.ten-slices", "Ten slices back"),
    "leap_on": Text("viewer.ten-slices-2", "Ten slices on"),
    "first_slice": Text("viewer.first-slice", "First slice"),
    "last_slice": Text("viewer.last-slice", "Last slice"),
    "brighter": Text("viewer.brighter", "Brighter"),
    "darker": Text("viewer.darker", "Darker"),
    "more_contrast": Text("viewer.more-contrast", "More contrast"),
    "less_contrast": Text("viewer.less-contrast", "Less contrast"),
    "next_preset": Text("viewer.next-window", "Next window preset"),
    "invert": Text("viewer.invert", "Invert"),
    "closer": Text("attention.zoom", "Zoom in"),
    "farther": Text("attention.zoom-out", "Zoom out"),
    "whole": Text("viewer.fit", "Fit"),
    "left": Text("viewer.move-view", "Move the view to the left"),
    "right": Text("viewer.move-view-right", "Move the view to the right"),
    "up": Text("viewer.move-view-up", "Move the view up"),
    "down": Text("viewer.move-view-down", "Move the view down"),
    "next_map": Text("viewer.next-map", "Next map"),
    "fainter": Text("viewer.map-less", "Map less opaque"),
    "stronger": Text("viewer.map-more", "Map more opaque"),
    "outline": Text("viewer.show-hide", "Show or hide the model input"),
    "blink": Text("viewer.blink-between", "Blink between clean and attacked"),
    "beside": Text("viewer.clean-attacked", "Clean and attacked side by side, or one over the other"),
    "reset": Text("viewer.reset-window", "Reset window, zoom and inversion"),
    "help": Text("viewer.list", "This list"),
}
"""Names are those of `ACTIONS` in actions.js."""

GESTURES: dict[str, str] = {
    Text("viewer.drag", "Drag"): Text(
        "viewer.window-left", "Window: left and right for contrast, up and down for brightness"
    ),
    Text("viewer.wheel", "Wheel"): Text("viewer.zoom", "Zoom"),
    Text("viewer.middle-drag", "Middle drag, or Space and drag"): Text("viewer.move-image", "Move the image"),
    Text("viewer.double-click", "Double click"): Text("viewer.fit", "Fit"),
    Text("viewer.one-finger", "One finger"): Text("viewer.chosen-tool", "As the chosen tool: Window, or Move"),
    Text("viewer.two-fingers", "Two fingers"): Text("viewer.zoom-move", "Zoom and move"),
}

GESTURES_VOLUME: dict[str, str] = {
    Text("viewer.drag", "Drag"): Text(
        "viewer.window-left", "Window: left and right for contrast, up and down for brightness"
    ),
    Text("viewer.wheel", "Wheel"): Text("viewer.slices-ctrl", "Slices; with Ctrl, zoom"),
    Text("viewer.middle-drag", "Middle drag, or Space and drag"): Text("viewer.move-image", "Move the image"),
    Text("viewer.double-click", "Double click"): Text("viewer.fit", "Fit"),
    Text("viewer.one-finger", "One finger"): Text(
        "viewer.chosen-tool-window", "As the chosen tool: Window, Move, or Slices"
    ),
    Text("viewer.two-fingers", "Two fingers"): Text("viewer.zoom-move", "Zoom and move"),
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
