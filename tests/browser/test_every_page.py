"""Every page of the menu, in both themes, on a wide screen and on a telephone: whole, quiet, and within its screen."""

from pathlib import Path

import pytest
from conftest import foreign
from driving import no_figure_cut_short, no_sideways_scroll, open_page, run_attack, settled, shoot
from playwright.sync_api import Browser, expect

from dashboard.navigation import pages

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

PATHS = [page.address for page in pages()]
"""Addresses of all pages, in the order of the menu; the first is the start page."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_whole_and_asks_no_other_host(
    browser: Browser, server: str, screenshots: Path | None, scheme: str
) -> None:
    assert len(PATHS) >= 4
    asked: list[str] = []
    broken: list[str] = []
    context = browser.new_context(viewport=WIDE, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("pageerror", lambda error: broken.append(error.message))
    page.goto(server)
    page.get_by_text("Model output of").wait_for()
    for path in PATHS:
        if path != PATHS[0]:
            open_page(page, path)
        if path == "attack-lab" and (scheme == "light" or screenshots):
            run_attack(page)
        expect(page.get_by_role("heading", level=1).first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_text("Oh no")).to_have_count(0)
        for size in (NARROW, WIDE):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            settled(page)
            no_sideways_scroll(page)
            no_figure_cut_short(page)
            if screenshots:
                shoot(page, screenshots / f"{path}-{scheme}-{size['width']}.png")
    context.close()
    assert not broken
    assert asked and not foreign(asked, server)
