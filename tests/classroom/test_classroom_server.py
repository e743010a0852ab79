"""A class on a running server: who may do what, what each is told, and what a message may hold."""

import json
import urllib.request
from collections.abc import Iterator

import pytest
from class_client import Browser, student_of, teacher_of
from class_server import running_class

from dashboard.classroom import access
from dashboard.classroom.database import Database, default_url
from dashboard.classroom.opened import Classroom
from dashboard.classroom.web.gate import Buckets

PIN = "246813"
QUESTION = {"kind": "choice", "prompt": "Which?", "options": ["A", "<b>B</b>"], "answer": 1}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    database = Database(default_url(tmp_path_factory.mktemp("class")))
    access.set_pin(database, PIN)
    with running_class(Classroom(database=database, hours=4, days=7, url=None)) as address:
        yield address
    database.close()


@pytest.fixture(scope="module")
def teacher(server: str) -> Browser:
    return teacher_of(server, PIN)


@pytest.fixture
def code(teacher: Browser) -> Iterator[str]:
    found: str = teacher.post("/class/teach/open_room", {"language": "en"})["code"]
    yield found
    teacher.post("/class/teach/delete_room", {"code": found})


def test_a_student_can_do_nothing_of_the_teachers(server: str, teacher: Browser, code: str) -> None:
    student = student_of(server, code, "Ada")
    actions = ("open_room", "rooms", "lock", "show", "remove_seat", "ask", "close", "delete_room", "sign_out", "timer")
    for action in actions:
        message = {"code": code, "locked": True, "showing": "lesson", "seat": 1, **QUESTION, "reveal": True}
        assert student.ask(f"/class/teach/{action}", message)[0] == 403, action
        assert student.ask(f"/class/api/{action}", message)[0] in (400, 404, 405), action
    for path in (f"room/{code}", f"projector/{code}", f"step/{code}", f"qr/{code}", "offered"):
        assert student.ask(f"/class/teach/{path}")[0] == 403, path
    student.cookies["meddef_teacher"] = student.cookies["meddef_seat"]
    assert student.ask("/class/teach/delete_room", {"code": code})[0] == 403
    assert [seat["nickname"] for seat in teacher.get(f"/class/teach/room/{code}")["seats"]] == ["Ada"]


def test_a_class_answers_and_hears_the_answer_when_it_is_revealed(server: str, teacher: Browser, code: str) -> None:
    students = [student_of(server, code) for _ in range(3)]
    asked = teacher.post("/class/teach/ask", {"code": code, **QUESTION})["question"]
    for student, choice in zip(students, (1, 1, 0), strict=True):
        assert student.post("/class/api/vote", {"question": asked, "choice": choice})["choice"] == choice
    assert students[0].post("/class/api/vote", {"question": asked, "choice": 0})["choice"] == 1
    told = students[0].get("/class/api/state")["question"]
    assert told["given"]["choice"] == 1 and not {"answer", "tally", "right", "explanation"} & set(told)
    projected = teacher.get(f"/class/teach/projector/{code}")["question"]
    assert projected["tally"]["counts"] == [1, 2] and "answer" not in projected
    teacher.post("/class/teach/close", {"code": code, "reveal": True})
    assert students[0].get("/class/api/state")["question"]["right"] is True
    assert students[2].get("/class/api/state")["question"]["right"] is False
    assert teacher.get(f"/class/teach/projector/{code}")["question"]["answer"] == 1


def test_a_picture_is_for_its_own_class(server: str, teacher: Browser, code: str) -> None:
    """A real attack is computed for this question."""
    other = teacher.post("/class/teach/open_room", {"language": "en"})["code"]
    inside, outside = student_of(server, code), student_of(server, other)
    teacher.post("/class/teach/ask_live", {"code": code, "kind": "scan", "task": "oct", "level": "easy"})
    told = inside.get("/class/api/state")["question"]
    assert told["options"] == ["Left", "Right"] and [image["caption"] for image in told["images"]] == ["Left", "Right"]
    path = f"/class/image/{told['images'][0]['id']}"
    status, png = inside.ask(path)
    assert status == 200 and png.startswith(b"\x89PNG")
    assert outside.ask(path)[0] == 403 and Browser(server).ask(path)[0] == 404
    teacher.post("/class/teach/close", {"code": code, "reveal": True})
    captions = [image["caption"] for image in inside.get("/class/api/state")["question"]["images"]]
    assert sum("attacked" in caption for caption in captions) == 1


