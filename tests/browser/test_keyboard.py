"""What a reader without a mouse does: every move here is a key, nothing is clicked, focused or filled by a script."""

import re
from pathlib import Path

import cv2
import numpy as np
from driving import chosen, settled, tab_to
from playwright.sync_api import Locator, Page, expect

from meddef_core.data.phantoms import oct_phantom

LESSON = "what-a-network-sees"
NOTES = "Notes for the teacher"
MENU = '[data-testid="stSidebarNav"] a[href$="/{path}"]'


def main_text(page: Page) -> str:
    return page.get_by_test_id("stMain").inner_text()


def keys(page: Page, *names: str) -> None:
    """Press keys, as fast as a hand does, and wait until the page has answered."""
    for name in names:
        page.keyboard.press(name)
        page.wait_for_timeout(300)
    settled(page)


def activate(page: Page, selector: str, *, key: str = "Enter") -> None:
    """Go to a button, link or segment with Tab, and press it."""
    tab_to(page, selector)
    keys(page, key)


def open_by_menu(page: Page, path: str, title: str) -> None:
    activate(page, MENU.format(path=path))
    page.get_by_role("heading", name=title, level=1).wait_for()
    settled(page)


def moved(page: Page, slider: Locator, key: str) -> str:
    """What a slider that has the focus says after a key; it must say something else than before."""
    before = slider.get_attribute("aria-valuetext")
    keys(page, key)
    after = slider.get_attribute("aria-valuetext")
    assert after is not None and after != before
    return after


def drawn_file(path: Path) -> Path:
    """A B-scan of nobody, as a file."""
    picture = np.rint(oct_phantom("DME").scan.pixels * 255).astype(np.uint8)
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return path


def test_a_file_is_uploaded_read_and_attacked_as_the_keys_say(page: Page, tmp_path: Path) -> None:
    # Dialogs are intercepted from the first listener on, but nothing waits for that: a key pressed at once may win.
    page.on("filechooser", lambda _: None)
    settled(page)
    tab_to(page, '[data-testid="stFileUploaderDropzone"] button')
    with page.expect_file_chooser() as opened:
        page.keyboard.press("Space")  # Enter clicks the same field, but a browser that is driven opens no dialog at it
    opened.value.set_files(drawn_file(tmp_path / "scan.png"))
    page.get_by_text("Uploaded scan", exact=True).wait_for()
    settled(page)
    assert "Model output of" in main_text(page)

    open_by_menu(page, "attack-lab", "Attack lab")
    tab_to(page, ".st-key-eps_linf input")
    strength = moved(page, page.locator(".st-key-eps_linf").get_by_role("slider"), "ArrowRight")
    assert strength.startswith("5/255")
    activate(page, ".st-key-lab_advanced button")
    tab_to(page, ".st-key-attack_white_box input")
    keys(page, "ArrowDown", "ArrowDown", "Enter", "Escape")
    run = page.locator(".st-key-run_attack").get_by_role("button")
    assert "PGD on both models" not in run.inner_text()
    activate(page, ".st-key-run_attack button")
    page.locator(".st-key-lab_section").wait_for()
    settled(page)
    assert "ε = 5/255" in main_text(page)


def test_an_attack_is_cancelled_by_keys(page: Page) -> None:
    settled(page)
    open_by_menu(page, "attack-lab", "Attack lab")
    activate(page, ".st-key-lab_advanced button")
    tab_to(page, ".st-key-steps_pgd input")
    keys(page, "End", "Escape")
    tab_to(page, ".st-key-run_attack button")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel").wait_for()
    tab_to(page, ".st-key-cancel_attack button")
    page.keyboard.press("Enter")
    page.get_by_text("Attack cancelled. Nothing of it was kept.").wait_for()
    settled(page)
    assert "Not attacked yet" in main_text(page)


