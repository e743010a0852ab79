"""The whole app with a class: what a student reaches of it, an upload of a student's, a kill and a restart."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import served
from class_client import Browser, student_of, teacher_of
from served import running_app
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

PIN = "246813"
QUESTION = {"kind": "choice", "prompt": "Which?", "options": ["A", "<b>B</b>"], "answer": 1}
TO_STREAMLIT = ("/_stcore/host-config", "/_stcore/stream", "/diagnose", "/teach", "/media/none", "/class/../diagnose")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what a server does once it is up."""
    monkeypatch.setattr(served, "START_SECONDS", 300.0)


def settings(folder: Path) -> dict[str, str]:
    return {"MEDDEF_CLASSROOM": "true", "MEDDEF_CLASSROOM_PIN": PIN, "XDG_STATE_HOME": str(folder)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served, "START_SECONDS", 300.0)
        with running_app(folder / "log.txt", **settings(folder)) as (address, _):
            yield address


@pytest.fixture
def code(server: str) -> str:
    found: str = teacher_of(server, PIN).post("/class/teach/open_room", {"language": "en"})["code"]
    return found


def test_a_student_reaches_the_phone_page_and_nothing_of_streamlit(server: str, code: str) -> None:
    student = student_of(server, code)
    status, page = student.ask("/class")
    assert status == 200 and b'class="phone"' in page
    for path in TO_STREAMLIT:
        assert student.ask(path)[0] in (403, 404), path
    status, _ = student.ask("/")
    assert status == 303
    with pytest.raises(InvalidStatus):
        cookie = "; ".join(f"{name}={value}" for name, value in student.cookies.items())
        connect(f"{server.replace('http', 'ws')}/_stcore/stream", additional_headers={"Cookie": cookie}).close()


@pytest.mark.parametrize("session", ["a", "00000000-0000-0000-0000-000000000000"])
def test_an_upload_of_a_students_is_rejected(server: str, code: str, session: str) -> None:
    student = student_of(server, code)
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--\r\n'
    for method in ("PUT", "POST", "DELETE"):
        status, said = student.ask(
            f"/_stcore/upload_file/{session}/1",
            method=method,
            body=body,
            Content_Type="multipart/form-data; boundary=b",
        )
        assert status == 403 and b"Students reach" in said


def test_the_teacher_reaches_the_whole_app(server: str) -> None:
    teacher = teacher_of(server, PIN)
    assert teacher.ask("/_stcore/host-config")[0] == 200
    cookie = "; ".join(f"{name}={value}" for name, value in teacher.cookies.items())
    connect(f"{server.replace('http', 'ws')}/_stcore/stream", additional_headers={"Cookie": cookie}).close()


def test_a_class_goes_on_after_a_kill(tmp_path: Path) -> None:
    """kill -9 during a question; the new process knows teacher, seats, question and votes."""
    with running_app(tmp_path / "one.txt", **settings(tmp_path)) as (address, process):
        teacher = teacher_of(address, PIN)
        code = teacher.post("/class/teach/open_room", {"language": "en"})["code"]
        students = [student_of(address, code, str(n)) for n in range(5)]
        asked = teacher.post("/class/teach/ask", {"code": code, **QUESTION})["question"]
        for student in students[:3]:
            student.post("/class/api/vote", {"question": asked, "choice": 1})
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
    began = time.monotonic()
    with running_app(tmp_path / "two.txt", **settings(tmp_path)) as (address, _):
        for browser in (teacher, *students):
            browser.address = address
        students[3].post("/class/api/vote", {"question": asked, "choice": 0})
        told = teacher.get(f"/class/teach/room/{code}")
        print(f"continued after {time.monotonic() - began:.1f} s")
        assert told["question"]["tally"]["counts"] == [1, 3] and told["question"]["open"]
        assert [seat["nickname"] for seat in told["seats"]] == ["0", "1", "2", "3", "4"]


def test_two_processes_on_one_database_agree(postgres: str, tmp_path: Path) -> None:
    """Two whole apps behind what would be one proxy: a seat of one votes at the other, and both count the same."""
    shared = settings(tmp_path) | {"MEDDEF_DATABASE_URL": postgres}
    with (
        running_app(tmp_path / "one.txt", **shared) as (one, _),
        running_app(tmp_path / "two.txt", **shared) as (two, _),
    ):
        teachers = [teacher_of(one, PIN)]
        teachers.append(Browser(two, dict(teachers[0].cookies)))
        code = teachers[0].post("/class/teach/open_room", {"language": "en"})["code"]
        students = [student_of((one, two)[n % 2], code) for n in range(20)]
        for asking in teachers:
            asked = asking.post("/class/teach/ask", {"code": code, **QUESTION})["question"]
            for n, student in enumerate(students):  # half of them are sent elsewhere than where they joined
                student.address = (one, two)[n % 4 < 2]
            with ThreadPoolExecutor(len(students)) as pool:
                votes = [
                    pool.submit(each.post, "/class/api/vote", {"question": asked, "choice": n % 2})
                    for n, each in enumerate(students)
                ]
                assert [vote.result()["choice"] for vote in votes] == [n % 2 for n in range(20)]
            for path in (f"/class/teach/room/{code}", f"/class/teach/projector/{code}"):
                assert [each.get(path)["question"]["tally"]["counts"] for each in teachers] == [[10, 10]] * 2
        teachers[1].post("/class/teach/close", {"code": code, "reveal": True})
        assert students[0].get("/class/api/state")["question"]["answer"] == 1
