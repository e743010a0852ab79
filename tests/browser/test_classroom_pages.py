"""The classroom in a real browser: a phone of 360 x 640, the teacher's window, and the projector at 1024 x 768."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "classroom"))

from class_client import Browser as Client
from class_client import student_of, teacher_of
from class_server import running_class

from dashboard.classroom import access
from dashboard.classroom.database import Database, default_url
from dashboard.classroom.opened import Classroom

PIN = "246813"
PHONE = {"width": 360, "height": 640}
PROJECTOR = {"width": 1024, "height": 768}
EVIL = "<img src=x onerror=1>"
LONG = {
    "kind": "choice",
    "prompt": "Which of these six statements about the attacked scan is right, and why do you think so?",
    "options": [f"A rather long statement, number {n}" for n in range(1, 7)],
    "answer": 1,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = Database(default_url(tmp_path_factory.mktemp("class")))
    access.set_pin(database, PIN)
    with running_class(Classroom(database=database, hours=4, days=7, url=None)) as found:
        yield found
    database.close()


@pytest.fixture(scope="module")
def teacher(address: str) -> Client:
    return teacher_of(address, PIN)


@pytest.fixture
def code(teacher: Client) -> Iterator[str]:
    found: str = teacher.post("/class/teach/open_room", {"language": "en"})["code"]
    yield found
    teacher.post("/class/teach/delete_room", {"code": found})


def opened(browser: Browser, size: dict[str, int], address: str, path: str, client: Client | None = None) -> Page:
    """A page of a private profile with the client's cookies; it fails on any error of a script."""
    context = browser.new_context(viewport=size)  # type: ignore[arg-type]
    context.set_default_timeout(90_000)
    if client is not None:
        context.add_cookies([{"name": n, "value": v, "url": address} for n, v in client.cookies.items()])
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(f"{address}{path}")
    return page


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]


def all_on_one_screen(page: Page, selector: str) -> None:
    """Every control lies within the window before anything is scrolled."""
    size = page.viewport_size
    assert size is not None
    controls = page.locator(selector)
    assert controls.count()
    for number in range(controls.count()):
        box = controls.nth(number).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size["height"] and box["x"] + box["width"] <= size["width"]
        assert box["height"] >= 44


def test_a_phone_joins_answers_and_is_told(browser: Browser, address: str, teacher: Client, code: str) -> None:
    page = opened(browser, PHONE, address, f"/class?code={code}")
    expect(page.locator("#code")).to_have_value(code)
    all_on_one_screen(page, "#join input, #join button")
    assert serious(page) == []
    page.locator("#nickname").fill(EVIL)
    page.locator("#join button").click()
    page.get_by_text("You are in.").wait_for()
    assert page.locator("h1").inner_text() == EVIL[:24] and page.locator("h1 img").count() == 0
    teacher.post("/class/teach/ask", {"code": code, **LONG})
    page.get_by_role("button", name="number 6").wait_for()
    all_on_one_screen(page, "#body button")
    assert serious(page) == []
    page.get_by_role("button", name="number 2").click()
    page.get_by_text("Your answer has arrived.").wait_for()
    page.reload()
    page.get_by_text("Your answer has arrived.").wait_for()
    teacher.post("/class/teach/close", {"code": code, "reveal": True})
    page.get_by_text("Right.", exact=True).wait_for()


def test_a_live_question_fits_a_phone(browser: Browser, address: str, teacher: Client, code: str) -> None:
    student = student_of(address, code)
    teacher.post("/class/teach/ask_live", {"code": code, "kind": "model", "task": "oct", "level": "medium"})
    page = opened(browser, PHONE, address, "/class", student)
    page.locator("#body button").first.wait_for()
    expect(page.locator("#body img")).to_have_count(2)
    all_on_one_screen(page, "#body button")


def test_a_vote_is_on_the_projector_within_seconds(browser: Browser, address: str, teacher: Client, code: str) -> None:
    student = student_of(address, code)
    asked = teacher.post("/class/teach/ask", {"code": code, **LONG})["question"]
    page = opened(browser, PROJECTOR, address, f"/class/present?code={code}", teacher)
    page.get_by_role("heading", name="Which of these six").wait_for()
    assert serious(page) == []
    began = time.monotonic()
    student.post("/class/api/vote", {"question": asked, "choice": 1})
    expect(page.locator("#count")).to_have_text("1 answers")
    print(f"tally after {time.monotonic() - began:.2f} s")
    assert page.get_by_text("The answer:").count() == 0
    page.keyboard.press("r")
    page.get_by_text("The answer: A rather long statement, number 2").wait_for()


