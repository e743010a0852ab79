"""What only a browser has: keys that a page listens to, sliders that a result follows, pictures that blink."""

import re

from conftest import ROOT
from driving import go_to, pick, settled, tab_to
from playwright.sync_api import Page, expect

LESSON = "what-a-network-sees"
NOTES = "Notes for the teacher"


def font_size(page: Page) -> float:
    """Pixels of the size that all type on the page follows."""
    return float(page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)"))


def press(page: Page, key: str) -> None:
    """Press a key that the whole page listens to."""
    page.keyboard.press(key)
    page.wait_for_timeout(300)
    settled(page)


def test_a_lesson_is_presented_by_keys_alone(page: Page, server: str) -> None:
    assert (ROOT / "assets" / "lessons" / f"{LESSON}.md").is_file()
    page.goto(f"{server}/teach?lesson={LESSON}&step=1")
    page.get_by_text("Step 1 of").wait_for()
    settled(page)
    usual = font_size(page)
    tab_to(page, ".st-key-teach_presenter_button button")
    press(page, "Enter")
    assert font_size(page) > 1.4 * usual
    assert NOTES not in page.get_by_test_id("stMain").inner_text()
    page.evaluate("document.activeElement.blur()")
    press(page, "ArrowRight")
    page.wait_for_url(re.compile(r"[?&]step=2(&|$)"))
    page.get_by_text("Step 2 of").wait_for()
    press(page, "n")
    expect(page.get_by_text(NOTES)).to_be_visible()
    press(page, "ArrowLeft")
    page.get_by_text("Step 1 of").wait_for()
    tab_to(page, ".st-key-teach_presenter_button button")
    press(page, "Enter")
    expect(page.get_by_text(NOTES)).to_have_count(0)
    assert font_size(page) == usual


def test_one_step_follows_the_budget(page: Page) -> None:
    settled(page)
    go_to(page, "Attack lab")
    page.get_by_role("combobox", name="Attack").click()
    page.get_by_role("option", name="FGSM", exact=True).click()
    settled(page)
    page.locator(".st-key-run_attack").get_by_role("button").click()
    page.get_by_role("heading", name="What was added to the scan").wait_for()
    settled(page)
    settings = page.get_by_text(re.compile("^FGSM · budget ε = "))
    before = settings.inner_text()
    slider = page.get_by_role("slider", name=re.compile("^Budget"))
    slider.focus()
    slider.press("ArrowRight")
    expect(settings).not_to_have_text(before)
    settled(page)
    assert "noise" in page.get_by_test_id("stMain").inner_text()


def test_clean_and_attacked_lie_on_top_of_each_other(page: Page) -> None:
    settled(page)
    go_to(page, "Attention")
    page.locator(".st-key-attention_run").get_by_role("button").click()
    page.get_by_text("Attacked:").first.wait_for()
    settled(page)
    pick(page, "On top of each other")
    share = page.locator(".share").first
    share.focus()
    before = share.get_attribute("aria-valuetext")
    share.press("ArrowLeft")
    assert share.get_attribute("aria-valuetext") != before
    stages = page.locator(".stage")
    stages.first.focus()
    page.keyboard.press("+")
    moved = stages.locator("img").evaluate_all("images => images.map(image => image.style.transform)")
    assert len(moved) >= 4 and len(set(moved)) == 1 and "scale(2" in moved[0]  # all models and maps zoom as one
    said = page.locator(".said").first.inner_text()
    page.keyboard.press("b")
    expect(page.locator(".said").first).not_to_have_text(said)
