"""The quiz's items, score and class result, and its page."""

import csv
import io
import json

import pytest
from app_driving import text_of
from streamlit.testing.v1 import AppTest

from dashboard.services import teaching
from dashboard.services.lessons import quiz
from dashboard.services.lessons.quiz import Answer, QuizQuestion, RoundSettings
from meddef_core.errors import DataError
from meddef_core.evaluation.metrics import wilson
from meddef_core.intended_use import INTENDED_USE

SAMPLES = ["a", "b", "c"]
ROUND = RoundSettings("scan", "medium", 7, 10, "oct/undefended")


def answers(*right: bool) -> list[Answer]:
    return [Answer(QuizQuestion(n, "a", "clean", 1), 1 if each else 0) for n, each in enumerate(right)]


def test_a_seed_always_gives_the_same_round() -> None:
    assert quiz.items(ROUND, SAMPLES) == quiz.items(ROUND, SAMPLES)
    others = [quiz.items(RoundSettings("scan", "medium", seed, 10, ROUND.model), SAMPLES) for seed in range(20)]
    assert len({tuple(item.answer for item in each) for each in others}) > 10


def test_a_round_is_fair() -> None:
    """Both sides are attacked, half of the others are noise, and every sample comes before any comes again."""
    items = [item for seed in range(50) for item in quiz.items(RoundSettings("scan", "easy", seed, 10, "m"), SAMPLES)]
    assert 200 < sum(item.answer for item in items) < 300
    assert sum(item.beside == "noise" for item in items) == 250
    first = quiz.items(ROUND, SAMPLES)[: len(SAMPLES)]
    assert {item.sample for item in first} == set(SAMPLES)


def test_levels_get_harder() -> None:
    assert list(quiz.LEVELS.values()) == sorted(quiz.LEVELS.values(), reverse=True)


def test_no_round_without_samples_or_sense() -> None:
    with pytest.raises(DataError, match="no sample"):
        quiz.items(ROUND, [])
    for wrong in (("knee", "easy", 0, 10), ("scan", "unfair", 0, 10), ("scan", "easy", -1, 10), ("scan", "easy", 0, 7)):
        with pytest.raises(DataError):
            RoundSettings(*wrong, "m")


def test_the_score_counts_streaks_and_gives_an_interval() -> None:
    result = quiz.score(answers(True, True, False, True, True, True, False, True))
    assert (result.n, result.right, result.streak, result.best_streak) == (8, 6, 1, 3)
    assert result.interval == wilson(6, 8)
    assert quiz.score([]).interval is None


def test_the_class_result_holds_every_item_and_no_name() -> None:
    result = quiz.document(ROUND, answers(True, False), weights="0" * 64)
    found = json.loads(quiz.as_json(result))
    assert found["round"]["seed"] == 7 and found["round"]["eps"] == pytest.approx(8 / 255)
    assert [item["right"] for item in found["items"]] == [True, False]
    assert found["numbers"]["interval"] == list(wilson(1, 2))
    assert found["intended_use"] == INTENDED_USE
    assert not {"name", "names", "student", "user"} & (set(found) | set(found["round"]) | set(found["items"][0]))
    lines = list(csv.DictReader(io.StringIO(quiz.as_csv(result))))
    assert [line["right"] for line in lines] == ["True", "False"]
    assert {line["seed"] for line in lines} == {"7"} and lines[0]["intended_use"] == INTENDED_USE


# ---- the page ------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(teaching, "STEPS", 2)
    app.switch_page("dashboard/views/teach/page.py").run()
    return app.segmented_control(key="teach_mode").set_value("quiz").run()


@pytest.mark.parametrize("kind", list(quiz.KINDS))
def test_a_class_plays_and_is_counted(page: AppTest, kind: str) -> None:
    page.segmented_control(key="teach_quiz_kind").set_value(kind).run()
    keys = [sample.key for sample in teaching.samples("oct")]
    model = page.selectbox(key="teach_quiz_model_oct").value
    first, second = quiz.items(RoundSettings(kind, "medium", 1, 5, model), keys)[:2]
    page.button(key=f"teach_quiz_0_{first.answer}").click().run()
    assert not page.exception
    assert [each.value for each in page.success][-1].startswith("Right: the attacked one is")
    page.button(key="teach_quiz_next_button").click().run()
    page.button(key=f"teach_quiz_1_{1 - second.answer}").click().run()
    said = {metric.label: metric.value for metric in page.metric}
    assert said["Right answers"] == "1 / 2" and said["Streak"] == "0" and said["Longest streak"] == "1"
    assert "n = 2" in next(metric.delta for metric in page.metric if metric.label == "Measured human accuracy")
    assert "Not quite: the attacked one is" in text_of(page)
    page.button(key="teach_quiz_again").click().run()
    assert {metric.label: metric.value for metric in page.metric}["Right answers"] == "0 / 0"
