"""The laboratory on one screen, two clicks from a cold start; its height, and that of Attention; axe with a result."""

import pytest
from driving import advanced, no_sideways_scroll, open_page, run_attack, settled
from playwright.sync_api import Browser, Locator, Page, expect
from test_accessibility import serious

LONGEST = 1400
"""Pixels that a page may be high at 1440."""

VERDICT = "text=/^Output (not )?changed/"


def on_screen(found: Locator, *, height: int) -> None:
    box = found.bounding_box()
    assert box is not None and box["y"] >= 0
    assert box["y"] + box["height"] <= height, f"ends at {box['y'] + box['height']:.0f} of {height}"


def cards(page: Page) -> Locator:
    return page.locator(".st-key-lab_result_box")


def test_two_clicks_from_a_cold_start_show_both_attacked_models(page: Page) -> None:
    settled(page)
    page.get_by_test_id("stSidebarNav").get_by_text("Attack lab", exact=True).click()
    page.locator(".st-key-run_attack button").click()
    page.locator(".st-key-lab_section").wait_for()
    settled(page)
    no_sideways_scroll(page)
    main, found = page.get_by_test_id("stMain"), cards(page)
    assert main.evaluate("main => main.scrollTop") == 0
    expect(found.get_by_alt_text("attacked scan")).to_have_count(2)
    expect(found.locator(VERDICT)).to_have_count(2)
    for number in range(2):
        on_screen(found.get_by_alt_text("attacked scan").nth(number), height=900)
        on_screen(found.locator(VERDICT).nth(number), height=900)
        on_screen(found.get_by_text("Robust accuracy").nth(number), height=900)
    on_screen(found.get_by_test_id("stProgress").last, height=900)
    for control in (".st-key-lab_scan", ".st-key-eps_linf", ".st-key-run_attack", ".st-key-lab_advanced", ".stage"):
        on_screen(page.locator(control), height=900)
    assert main.evaluate("main => main.scrollHeight") <= LONGEST
    page.locator("select.map").select_option(label="Grad-CAM")
    page.locator(".stage[data-map=gradcam]").wait_for()


def test_three_models_fit(page: Page) -> None:
    open_page(page, "attack-lab")
    advanced(page)
    page.get_by_role("button", name="MedDef, 90% pruned").first.click()
    page.keyboard.press("Escape")
    settled(page)
    run_attack(page)
    no_sideways_scroll(page)
    found = cards(page)
    expect(found.locator(VERDICT)).to_have_count(3)
    for number in range(3):
        on_screen(found.locator(VERDICT).nth(number), height=900)
    on_screen(found.get_by_test_id("stProgress").last, height=900)


def test_a_result_below_the_screen_is_scrolled_into_view(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(f"{server}/attack-lab")
    page.locator(".st-key-run_attack button").wait_for()
    settled(page)
    run_attack(page)
    on_screen(cards(page).locator(VERDICT).first, height=844)
    no_sideways_scroll(page)
    context.close()


def test_attention_is_no_longer_than_a_page_and_has_its_map_on_the_first_screen(page: Page) -> None:
    open_page(page, "attention")
    page.locator(".st-key-attention_run").get_by_role("button").click()
    page.get_by_text("Attacked:").first.wait_for()
    settled(page)
    stage = page.locator(".stage[data-map=gradcam][data-beside=true]")
    stage.wait_for()
    on_screen(stage, height=900)
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollHeight") <= LONGEST


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing_serious_with_a_result(browser: Browser, server: str, scheme: str, language: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(f"{server}/attack-lab?lang={language}")
    page.locator(".st-key-run_attack button").wait_for()
    settled(page)
    run_attack(page)
    found = serious(page, "attack-lab")
    open_page(page, "attention")
    page.locator(".stage[data-ready=true]").wait_for()
    found += serious(page, "attention")
    context.close()
    assert not found, "\n".join(found)
