"""The other pages' first screens: what stands on them without scrolling, how high they are, and what is not cut."""

from collections.abc import Callable, Iterator

import pytest
from driving import no_sideways_scroll, settled
from playwright.sync_api import Browser, Locator, Page, expect

HIGHEST = 2500
"""Pixels that the first section of Robustness and of About may be high at 1440."""

CUT = "element => element.scrollWidth > element.clientWidth + 1"

Opened = Callable[[str, int, int], Page]


@pytest.fixture
def opened(browser: Browser, server: str) -> Iterator[Opened]:
    """Opens a page, by its address, on a screen of some size."""
    contexts = []

    def open_at(path: str, width: int, height: int) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(90_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{server}/{path}")
        page.get_by_role("heading", level=1).first.wait_for()
        settled(page)
        return page

    yield open_at
    for context in contexts:
        context.close()


def ends_at(part: Locator) -> float:
    box = part.bounding_box()
    assert box is not None and box["y"] >= 0
    return box["y"] + box["height"]


def height_of(page: Page) -> int:
    return int(page.get_by_test_id("stMain").evaluate("main => main.scrollHeight"))


@pytest.mark.parametrize("task", ["Retinal OCT", "Chest X-ray"])
def test_robustness_shows_one_table_and_one_chart_without_scrolling(opened: Opened, task: str) -> None:
    page = opened("robustness", 1440, 900)
    page.get_by_test_id("stButtonGroup").get_by_text(task, exact=True).click()
    settled(page)
    table, chart = page.get_by_test_id("stTable"), page.get_by_test_id("stPlotlyChart")
    expect(table).to_have_count(1)
    expect(chart).to_have_count(1)
    expect(chart.locator("svg.main-svg").first).to_be_visible()
    assert ends_at(table) < ends_at(chart) <= 900
    assert "▼" in table.inner_text()
    assert height_of(page) <= HIGHEST


def test_about_says_its_purpose_and_limits_first(opened: Opened) -> None:
    page = opened("about", 1440, 900)
    for heading in ("Intended use", "Limits"):
        assert ends_at(page.get_by_role("heading", name=heading)) <= 900
    assert height_of(page) <= HIGHEST


@pytest.mark.parametrize("path", ["robustness", "about"])
@pytest.mark.parametrize("width", [1024, 390])
def test_no_section_and_no_table_is_cut(opened: Opened, path: str, width: int) -> None:
    page = opened(path, width, 844)
    no_sideways_scroll(page)
    main = page.get_by_test_id("stMain")
    radios = main.get_by_test_id("stButtonGroup").get_by_role("radio")
    radios.nth(4).wait_for()
    settled(page)
    segments = radios.all()
    cells = main.get_by_test_id("stTable").locator("th, td").all()
    for part in (*segments, *cells):
        box = part.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width


def test_the_model_picker_fits_a_narrow_screen(opened: Opened) -> None:
    page = opened("", 1024, 768)
    page.get_by_text("Model output of").wait_for()
    settled(page)
    picker = page.locator(".st-key-diagnose_model_oct")
    room = picker.bounding_box()
    assert room is not None
    for name in ("MedDef", "Undefended", "More"):
        box = picker.get_by_text(name, exact=True).bounding_box()
        assert box is not None and box["x"] + box["width"] <= room["x"] + room["width"] <= 1024, name


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("task", ["Retinal OCT", "Chest X-ray"])
def test_scroll_sideways_is_said_only_where_the_strip_scrolls(opened: Opened, width: int, task: str) -> None:
    page = opened("", width, 900)
    page.get_by_test_id("stButtonGroup").get_by_text(task, exact=True).click()
    settled(page)
    strip = page.locator(".st-key-sample_strip")
    strip.wait_for()
    scrolls = strip.evaluate(f"box => [box, ...box.querySelectorAll('div')].some({CUT})")
    expect(page.get_by_text("Scroll sideways to see all.")).to_be_visible(visible=scrolls)
