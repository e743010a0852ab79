"""The viewer in a real browser: by mouse, wheel, keys and touch; what it draws is compared with the ramp of DICOM."""

import base64
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from viewer_stage import READY, Stage, a_film, a_mapped_pair, a_pair, a_scan, a_slice

from dashboard import language
from dashboard.components import viewer
from dashboard.components.viewer import ViewerSubject, script
from dashboard.components.viewer.words import ACTIONS

DARK = 1000
"""The value of the film's upper quarter."""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def served() -> Iterator[Stage]:
    """A page for one viewer."""
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture
def stage(served: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The same, and the component's pictures are kept there."""
    monkeypatch.setattr(viewer, "_address", served.keep)
    return served


@pytest.fixture
def opened(browser: Browser, stage: Stage) -> Iterator[Open]:
    """Opens the viewer on a subject; fails at the end where the script of the component failed."""
    contexts, broken = [], []

    def opens(subject: ViewerSubject, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 800}, **options))
        contexts[-1].set_default_timeout(90_000)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: broken.append(error.message))
        page.goto(stage.address)
        page.wait_for_function("window.show !== undefined")
        stage.show(page, subject)
        page.locator(READY).wait_for()
        return page

    yield opens
    for context in contexts:
        context.close()
    assert not broken


def state(page: Page) -> dict[str, Any]:
    """What the viewer shows now, once it has drawn it."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found = page.locator(".stage").evaluate("stage => ({...stage.dataset})")
    return {key: float(text) if text.replace(".", "", 1).lstrip("-").isdigit() else text for key, text in found.items()}


def box(page: Page) -> dict[str, float]:
    found = page.locator(".stage").bounding_box()
    assert found is not None
    return found  # type: ignore[return-value]


def pixel(page: Page, across: float, down: float) -> list[int]:
    """Red, green and blue at a share of the stage's width and height."""
    return list(
        page.locator(".canvas").evaluate(
            "(canvas, [across, down]) => Array.from(canvas.getContext('2d').getImageData("
            "Math.round(across * canvas.width), Math.round(down * canvas.height), 1, 1).data).slice(0, 3)",
            [across, down],
        )
    )


def ramp(value: float, now: dict[str, Any]) -> int:
    """Grey of a value by DICOM PS3.3 C.11.2.1.2.1."""
    width = now["width"] - 1
    share = (value - (now["centre"] - 0.5 - width / 2)) / width
    return round(255 * min(1.0, max(0.0, share)))


def drag(page: Page, across: float, down: float, *, button: str = "left") -> None:
    """From the middle of the stage, in pixels."""
    stage = box(page)
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)  # type: ignore[arg-type]
    page.mouse.move(x + across / 2, y + down / 2)
    page.mouse.move(x + across, y + down)
    page.mouse.up(button=button)  # type: ignore[arg-type]


def test_a_drag_sets_the_window_and_asks_the_server_for_nothing(opened: Open) -> None:
    page = opened(a_film())
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    before = state(page)
    assert (before["centre"], before["width"]) == (32768, 65536)
    drag(page, 0, 60)
    darker = state(page)
    assert darker["centre"] > before["centre"] and darker["width"] == before["width"]
    drag(page, -120, 0)
    now = state(page)
    assert now["width"] < before["width"] and now["centre"] == darker["centre"]
    assert abs(pixel(page, 0.5, 0.1)[0] - ramp(DARK, now)) <= 1
    at = 0.5
    assert abs(pixel(page, at, 0.7)[0] - ramp(at * 65408 + 64, now)) <= 2
    assert not sent
    page.get_by_role("button", name="Predict with this window").click()
    assert page.evaluate("told") == [["window", [now["centre"], now["width"]]]]


def test_sixteen_bits_reach_the_screen_in_one_file(opened: Open, stage: Stage) -> None:
    page = opened(a_film())
    (url,) = (each["url"] for each in stage.message(a_film())["pictures"])
    assert 200_000 < len(page.request.get(stage.address + url).body()) <= 1_500_000
    page.locator("select.preset").select_option(label="full range")  # a width of two grey values
    assert state(page)["width"] == 3
    assert pixel(page, 0.5, 0.1)[0] == 128  # eight bits cannot tell 1000 from 771 or 1028


