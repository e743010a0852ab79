"""Axe on every page, in both themes: nothing serious (WCAG 2.2 AA)."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from driving import open_page, settled
from playwright.sync_api import Browser, Page
from test_every_page import PATHS, WIDE

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def serious(page: Page, path: str) -> list[str]:
    """What axe finds on a page at rest: while Streamlit still replaces elements, they cannot be focused."""
    found: list[str] = []
    for _ in range(4):
        settled(page)
        answer = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response
        assert answer["passes"]
        found = [
            f"{path}: {violation['id']} ({violation['help']}): {node['html'][:160]} {node['failureSummary']}"
            for violation in answer["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
        if not found:
            break
        page.wait_for_timeout(1500)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, server: str, scheme: str) -> None:
    context = browser.new_context(viewport=WIDE, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(90_000)
    page = context.new_page()
    page.goto(server)
    page.get_by_text("Model output of").wait_for()
    found: list[str] = []
    for path in PATHS:
        if path != PATHS[0]:
            open_page(page, path)
        found += serious(page, path)
    context.close()
    assert not found, "\n".join(found)