def test_a_lesson_is_opened_and_answered(page: Page) -> None:
    settled(page)
    open_by_menu(page, "teach", "Teach")
    activate(page, f".st-key-teach_open_{LESSON} button")
    page.get_by_text("Step 1 of").wait_for()
    tab_to(page, "[class*=st-key-teach_answer] input[type=radio]")
    keys(page, "Space", "ArrowDown")
    assert page.locator("[class*=st-key-teach_answer] input:checked").count() == 1
    activate(page, "[class*=st-key-teach_reveal] button")
    assert re.search(r"Right\.|Not quite\.", main_text(page))
    activate(page, ".st-key-teach_next button")
    page.get_by_text("Step 2 of").wait_for()


def test_a_lesson_is_presented_on_a_page_of_its_own_with_its_notes_in_a_second_window(page: Page) -> None:
    """Without a class: the keys turn the pages and reveal the answer; the notes follow, and turn them as well."""
    settled(page)
    address = page.url.partition("?")[0].rstrip("/")
    page.goto(f"{address}/present?lesson={LESSON}&step=1&lang=en")
    expect(page.locator("#where")).to_contain_text("Step 1 of", timeout=120_000)  # the first request loads much
    assert page.get_by_test_id("stSidebar").count() == 0 and NOTES not in page.content()
    with page.context.expect_page() as opened:
        page.keyboard.press("n")
    notes = opened.value
    page.keyboard.press("ArrowRight")
    expect(page.locator("#where")).to_contain_text("Step 2 of")
    expect(notes.locator("#where")).to_contain_text("Step 2 of")
    expect(notes.get_by_text(NOTES)).to_be_visible()
    assert "step=2" in page.url and NOTES not in page.content()
    notes.locator("#previous").click()
    expect(page.locator("#where")).to_contain_text("Step 1 of")
    expect(page.locator("#words_shown .right")).to_have_count(0)
    notes.locator("#reveal").click()
    expect(page.locator("#words_shown .right")).to_have_count(1)
    page.keyboard.press("r")
    expect(page.locator("#words_shown .right")).to_have_count(0)


def test_clean_and_attacked_are_compared_by_keys(page: Page) -> None:
    settled(page)
    open_by_menu(page, "attention", "Attention")
    activate(page, ".st-key-attention_run button")
    page.get_by_text("Attacked:").first.wait_for()
    settled(page)
    activate(page, ".st-key-attention_section button")
    tab_to(page, ".st-key-attention_arranged button")
    keys(page, "ArrowRight", "Enter")
    pair = page.locator(".st-key-attention_compare_layer")
    pair.locator(".share").wait_for()
    settled(page)
    tab_to(page, ".share")
    share = pair.locator(".share")
    assert moved(page, share, "ArrowLeft") == "49% attacked"
    assert moved(page, share, "ArrowRight") == "50% attacked"
    said = pair.locator(".said")
    activate(page, ".blink", key="Space")
    expect(said).to_have_text("Shown: Clean")
    keys(page, "b")
    expect(said).to_have_text("Shown: Attacked")
    activate(page, ".closer")
    expect(said).to_have_text("Zoom × 2")
    stages = pair.locator(".stage")
    for _ in range(3):  # the large viewer above has a stage as well
        tab_to(page, ".stage")
        if stages.first.evaluate("stage => stage.matches(':focus')"):
            break
    image = pair.locator(".stage img").first
    before = image.get_attribute("style")
    assert before is not None
    keys(page, "ArrowDown")
    expect(image).not_to_have_attribute("style", before)  # drawn with the next frame


def test_a_scan_is_chosen_by_keys_again_after_all_was_cleared(page: Page) -> None:
    settled(page)
    activate(page, ".st-key-clear_everything button")
    page.get_by_text("No scan is chosen.").wait_for()
    activate(page, ".st-key-sample_synthetic-CNV button", key="Space")
    chosen(page, "synthetic-CNV")
    assert "Model output of" in main_text(page)
