"""Several readers on one server: none sees another's scan, none waits for one who left."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from driving import choose_sample, most_steps, open_page, run_attack, settled, start_attack
from playwright.sync_api import Browser, Page
from served import running_app

WAITING = re.compile("1 ahead of you")
STEP = re.compile("step [0-9]+ of")
ANSWER_SECONDS = 10.0
"""Generous, for a machine with other things to do; tests/benchmarks/measure_shared_use.py holds it to two."""


@pytest.fixture(scope="module")
def narrow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that runs one attack at a time."""
    with running_app(tmp_path_factory.mktemp("narrow") / "log.txt", MEDDEF_SLOTS="1") as (address, _):
        yield address


@contextmanager
def reader(browser: Browser, address: str, path: str = "") -> Iterator[Page]:
    """A browser profile of its own with the app open."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(f"{address}/{path}")
    page.get_by_role("heading", level=1).first.wait_for()
    settled(page)
    try:
        yield page
    finally:
        context.close()


def main_text(page: Page) -> str:
    return page.get_by_test_id("stMain").inner_text()


def test_two_browsers_do_not_see_each_other(browser: Browser, narrow_server: str) -> None:
    with reader(browser, narrow_server) as one, reader(browser, narrow_server) as other:
        choose_sample(one, "synthetic-DRUSEN")
        open_page(one, "attack-lab")
        run_attack(one)
        open_page(other, "attack-lab")
        assert "Synthetic B-scan, DRUSEN" in main_text(one)
        assert "Synthetic B-scan, NORMAL" in main_text(other)
        assert "Not attacked yet" in main_text(other)
        run_attack(other)
        assert "Synthetic B-scan, DRUSEN" in main_text(one)


def test_one_who_leaves_frees_the_place(browser: Browser, narrow_server: str) -> None:
    with reader(browser, narrow_server, "attack-lab") as waiting:
        with reader(browser, narrow_server, "attack-lab") as working:
            most_steps(working)
            start_attack(working)
            working.get_by_role("button", name="Cancel").wait_for()
            working.get_by_text(STEP).wait_for()
            start_attack(waiting)
            waiting.get_by_text(WAITING).wait_for()
        waiting.get_by_text(STEP).wait_for()
        waiting.get_by_role("button", name="Cancel").click()


def test_the_app_answers_while_another_works(browser: Browser, narrow_server: str) -> None:
    with reader(browser, narrow_server, "attack-lab") as working, reader(browser, narrow_server) as other:
        most_steps(working)
        start_attack(working)
        working.get_by_text(STEP).wait_for()
        began = time.monotonic()
        choose_sample(other, "synthetic-CNV")
        seconds = time.monotonic() - began
        assert "CNV" in main_text(other) and "Model output of" in main_text(other)
        assert seconds < ANSWER_SECONDS
        working.get_by_role("button", name="Cancel").click()
