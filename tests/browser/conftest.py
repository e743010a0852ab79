"""A real server in its own process and a real browser, which is Chromium."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright
from served import running_app

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an app that all tests share."""
    with running_app(tmp_path_factory.mktemp("server") / "log.txt") as (address, _):
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: $CHROMIUM, the system's, or playwright's own. Without one these tests fail: they are no option."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            pytest.fail(
                "The browser tests need Chromium: install it (apt-get install chromium, or playwright install "
                f"chromium), or set CHROMIUM to its path. {error.message.splitlines()[0]}"
            )
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A private browser profile, wide and light."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.set_default_timeout(90_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, server: str) -> Iterator[Page]:
    """The app, open, with its first reading shown; fails at the end if it asked another host for anything."""
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.goto(server)
    page.get_by_text("Model output of").wait_for()
    yield page
    assert asked
    assert not foreign(asked, server)


def foreign(asked: list[str], server: str) -> list[str]:
    """Of all addresses that a page asked for, those of other hosts."""
    own = server.removeprefix("http://")
    return [
        url for url in asked if url.partition("://")[2].split("/")[0] != own and not url.startswith(("data:", "blob:"))
    ]


@pytest.fixture(scope="session")
def screenshots() -> Path | None:
    """Where pictures of all pages go: the folder $MEDDEF_SCREENSHOTS; without one, none are taken."""
    value = os.environ.get("MEDDEF_SCREENSHOTS")
    if not value:
        return None
    folder = Path(value)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