def test_wheel_middle_drag_and_space_move_and_reset_puts_back(opened: Open) -> None:
    page = opened(a_film())
    stage = box(page)
    page.mouse.move(stage["x"] + 0.6 * stage["width"], stage["y"] + 0.6 * stage["height"])
    under = pixel(page, 0.6, 0.6)[0]
    page.mouse.wheel(0, -400)
    page.locator(".stage:not([data-zoom='1'])").wait_for()
    near = state(page)
    assert 1.5 < near["zoom"] < 4
    assert abs(pixel(page, 0.6, 0.6)[0] - under) <= 2  # the point under the cursor stays
    drag(page, 80, 0, button="middle")
    moved = state(page)
    assert moved["x"] < near["x"] and moved["width"] == near["width"]
    page.locator(".stage").focus()
    page.keyboard.down("Space")
    drag(page, -80, 0)
    page.keyboard.up("Space")
    back = state(page)
    assert abs(back["x"] - near["x"]) < 2 and back["width"] == near["width"]
    page.get_by_role("button", name="Reset").click()
    assert state(page)["zoom"] == 1
    page.mouse.move(stage["x"] + 0.6 * stage["width"], stage["y"] + 0.6 * stage["height"])
    page.mouse.wheel(0, 400)
    assert state(page)["zoom"] == 1


def test_every_key_does_what_the_help_sheet_says(opened: Open) -> None:
    page = opened(a_scan())
    page.locator(".stage").focus()
    seen = [state(page)]

    def press(key: str) -> dict[str, Any]:
        page.keyboard.press(key)
        seen.append(state(page))
        return seen[-1]

    assert press("q")["centre"] < seen[-2]["centre"] and press("a")["centre"] > seen[-2]["centre"]
    assert press("e")["width"] < seen[-2]["width"] and press("d")["width"] > seen[-2]["width"]
    before = pixel(page, 0.1, 0.5)[0]
    assert press("i")["inverted"] == "true"
    assert abs(pixel(page, 0.1, 0.5)[0] - (255 - before)) <= 1
    assert press("+")["zoom"] == 1.5 and press("ArrowRight")["x"] > seen[-2]["x"]
    assert press("ArrowLeft")["x"] < seen[-2]["x"] and press("-")["zoom"] == 1
    assert press("o")["outlined"] == "false" and press("o")["outlined"] == "true"
    last = press("r")
    assert (last["inverted"], last["zoom"], last["centre"], last["width"]) == ("false", 1, 128, 256)
    page.keyboard.press("h")
    sheet = page.locator("dialog.help")
    expect(sheet).to_be_visible()
    told = sheet.inner_text()
    absent = {"slice", "leap", "first", "last", "blink", "beside"}  # no volume and no pair here
    assert all(text in told for name, text in ACTIONS.items() if name.split("_")[0] not in absent)
    assert "Two fingers" in told and "Blink" not in told
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_a_map_is_drawn_when_it_is_asked_for_over_what_the_model_saw(opened: Open, stage: Stage) -> None:
    page = opened(a_scan())
    assert state(page)["map"] == "" and page.locator(".legend").is_hidden()
    plain = pixel(page, 0.6, 0.6)
    assert plain[0] == plain[1] == plain[2] == 128
    page.locator("select.map").select_option(label="Grad-CAM")
    expect(page.locator(".wait")).to_have_text("Drawing the maps…")
    assert page.evaluate("told") == [["map", "heat"]]
    stage.show(page, a_scan(drawn=True))
    page.locator(".stage[data-map=heat]").wait_for()
    expect(page.locator(".wait")).to_be_hidden()
    assert page.locator(".legend").inner_text().split() == ["Grad-CAM", "0", "1"]
    assert "not where disease is" in page.locator(".meaning").inner_text()
    high = np.array([0xFE, 0xE8, 0x38])  # the upper end of Cividis
    page.locator("input.opacity").focus()
    for key, opacity in (("End", 1.0), ("Home", 0.0)):
        page.keyboard.press(key)
        assert state(page)["opacity"] == opacity
        np.testing.assert_allclose(pixel(page, 0.6, 0.6), opacity * high + (1 - opacity) * 128, atol=6)
    assert pixel(page, 0.05, 0.5)[0] == 64  # beyond the model's input there is no map
    expect(page.locator(".canvas")).to_have_attribute("aria-label", "The scan picture. The model saw the middle.")


def test_the_outline_and_the_rulers_have_their_lengths(opened: Open) -> None:
    page = opened(a_scan())
    stage, now = box(page), state(page)
    scale = min(stage["width"] / 512, stage["height"] / 256)
    length = now["rule"] / 0.004 * scale
    assert 40 <= length <= 120
    assert any(red > 200 and blue < 120 for red, _, blue in left_edge(page, scale))
    page.locator("input.outline").uncheck()
    state(page)
    assert all(red == green == blue for red, green, blue in left_edge(page, scale))


