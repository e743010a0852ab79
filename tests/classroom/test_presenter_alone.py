"""A lesson on the projector without a class: what its windows are told, and who may open them behind a login."""

from collections.abc import Iterator

import pytest
from class_client import Browser
from class_server import running
from starlette.applications import Starlette

from dashboard.classroom.web.alone import alone_routes
from dashboard.services import presenter_key
from dashboard.services.lessons.model import read_shelf

LESSON = "a-change-you-cannot-see"
LOGIN = {
    "MEDDEF_LOGIN_ISSUER": "https://idp.example.org",
    "MEDDEF_LOGIN_CLIENT": "meddef",
    "MEDDEF_LOGIN_CLIENT_SECRET": "secret",
    "MEDDEF_LOGIN_ADDRESS": "https://meddef.example.org",
    "MEDDEF_LOGIN_COOKIE_SECRET": "0123456789abcdef0123456789abcdef",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running(Starlette(routes=alone_routes())) as address:
        yield Browser(address)


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("page", ["/present", "/present/notes", "/class/static/alone.js"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_has_all_its_words(browser: Browser, page: str, language: str) -> None:
    status, shown = browser.ask(f"{page}?lang={language}")
    assert status == 200 and b"{{" not in shown


def test_a_step_is_told_with_its_answer_once_it_is_revealed(browser: Browser) -> None:
    steps = next(each for each in read_shelf().lessons if each.key == LESSON).steps
    number = next(n for n, step in enumerate(steps) if step.question is not None)
    path = f"/present/step?lesson={LESSON}&step={number + 1}"
    hidden, revealed = browser.get(path), browser.get(f"{path}&revealed=1")
    assert (hidden["step"], hidden["steps"], hidden["title"]) == (number, len(steps), steps[number].title)
    assert "answer" not in hidden["question"] and revealed["question"]["answer"] == steps[number].question.answer  # type: ignore[union-attr]


def test_a_step_that_is_not_there_is_the_nearest_and_nonsense_is_refused(browser: Browser) -> None:
    last = browser.get(f"/present/step?lesson={LESSON}&step=99")
    assert last["step"] == last["steps"] - 1
    assert browser.get(f"/present/step?lesson={LESSON}&step=0")["step"] == 0
    assert browser.ask(f"/present/step?lesson={LESSON}&step=x")[0] == 400
    assert browser.ask("/present/step?lesson=../../etc/passwd&step=1")[0] == 404
    assert browser.ask("/class/static/..%2Falone.py")[0] == 404


def test_with_a_login_only_a_key_opens_the_windows_and_not_for_ever(browser: Browser, login: None) -> None:
    key = presenter_key.make()
    assert key is not None
    path = f"/present/step?lesson={LESSON}&step=1"
    assert browser.ask(path)[0] == browser.ask("/present")[0] == 400
    assert browser.ask(f"{path}&key={key}")[0] == 200
    old = presenter_key.make(now=0.0)
    longer = f"{int(key.partition('.')[0], 16) + 1:x}.{key.partition('.')[2]}"
    for wrong in (old, longer, "", "x", "zz.zz", "é.é", "."):
        with pytest.raises(presenter_key.PresenterKeyError):
            presenter_key.check(str(wrong))


def test_without_a_login_there_is_no_key_and_none_is_asked_for() -> None:
    assert presenter_key.make() is None
    presenter_key.check("")
