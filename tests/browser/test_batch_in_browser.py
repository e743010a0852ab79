"""A ZIP archive goes in through a real browser, a table and a file come out."""

import csv
import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
from driving import open_page, settled
from playwright.sync_api import Page, expect

from meddef_core.data.phantoms import oct_phantom
from meddef_core.intended_use import INTENDED_USE

CLASSES = ("CNV", "DME", "DRUSEN", "NORMAL")


def drawn_set(path: Path) -> Path:
    """One drawn B-scan of each class in a folder of its name, and a letter."""
    with zipfile.ZipFile(path, "w") as made:
        for label in CLASSES:
            picture = np.rint(oct_phantom(label).scan.pixels * 255).astype(np.uint8)
            made.writestr(f"{label}/scan.png", cv2.imencode(".png", picture)[1].tobytes())
        made.writestr("letter.txt", "Dear colleague")
    return path


def test_an_archive_becomes_a_table_to_take_away(page: Page, tmp_path: Path) -> None:
    open_page(page, "batch")
    page.locator('input[type="file"]').set_input_files(drawn_set(tmp_path / "clinic.zip"))
    settled(page)
    page.get_by_role("button", name="Read all scans").click()
    page.get_by_text("a prediction for").wait_for()
    settled(page)
    assert "of 4 scans of known class" in page.get_by_test_id("stMain").inner_text()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    expect(page.get_by_test_id("stFileChip")).to_have_count(0)
    assert "clinic.zip" not in page.content()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the table (CSV)").click()
    lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert [line["known_class"] for line in lines] == [*CLASSES, ""]
    assert {line["intended_use"] for line in lines} == {INTENDED_USE}
    page.get_by_role("button", name="Clear everything").click()
    page.get_by_text("No table yet").wait_for()
    assert "scan.png" not in page.content()
