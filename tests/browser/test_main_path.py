"""The main job in a real browser: scans go in, readings come out, attacks run, nothing else is asked for."""

from pathlib import Path

import pytest
from driving import go_to, maps_shown, no_sideways_scroll, pick, run_attack, settled, shoot, upload
from playwright.sync_api import Browser, Page, expect

from meddef_core.explain import MAP_CAVEAT
from meddef_core.intended_use import INTENDED_USE


def main_text(page: Page) -> str:
    return page.get_by_test_id("stMain").inner_text()


def first(folder: Path) -> Path:
    return sorted(folder.glob("*.jpeg"))[0]


def test_a_sample_is_read_without_any_data_set(page: Page) -> None:
    settled(page)
    said = main_text(page)
    assert INTENDED_USE in said
    assert "Synthetic: drawn, not a patient" in said
    assert MAP_CAVEAT in said
    assert len(maps_shown(page)) == 9


def test_a_dicom_film_says_what_was_removed(page: Page) -> None:
    pick(page, "Chest X-ray")
    page.get_by_text("identifying elements").wait_for()
    assert "The true class of this scan is not known here." in main_text(page)


@pytest.mark.parametrize(
    ("kind", "folder", "classes"),
    [("Chest X-ray", "chest_xray_fullres/PNEUMONIA", 2), ("Retinal OCT", "oct/test/DRUSEN", 4)],
)
def test_a_real_scan_is_uploaded_read_and_attacked(
    page: Page, data_dir: Path, kind: str, folder: str, classes: int
) -> None:
    pick(page, kind)
    path = first(data_dir / folder)
    upload(page, path)
    page.get_by_text("Uploaded scan", exact=True).wait_for()
    expect(page.get_by_test_id("stFileChip")).to_have_count(0)
    assert path.stem not in page.content()
    said = main_text(page)
    assert "The true class of this scan is not known here." in said
    bars = page.get_by_test_id("stProgress")
    expect(bars).to_have_count(classes)
    assert all("%" in text for text in bars.all_inner_texts())
    assert len(maps_shown(page)) == 9

    go_to(page, "Attack lab")
    page.get_by_text("Uploaded scan", exact=True).wait_for()
    run_attack(page)
    said = main_text(page)
    assert said.count("Control: random noise of the same size") == 2
    assert said.count("The attack changed the model output") + said.count("did not change the model output") == 2
    assert said.count("4.00/255 (0.0157)") >= 2
    assert len(maps_shown(page)) >= 4


def test_text_renamed_to_png_is_refused_and_nothing_is_lost(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "letter.png"
    path.write_text("Dear colleague, this is not a scan.")
    upload(page, path)
    expect(page.get_by_test_id("stAlertContentError").first).to_contain_text("PNG, JPEG or DICOM")
    assert "Synthetic B-scan" in main_text(page)
    expect(page.get_by_test_id("stFileChip")).to_have_count(0)
    assert "letter.png" not in page.content()


def test_an_attack_can_be_cancelled(page: Page) -> None:
    go_to(page, "Attack lab")
    slider = page.get_by_role("slider", name="Gradient steps")
    slider.focus()
    slider.press("End")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Attack cancelled. Nothing of it was kept.").wait_for()
    settled(page)
    assert "What the attack did" not in main_text(page)


def test_clear_everything(page: Page) -> None:
    pick(page, "Chest X-ray")
    page.get_by_role("button", name="Clear everything").click()
    page.get_by_text("No scan is chosen.").wait_for()
    said = main_text(page)
    assert "Model output of" not in said
    assert "Synthetic" not in said  # the strip still shows the kind of scan that the control shows


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_its_screen(browser: Browser, server: str, screenshots: Path, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(server)
    page.get_by_text("Model output of").wait_for()
    settled(page)
    for title in ("Diagnose", "Attack lab", "About"):
        if title != "Diagnose":
            go_to(page, title)
        if title == "Attack lab":
            run_attack(page)
        no_sideways_scroll(page)
        shoot(page, screenshots / f"{title.lower().replace(' ', '-')}-{scheme}-{width}.png")
    context.close()
