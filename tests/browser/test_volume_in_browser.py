"""A volume in a real browser: its slices by wheel, keys, slider and buttons, and nothing cut off on any screen."""

import sys
from pathlib import Path

import numpy as np
import pytest
from driving import no_sideways_scroll, settled
from playwright.sync_api import Browser, Locator, Page, expect
from test_accessibility import serious

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core"))

from volume_files import images, opt

from meddef_core.data.phantoms import oct_phantom

LABELS = ["NORMAL"] * 4 + ["DME"] * 3 + ["NORMAL"] * 2


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    drawn = [oct_phantom(label, seed=number).scan.pixels for number, label in enumerate(LABELS)]
    return (255 * np.stack(drawn)).round().astype(np.uint8)


def give(page: Page, *paths: Path) -> Locator:
    """Upload files and wait for the strip; the card of the volume."""
    page.locator('input[type="file"]').set_input_files(list(paths))
    card = page.locator(".st-key-volume_card")
    card.locator(".stPlotlyChart").wait_for()
    settled(page)
    return card


def test_slices_by_wheel_keys_slider_and_button(page: Page, tmp_path: Path, values: np.ndarray) -> None:
    path = tmp_path / "somebody.dcm"
    path.write_bytes(opt(values))
    card = give(page, path)
    badge, stage = page.locator(".badge"), page.locator(".stage")
    expect(badge).to_contain_text("Slice 5 of 9")
    stage.scroll_into_view_if_needed()
    stage.hover()
    page.mouse.wheel(0, 50)
    expect(badge).to_contain_text("Slice 6 of 9")
    settled(page)
    expect(page.get_by_text("Uploaded scan, slice 6", exact=True)).to_be_visible()
    stage.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(badge).to_contain_text("Slice 2 of 9")
    settled(page)
    expect(page.get_by_text("Uploaded scan, slice 2", exact=True)).to_be_visible()
    slider = card.get_by_test_id("stSlider").get_by_role("slider")
    expect(slider).to_have_value("2")
    slider.focus()
    slider.press("End")
    settled(page)
    expect(badge).to_contain_text("Slice 9 of 9")
    card.locator(".st-key-volume_strongest_DME").get_by_role("button").click()
    settled(page)
    expect(badge).not_to_contain_text("Slice 9 of 9")
    expect(stage).to_have_attribute("data-ready", "true")
    drawn = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
    assert page.locator(".canvas").evaluate(drawn) > 50
    assert "somebody" not in page.content()


def test_several_files_are_one_volume(page: Page, tmp_path: Path, values: np.ndarray) -> None:
    paths = []
    for name, data in images(values[:6]):
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    card = give(page, *reversed(paths))
    expect(card).to_contain_text("6 slices · numbered images")
    expect(page.locator(".badge")).to_contain_text("Slice 3 of 6")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 800), (390, 844)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_and_axe_finds_nothing_serious(
    browser: Browser,
    server: str,
    screenshots: Path | None,
    tmp_path: Path,
    values: np.ndarray,
    width: int,
    height: int,
    scheme: str,
) -> None:
    path = tmp_path / "v.dcm"
    path.write_bytes(opt(values))
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(server)
    page.get_by_text("Model output of").wait_for()
    card = give(page, path)
    no_sideways_scroll(page)
    for inner in (".stPlotlyChart", ".st-key-volume_strongest_DME button"):
        box, frame = card.locator(inner).first.bounding_box(), card.bounding_box()
        assert box is not None and frame is not None
        assert box["x"] >= frame["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
    found = serious(page, "a volume")
    if screenshots is not None:
        page.set_viewport_size({"width": width, "height": 2600})
        settled(page)
        card.screenshot(path=screenshots / f"volume-{width}-{scheme}.png")
    context.close()
    assert not found, "\n".join(found)