def left_edge(page: Page, scale: float) -> list[list[int]]:
    """Pixels on and beside the left edge of what the model saw: its line is two pixels wide and dashed."""
    stage = box(page)
    return [
        pixel(page, 0.5 + (across - 128 * scale) / stage["width"], 0.5 + down / stage["height"])
        for across in range(3)
        for down in range(0, 20, 2)
    ]


def test_clean_and_attacked_are_swiped_and_blinked(opened: Open) -> None:
    page = opened(a_pair())
    assert pixel(page, 0.25, 0.5)[0] == 204 and pixel(page, 0.75, 0.5)[0] == 51
    drag(page, box(page)["width"] * 0.4, 0)  # the edge is in the middle
    assert 85 <= state(page)["share"] <= 95 and pixel(page, 0.75, 0.5)[0] == 204
    page.locator(".stage").focus()
    page.keyboard.press("b")
    assert state(page)["share"] == 0 and pixel(page, 0.25, 0.5)[0] == 51
    page.get_by_role("button", name="Blink").click()
    assert state(page)["share"] == 100 and pixel(page, 0.75, 0.5)[0] == 204
    page.locator("input.share").focus()
    page.keyboard.press("ArrowLeft")
    assert state(page)["share"] == 99


def test_slices_follow_wheel_and_keys_and_the_server_is_asked_at_rest(opened: Open, stage: Stage) -> None:
    page = opened(a_slice(6))
    place = box(page)
    page.mouse.move(place["x"] + 200, place["y"] + 200)
    page.mouse.wheel(0, 50)
    page.locator(".stage[data-at='7']").wait_for()
    page.wait_for_function("told.length > 0")
    assert page.evaluate("told") == [["slice", 7]]
    stage.show(page, a_slice(7))
    page.locator(READY).wait_for()
    assert abs(pixel_once_drawn(page) - round(255 * 7 / 12)) <= 1
    page.locator(".stage").focus()
    for key, at in (("End", 12), ("ArrowLeft", 11), ("Home", 1), ("PageUp", 1), ("ArrowRight", 2)):
        page.keyboard.press(key)
        assert state(page)["at"] == at
    expect(page.locator(".badge")).to_have_text("Slice 2 of 12")
    page.keyboard.press("+")
    assert state(page)["zoom"] == 1.5
    stage.show(page, a_slice(2))
    page.locator(READY).wait_for()
    assert state(page)["zoom"] == 1.5 and abs(pixel_once_drawn(page) - round(255 * 2 / 12)) <= 1


def test_a_map_that_cannot_be_drawn_is_asked_for_once(opened: Open, stage: Stage) -> None:
    page = opened(a_scan())
    page.locator("select.map").select_option(label="Grad-CAM")
    for _ in range(3):
        stage.show(page, a_scan())
        state(page)
    assert page.evaluate("told") == [["map", "heat"]]
    expect(page.locator(".wait")).to_be_hidden()
    expect(page.locator("select.map")).to_have_value("")


def test_another_scan_begins_as_its_file_shows_it(opened: Open, stage: Stage) -> None:
    page = opened(a_scan())
    page.locator(".stage").focus()
    for key in ("i", "q", "+"):
        page.keyboard.press(key)
    stage.show(page, a_pair())
    page.locator(READY).wait_for()
    now = state(page)
    assert (now["inverted"], now["centre"], now["width"], now["zoom"]) == ("false", 128, 256, 1)


def pixel_once_drawn(page: Page) -> int:
    state(page)
    return pixel(page, 0.5, 0.5)[0]


def toucher(page: Page) -> Callable[..., None]:
    """Sends touch events as a screen does: a kind, and where each finger is."""
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    return touch


def test_one_finger_windows_and_two_fingers_zoom(opened: Open) -> None:
    page = opened(a_film(), has_touch=True)
    touch, stage, before = toucher(page), box(page), state(page)
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    touch("touchStart", (x, y))
    touch("touchMove", (x + 60, y))
    touch("touchEnd")
    assert state(page)["width"] > before["width"] and state(page)["zoom"] == 1
    page.get_by_role("button", name="Move", exact=True).click()
    touch("touchStart", (x - 30, y), (x + 30, y))
    touch("touchMove", (x - 90, y), (x + 90, y))
    touch("touchEnd")
    assert abs(state(page)["zoom"] - 3) < 0.3
    near = state(page)
    touch("touchStart", (x, y))
    touch("touchMove", (x + 50, y))
    touch("touchEnd")
    assert state(page)["x"] < near["x"] and state(page)["width"] == near["width"]


