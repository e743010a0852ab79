"""Every page and each of its sections, with content: three widths, two themes, two languages (`make test-long`).

With $MEDDEF_SCREENSHOTS a picture of each is left there, to be looked at.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import foreign
from driving import no_figure_cut_short, no_sideways_scroll, run_attack, settled, shoot
from long_results import keep
from playwright.sync_api import Browser, Page, expect
from test_accessibility import serious
from test_batch_in_browser import drawn_set

SIZES = {1440: 900, 1024: 768, 390: 844}
SECTIONS = {
    "diagnose": "diagnose_section",
    "attack-lab": "lab_section",
    "attention": "attention_section",
    "robustness": "robustness_section",
    "about": "about_section",
    "teach": "teach_mode",
}
"""Key of the control that shows a page's sections, one at a time."""

START = "diagnose"
"""The page at the address of the server itself."""

PAGES = (*SECTIONS, "batch", "site")
LESSON = "teach_open_a-change-you-cannot-see"


@pytest.mark.long
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole(
    browser: Browser,
    server: str,
    screenshots: Path | None,
    tmp_path: Path,
    name: str,
    width: int,
    scheme: str,
    language: str,
) -> None:
    asked: list[str] = []
    broken: list[str] = []
    size = {"width": width, "height": SIZES[width]}
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: broken.append(error.message))
    page.goto(f"{server}/{'' if name == START else name}?lang={language}")
    page.get_by_role("heading", level=1).first.wait_for()
    settled(page)
    shown = 0
    for section in filled(page, name, tmp_path):
        shown += 1
        expect(page.get_by_test_id("stException")).to_have_count(0)
        no_sideways_scroll(page)
        no_figure_cut_short(page)
        assert serious(page, f"{name}, {section}") == []
        if screenshots:
            page.screenshot(path=screenshots / f"{name}-{section}-{width}-{scheme}-{language}-first.png")
            shoot(page, screenshots / f"{name}-{section}-{width}-{scheme}-{language}.png")
    context.close()
    assert broken == [] and foreign(asked, server) == []
    keep("Screens", f"{name}, {width}, {scheme}, {language}", {"sections": shown, "axe": 0})


def filled(page: Page, name: str, folder: Path) -> Iterator[str]:
    """Put content on the page, then show one section after another; the name of each."""
    if name == "attack-lab":
        run_attack(page)
    elif name == "attention":
        page.locator(".st-key-attention_run").get_by_role("button").click()
        page.locator(".stage[data-beside=true]").wait_for()
        settled(page)
    elif name == "batch":
        page.locator('input[type="file"]').set_input_files(drawn_set(folder / "clinic.zip"))
        settled(page)
        page.locator(".st-key-batch_start").get_by_role("button").click()
        page.locator(".st-key-batch_csv").wait_for()
        settled(page)
    key = SECTIONS.get(name)
    if key is None:
        yield "whole"
        return
    options = page.locator(f".st-key-{key} button")
    options.nth(1).wait_for()
    for number in range(options.count()):
        options.nth(number).click()
        settled(page)
        yield str(number)
    if name == "teach":
        options.first.click()
        settled(page)
        page.locator(f".st-key-{LESSON} button").click()
        page.locator(".st-key-teach_next").wait_for()
        settled(page)
        yield "lesson"
