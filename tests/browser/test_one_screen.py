"""Diagnose on one screen, and what the whole dashboard asks of the browser: Back goes back, a main button is seen."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from driving import go_to, no_sideways_scroll, settled, upload
from playwright.sync_api import Browser, Page, expect

from meddef_core.data.phantoms import oct_phantom

FIRST = {
    "upload": '[data-testid="stFileUploaderDropzone"]',
    "attack": ".st-key-diagnose_to_attack button",
    "teach": ".st-key-diagnose_to_teach button",
    "image": ".stage",
    "maps": "select.map",
    "class and probability": "h3",
    "reliability": "text=Trained on macular B-scans",
}
"""What a clinician sees without scrolling: three choices, and a sample that is predicted already."""

LONGEST = 1400
"""Pixels that the page may be high at 1440."""


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 800)])
def test_scan_and_result_are_on_one_screen(browser: Browser, server: str, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(server)
    page.locator(".stage[data-ready=true]").wait_for()
    page.get_by_text("Model output of").wait_for()
    settled(page)
    no_sideways_scroll(page)
    main = page.get_by_test_id("stMain")
    for name, selector in FIRST.items():
        box = main.locator(selector).first.bounding_box()
        assert box is not None and box["y"] >= 0, name
        assert box["y"] + box["height"] <= height, f"{name} ends at {box['y'] + box['height']:.0f} of {height}"
    image = main.locator(".stage").bounding_box()
    assert image is not None and image["height"] >= 0.45 * height and image["width"] >= 0.35 * width
    if width == 1440:
        assert main.evaluate("main => main.scrollHeight") <= LONGEST
    context.close()


def test_a_deep_film_is_windowed_without_the_server_and_its_crop_is_outlined(page: Page, tmp_path: Path) -> None:
    picture = np.rint(oct_phantom("DME").scan.pixels * 40000).astype(np.uint16)
    path = tmp_path / "scan.png"
    path.write_bytes(cv2.imencode(".png", np.pad(picture, ((0, 0), (100, 100))))[1].tobytes())
    upload(page, path)  # nothing else is pressed
    page.get_by_text("Uploaded scan", exact=True).wait_for()
    settled(page)
    expect(page.locator(".stage[data-ready=true][data-outlined=true]")).to_be_visible()
    expect(page.get_by_text("The model saw the outlined part")).to_be_visible()
    expect(page.locator("select.preset")).to_contain_text("full range")
    page.locator("select.map").select_option(label="Grad-CAM")
    page.locator(".stage[data-map=gradcam]").wait_for()
    expect(page.locator(".meaning")).to_contain_text("not where disease is")


def test_one_press_leads_back_from_the_lab(page: Page) -> None:
    settled(page)
    before = page.evaluate("history.length")
    go_to(page, "Attack lab")
    slider = page.get_by_role("slider", name=re.compile("^(Budget|Attack strength)")).first
    for _ in range(2):
        slider.focus()
        slider.press("ArrowRight")
        settled(page)
    assert "eps=" in page.url  # the address follows the form
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    page.get_by_role("heading", name="Diagnose", level=1).wait_for()
    settled(page)
    assert "attack-lab" not in page.url and "eps=" not in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_main_button_is_filled_and_can_be_read(browser: Browser, server: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(f"{server}/attack-lab")
    button = page.locator(".st-key-run_attack button")
    button.wait_for()
    settled(page)
    colours = "button => [getComputedStyle(button).backgroundColor, getComputedStyle(button).color]"
    filled, text = (np.array(re.findall(r"[\d.]+", each)[:3], float) for each in button.evaluate(colours))
    page_colour = np.array([255, 255, 255] if scheme == "light" else [0x11, 0x19, 0x1D])
    assert _contrast(filled, page_colour) >= 3 and _contrast(filled, text) >= 4.5
    context.close()


def _contrast(one: np.ndarray, other: np.ndarray) -> float:
    """WCAG 2.2, contrast ratio of two sRGB colours."""
    bright = [
        float(np.dot([0.2126, 0.7152, 0.0722], np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)))
        for c in (one / 255, other / 255)
    ]
    return (max(bright) + 0.05) / (min(bright) + 0.05)