def test_the_viewer_speaks_chinese(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "OUTSIDE", "zh")
    page = opened(a_scan())
    expect(page.get_by_role("button", name="反相")).to_be_visible()
    expect(page.locator(".tone")).to_contain_text("窗位 128")


def hot(page: Page, across: float, down: float) -> bool:
    """Whether the map is high there: the colours run from blue to yellow."""
    red, _, blue = pixel(page, across, down)
    return red > blue


def test_two_pictures_stand_side_by_side_and_move_together(opened: Open) -> None:
    page = opened(a_pair(), color_scheme="light")
    page.get_by_role("button", name="Side by side").click()
    assert state(page)["beside"] == "true"
    assert pixel(page, 0.25, 0.5)[0] == 51 and pixel(page, 0.75, 0.5)[0] == 204
    expect(page.locator(".side.from")).to_have_text("Clean")
    expect(page.locator(".side.to")).to_have_text("Attacked")
    expect(page.get_by_role("button", name="Blink")).to_be_hidden()
    stage, before = box(page), state(page)
    page.mouse.move(stage["x"] + 0.75 * stage["width"], stage["y"] + stage["height"] / 2)
    page.mouse.wheel(0, -400)
    now = state(page)
    assert now["zoom"] > 1 and abs(now["x"] - before["x"]) < 1, "the middle of a pane is the middle of the picture"
    assert pixel(page, 0.25, 0.5)[0] == 51 and pixel(page, 0.75, 0.5)[0] == 204
    drag(page, 60, 0)
    assert pixel(page, 0.25, 0.5)[0] != 51, "both are windowed"
    page.locator(".stage").focus()
    page.keyboard.press("c")
    assert state(page)["beside"] == "false"
    expect(page.locator(".side.from")).to_have_text("Attacked")


@pytest.mark.parametrize("beside", [True, False])
def test_each_picture_of_a_pair_has_its_own_map(opened: Open, beside: bool) -> None:
    page = opened(a_mapped_pair(beside=beside))
    page.locator("select.map").select_option(label="Grad-CAM")
    page.locator(".stage[data-map=heat]").wait_for()
    state(page)
    if beside:
        assert hot(page, 0.4, 0.6) and not hot(page, 0.1, 0.4)  # the clean one, on the left
        assert hot(page, 0.6, 0.4) and not hot(page, 0.9, 0.6)
    else:  # the left half is the attacked one
        assert hot(page, 0.3, 0.4) and not hot(page, 0.3, 0.6)
        assert hot(page, 0.7, 0.6) and not hot(page, 0.7, 0.4)


# ---- the decoder -------------------------------------------------------------------------------------------------


def png_of(values: np.ndarray) -> bytes:
    """A grey PNG whose rows take the five filters in turn."""
    step = values.dtype.itemsize
    raw = values.astype(values.dtype.newbyteorder(">")).view(np.uint8).reshape(len(values), -1).astype(int)
    lines = bytearray()
    for row, line in enumerate(raw):
        above = raw[row - 1] if row else np.zeros_like(line)
        left = np.concatenate([np.zeros(step, int), line[:-step]])
        corner = np.concatenate([np.zeros(step, int), above[:-step]])
        guess = left + above - corner
        apart = np.abs(np.stack([left, above, corner]) - guess)
        paeth = np.choose(np.argmin(apart, axis=0), [left, above, corner])
        taken = [np.zeros_like(line), left, above, (left + above) // 2, paeth][row % 5]
        lines += bytes([row % 5, *((line - taken) % 256).tolist()])
    height, width = values.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8 * step, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(lines))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_every_filter_of_a_png_is_undone_to_the_last_bit(browser: Browser, served: Stage, kind: type) -> None:
    values = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (23, 17)).astype(kind)
    page = browser.new_page()
    page.goto(served.address)
    source = script().replace("export default function", "function exported")
    found = page.evaluate(
        f"async (text) => {{ {source}; const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));"
        " const picture = await decodedPng(bytes.buffer); return [picture.width, Array.from(picture.values)]; }",
        base64.b64encode(png_of(values)).decode(),
    )
    page.close()
    assert found[0] == 17
    np.testing.assert_array_equal(np.array(found[1]).reshape(values.shape), values)
