"""What a reader does, as functions of a page."""

from pathlib import Path

from playwright.sync_api import Page, expect

FOCUSED = """selector => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element?.matches(selector) ?? false;
}"""
"""Whether what has the focus matches, be it inside a component's own tree."""


QUIET_FOR_MS = 500
STAYS_QUIET = """milliseconds => {
  const running = !document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]');
  const loading = Array.from(document.images).some(image => !image.complete);
  const now = performance.now();
  if (running || loading || window.quietSince === undefined) window.quietSince = now;
  return now - window.quietSince >= milliseconds;
}"""
"""Whether nothing has run or loaded for so long: a script begins some time after the press that asks for it."""


def settled(page: Page) -> None:
    """Wait until no script has run for a while and pictures have arrived."""
    page.evaluate("window.quietSince = undefined")
    page.wait_for_function(STAYS_QUIET, arg=QUIET_FOR_MS, polling=50)


def go_to(page: Page, title: str) -> None:
    """Open a page by its name in the menu, which a narrow screen hides behind a button."""
    narrow = (page.viewport_size or {"width": 0})["width"] < 640
    if narrow:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").get_by_text(title, exact=True).click()
    if narrow:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    page.get_by_role("heading", name=title, level=1).first.wait_for()
    settled(page)


def pick(page: Page, option: str) -> None:
    """Press one segment of a segmented control."""
    page.get_by_test_id("stButtonGroup").get_by_text(option, exact=True).click()
    settled(page)


def choose_sample(page: Page, key: str) -> None:
    """Press the button of a sample and wait until the page works on it."""
    page.locator(f".st-key-sample_{key}").get_by_role("button").click()
    chosen(page, key)


def chosen(page: Page, key: str) -> None:
    """Wait until the sample of that key is the chosen scan and the page is done with it."""
    page.locator(f".st-key-sample_{key}").get_by_role("button", name="Chosen").wait_for()
    settled(page)


def upload(page: Page, path: Path) -> None:
    """Give the page a file."""
    page.locator('input[type="file"]').set_input_files(path)
    settled(page)


def run_attack(page: Page) -> None:
    """Press the button of the laboratory and wait for the whole comparison."""
    start_attack(page)
    page.locator(".st-key-lab_section").wait_for()
    settled(page)


def advanced(page: Page) -> None:
    """Open the laboratory's other settings; Escape closes them."""
    page.locator(".st-key-lab_advanced").get_by_role("button").first.click()
    page.get_by_text("Models to compare").wait_for()
    settled(page)


def start_attack(page: Page) -> None:
    """Press the button of the laboratory."""
    page.locator(".st-key-run_attack").get_by_role("button").click()


def most_steps(page: Page) -> None:
    """Set the laboratory's attack to its longest."""
    advanced(page)
    slider = page.get_by_role("slider", name="Gradient steps")
    slider.focus()
    slider.press("End")
    starts = page.get_by_role("spinbutton", name="Random starts")
    starts.fill("5")
    starts.press("Tab")
    settled(page)
    page.keyboard.press("Escape")
    settled(page)


def open_page(page: Page, path: str) -> None:
    """Follow the menu's link to the page of that address, on a wide screen."""
    page.get_by_test_id("stSidebarNav").locator(f'a[href$="/{path}"]').click()
    page.wait_for_url(f"**/{path}*")
    settled(page)


def tab_to(page: Page, selector: str, *, most: int = 150) -> None:
    """Press Tab until what has the focus matches, as one who uses no mouse does."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED, selector):
            return
    raise AssertionError(f"{selector} cannot be reached with {most} presses of Tab")


def shoot(page: Page, path: Path) -> None:
    """The whole page as one picture: Streamlit scrolls an inner element, so the window grows to its height."""
    size = page.viewport_size or {"width": 1440, "height": 900}
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(int(height) + 20, 12_000)})
    settled(page)
    page.screenshot(path=path)
    page.set_viewport_size(size)


def no_sideways_scroll(page: Page) -> None:
    """Nothing on the page is wider than the screen."""
    overflow = page.evaluate(
        "(() => { const main = document.querySelector('[data-testid=stMain]');"
        " return Math.max(main.scrollWidth - main.clientWidth,"
        " document.scrollingElement.scrollWidth - window.innerWidth); })()"
    )
    assert overflow <= 0, f"the page is {overflow} pixels wider than the screen"


def no_figure_cut_short(page: Page) -> None:
    """Every figure in a frame is shown whole."""
    cut = page.get_by_test_id("stMetricValue").evaluate_all(
        "all => all.filter(value => [value, ...value.querySelectorAll('*')]"
        ".some(part => part.scrollWidth > part.clientWidth && part.clientWidth > 0)).map(value => value.innerText)"
    )
    assert not cut, f"figures cut short: {cut}"


def maps_shown(page: Page, *, least: int = 1) -> list[str]:
    """What the maps on the page say to those who do not see them, once there are so many."""
    pictures = page.locator('img[alt*="strongest in"]')
    expect(pictures.nth(least - 1)).to_be_visible()
    return [pictures.nth(i).get_attribute("alt") or "" for i in range(pictures.count())]
