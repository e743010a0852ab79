"""The main job in a real browser: scans go in, readings come out, attacks run, nothing else is asked for."""

import re
from pathlib import Path

import pytest
from driving import (
    advanced,
    choose_sample,
    chosen,
    go_to,
    maps_shown,
    most_steps,
    pick,
    run_attack,
    settled,
    start_attack,
    tab_to,
    upload,
)
from playwright.sync_api import Page, expect

from meddef_core.explanation import MAP_CAVEAT
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
    assert MAP_CAVEAT not in said
    pick(page, "All maps")
    assert MAP_CAVEAT in main_text(page)
    assert len(maps_shown(page, least=9)) == 9


def test_a_dicom_film_says_what_was_removed(page: Page) -> None:
    pick(page, "Chest X-ray")
    page.get_by_text("identifying elements").wait_for()
    # The film is of an adult, and written after the line above.
    page.get_by_role("heading", name="No model output: the model abstains from this scan").wait_for()


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
    pick(page, "All maps")
    assert len(maps_shown(page, least=9)) == 9

    go_to(page, "Attack lab")
    page.get_by_text("Uploaded scan", exact=True).wait_for()
    run_attack(page)
    said = main_text(page)
    assert said.count("Random noise:") == 2
    assert said.count("Output changed") + said.count("Output not changed") == 2
    pick(page, "Size")
    assert main_text(page).count("4.00/255 (0.0157)") >= 2
    pick(page, "Maps")
    assert len(maps_shown(page, least=8)) == 8


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"Dear colleague, this is not a scan.", "PNG, JPEG or DICOM"),
        (b"\x89PNG\r\n\x1a\n" + bytes(65 * 1024**2), "larger than 64 MB"),  # refused by Streamlit, in the browser
    ],
)
def test_a_refused_file_takes_the_scan_before_with_it(page: Page, tmp_path: Path, content: bytes, reason: str) -> None:
    settled(page)
    path = tmp_path / "letter.png"
    path.write_bytes(content)
    upload(page, path)
    page.get_by_text("No scan is chosen.").wait_for()
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(1)
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text(reason)
    expect(page.get_by_test_id("stFileChip")).to_have_count(0)
    assert "Model output of" not in main_text(page)
    assert "letter.png" not in page.content()
    go_to(page, "Attack lab")
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text(reason)
    go_to(page, "Diagnose")
    choose_sample(page, "synthetic-CNV")
    expect(page.get_by_test_id("stAlertContentError").filter(has_text=reason)).to_have_count(0)


def test_an_attack_can_be_cancelled(page: Page) -> None:
    go_to(page, "Attack lab")
    most_steps(page)
    start_attack(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Attack cancelled. Nothing of it was kept.").wait_for()
    settled(page)
    assert "Not attacked yet" in main_text(page)


def test_clear_everything(page: Page) -> None:
    pick(page, "Chest X-ray")
    page.get_by_role("button", name="Clear everything").click()
    page.get_by_text("No scan is chosen.").wait_for()
    said = main_text(page)
    assert "Model output of" not in said
    assert "Synthetic" not in said  # the strip still shows the kind of scan that the control shows


def test_the_main_path_by_keyboard(page: Page) -> None:
    settled(page)
    tab_to(page, ".st-key-sample_synthetic-DRUSEN button")
    page.keyboard.press("Enter")
    chosen(page, "synthetic-DRUSEN")
    tab_to(page, '[data-testid="stSidebarNav"] a[href$="/attack-lab"]')
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Attack lab", level=1).wait_for()
    settled(page)
    tab_to(page, ".st-key-run_attack button")
    page.keyboard.press("Enter")
    page.locator(".st-key-lab_section").wait_for()
    settled(page)
    assert "DRUSEN" in main_text(page)


def test_one_step_follows_the_budget(page: Page) -> None:
    settled(page)
    go_to(page, "Attack lab")
    advanced(page)
    page.get_by_role("combobox", name="Attack", exact=True).click()
    page.get_by_role("option", name="FGSM", exact=True).click()
    settled(page)
    page.keyboard.press("Escape")
    page.locator(".st-key-run_attack").get_by_role("button").click()
    page.locator(".st-key-lab_section").wait_for()
    settled(page)
    settings = page.get_by_text(re.compile(r" UTC · FGSM · ε = "))
    before = settings.inner_text()
    slider = page.get_by_role("slider", name=re.compile("^Attack strength"))
    slider.focus()
    slider.press("ArrowRight")
    expect(settings).not_to_have_text(before)
    settled(page)
    assert "noise" in page.get_by_test_id("stMain").inner_text()