def test_a_message_that_is_no_json_or_too_long_is_refused(server: str, code: str) -> None:
    student = student_of(server, code)
    form = student.ask("/class/api/vote", method="POST", body=b"question=1", Content_Type="text/plain")
    assert form[0] == 400 and "JSON" in form[1]["error"]
    status, said = student.ask("/class/api/vote", {"question": 1, "more": "x" * 70_000})
    assert status == 400 and "too long" in said["error"]
    assert student.ask("/class/api/vote", [1])[0] == 400
    for code in ("A\x00B", "\ud800"):
        assert student.ask("/class/api/join", {"code": code})[0] == 400


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(server: str) -> None:
    message = json.dumps({"pin": PIN}).encode()
    sent = urllib.request.Request(
        f"{server}/class/api/sign_in", data=message, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(sent, timeout=60) as answer:
        cookie = answer.headers["Set-Cookie"].lower()
        policy = answer.headers["Content-Security-Policy"]
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert "default-src 'self'" in policy and "unsafe" not in policy


def test_a_signed_out_browser_is_no_teacher(server: str) -> None:
    browser = teacher_of(server, PIN)
    token = browser.cookies["meddef_teacher"]
    browser.post("/class/teach/sign_out", {})
    browser.cookies["meddef_teacher"] = token
    assert browser.ask("/class/teach/rooms", {})[0] == 403


def test_requests_are_limited_and_then_allowed_again() -> None:
    bucket = Buckets(rate=2.0, burst=3.0)
    assert [bucket.take("a", now=0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take("b", now=0.0)
    assert [bucket.take("a", now=1.0) for _ in range(3)] == [True, True, False]


def test_closed_paths_lead_to_the_page_for_students(server: str) -> None:
    stranger = Browser(server)
    for path in ("/diagnose", "/_stcore/stream", "/media/x", "/class/present", "/class/teach/rooms", "/class/anything"):
        assert stranger.ask(path)[0] == 403, path
    assert stranger.ask("/")[0] == stranger.ask("/class/teacher")[0] == 303
    assert b'id="join"' in stranger.ask("/class")[1] and b'id="pin"' in stranger.ask("/class/sign-in")[1]


@pytest.mark.parametrize("page", ["/class", "/class/sign-in", "/class/teacher", "/class/present"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_has_all_its_words(teacher: Browser, page: str, language: str) -> None:
    status, shown = teacher.ask(f"{page}?lang={language}")
    assert status == 200 and b"{{" not in shown and f'lang="{language}"'.encode() in shown


def test_what_the_teacher_can_choose_is_listed_and_a_step_is_shown(teacher: Browser, code: str) -> None:
    offered = teacher.get("/class/teach/offered?lang=en")
    lesson = next(each for each in offered["lessons"] if each["key"] == "a-change-you-cannot-see")
    teacher.post("/class/teach/lesson", {"code": code, "lesson": lesson["key"], "step": 99})
    told = teacher.get(f"/class/teach/step/{code}")
    assert told["step"] == told["steps"] - 1 == len(lesson["steps"]) - 1
    assert "answer" not in told["question"] and told["html"].startswith("<p>")
    teacher.post("/class/teach/reveal_step", {"code": code, "revealed": True})
    assert teacher.get(f"/class/teach/step/{code}")["question"]["answer"] == 1
    teacher.post("/class/teach/ask_step", {"code": code})
    assert teacher.get(f"/class/teach/room/{code}")["question"]["options"] == told["question"]["options"]
    status, said = teacher.ask("/class/teach/lesson", {"code": code, "lesson": "none", "step": 0})
    assert status == 404 and "no such lesson" in said["error"]


def test_the_code_is_shown_as_a_qr_code_of_the_address(server: str, teacher: Browser, code: str) -> None:
    status, drawn = teacher.ask(f"/class/teach/qr/{code}")
    assert status == 200 and b"<svg" in drawn
    assert teacher.get(f"/class/teach/projector/{code}")["address"] == f"{server}/class"