def test_the_projector_shows_large_pictures_and_hides_the_answer(
    browser: Browser, address: str, teacher: Client, code: str
) -> None:
    teacher.post("/class/teach/lesson", {"code": code, "lesson": "a-change-you-cannot-see", "step": 0})
    page = opened(browser, PROJECTOR, address, f"/class/present?code={code}", teacher)
    page.locator("#pictures img").nth(2).wait_for()
    boxes = [each.bounding_box() for each in page.locator("#pictures img").all()]
    left = min(box["x"] for box in boxes if box)
    right = max(box["x"] + box["width"] for box in boxes if box)
    assert (right - left) / PROJECTOR["width"] >= 0.45
    assert page.locator("header, nav, aside").count() == 1 and "stApp" not in page.content()
    assert "%" not in page.locator("#pictures").inner_text() and page.locator("li.right").count() == 0
    page.keyboard.press("r")
    page.locator("li.right").wait_for()
    expect(page.locator("#pictures")).to_contain_text("%")
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="How large is small?").wait_for()
    assert page.locator("li.right").count() == 0
    with page.expect_popup() as popup:
        page.keyboard.press("n")
    popup.value.get_by_text("One grey level is below").wait_for()


def test_the_teachers_window_follows_and_a_name_is_plain_text(
    browser: Browser, address: str, teacher: Client, code: str
) -> None:
    student_of(address, code, EVIL)
    page = opened(browser, {"width": 1440, "height": 900}, address, f"/class/teacher?code={code}", teacher)
    page.get_by_text(EVIL[:24]).wait_for()
    assert page.locator("#seats img").count() == 0
    assert serious(page) == []
    page.get_by_role("button", name="Lock the room").click()
    page.get_by_role("button", name="Unlock the room").wait_for()
    assert Client(address).ask("/class/api/join", {"code": code, "nickname": ""})[0] == 403
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#seats li")).to_have_count(0)


def test_a_teacher_signs_in_and_opens_a_room(browser: Browser, address: str) -> None:
    page = opened(browser, {"width": 1440, "height": 900}, address, "/class/teacher")
    page.locator("#pin").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("This is not the teacher's PIN.").wait_for()
    page.locator("#pin").fill(PIN)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Open a new room").click()
    expect(page.locator("#code")).to_have_text(page.locator("#rooms button[aria-pressed=true]").inner_text())


@pytest.mark.parametrize("late", ["**/class/static/teacher.js", "**/class/teach/offered?*"])
def test_a_button_pressed_before_its_script_has_run_is_not_pressed_in_vain(
    browser: Browser, address: str, teacher: Client, late: str
) -> None:
    page = opened(browser, {"width": 1440, "height": 900}, address, "/class/sign-in", teacher)
    page.route(late, lambda route: (time.sleep(1), route.continue_()))
    page.goto(f"{address}/class/teacher", wait_until="commit")
    page.get_by_role("button", name="Open a new room").click()
    page.locator("#rooms button[aria-pressed=true]").wait_for(timeout=10_000)


def test_the_teachers_window_asks_again_for_what_it_did_not_get(
    browser: Browser, address: str, teacher: Client
) -> None:
    page = opened(browser, {"width": 1440, "height": 900}, address, "/class/sign-in", teacher)
    asked: list[Route] = []

    def break_the_first_off(route: Route) -> None:
        asked.append(route)
        if len(asked) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/class/teach/offered?*", break_the_first_off)
    page.goto(f"{address}/class/teacher")
    expect(page.locator("#lesson option")).not_to_have_count(0)
    assert len(asked) == 2 and page.locator("#said").inner_text() == ""


def test_a_list_of_rooms_that_was_overtaken_is_not_shown(browser: Browser, address: str) -> None:
    page = opened(browser, {"width": 1440, "height": 900}, address, "/class/teacher")
    asked: list[Route] = []
    held: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if asked:
            route.continue_()
        else:
            asked.append(route)
            held.append((route, route.fetch()))

    page.route("**/class/teach/rooms?*", hold_the_first)
    page.locator("#pin").fill(PIN)
    page.get_by_role("button", name="Sign in").click()
    while not held:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Open a new room").click()
    pressed = page.locator("#rooms button[aria-pressed=true]")
    pressed.wait_for()
    ((route, answer),) = held
    route.fulfill(response=answer)  # it was given before the room was there, and comes last
    page.wait_for_timeout(300)
    assert pressed.count() == 1


def test_a_challenge_fits_a_phone_and_shows_its_line(
    browser: Browser, address: str, teacher: Client, code: str
) -> None:
    student = student_of(address, code, "Ada")
    given = {"code": code, "kind": "smallest", "task": "oct", "sample": "synthetic-CNV"}
    teacher.post("/class/teach/start_challenge", given)
    page = opened(browser, PHONE, address, "/class", student)
    page.get_by_role("button", name="Try it").wait_for()
    all_on_one_screen(page, "#body button, #body select")
    assert serious(page) == []
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("Waiting; 0 before you.").wait_for()
