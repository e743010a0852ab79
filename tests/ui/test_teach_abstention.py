"""A lesson on a scan from which the model abstains: the class is named, and no probability."""

import re

import pytest
from _pytest.mark import ParameterSet
from app_driving import text_of
from streamlit.testing.v1 import AppTest

from dashboard.services.lessons.model import read_shelf
from dashboard.services.tasks import get_task

TEACH = "dashboard/views/teach/page.py"
ABSTAINED, USUAL = "synthetic-CNV", "synthetic-NORMAL"
"""The undefended model abstains from the first, and not from the second."""

LEFT_OUT = ("scan", "records", "reported", "training", "foreign")
"""Cards on which the undefended model reads no scan; and the one that shows bars which, it says, mean nothing."""

WORDS = "|".join([*get_task("oct").words.values(), *get_task("oct").classes])
PROBABILITY = re.compile(rf"({WORDS})\W{{1,6}}\d+(\.\d)?%", re.IGNORECASE)
"""A class and, right after it, its probability."""

NO_PROBABILITY = (*LEFT_OUT, "maps")


def steps(but: tuple[str, ...]) -> list[ParameterSet]:
    """Every step of every lesson on retinal scans whose card is another."""
    return [
        pytest.param(lesson.key, str(number), id=f"{lesson.key}-{number}")
        for lesson in read_shelf().lessons
        for number, step in enumerate(lesson.steps, 1)
        if step.state is not None and step.state.task == "oct" and step.state.view not in but
    ]


pytestmark = pytest.mark.usefixtures("short_work")


def opened(app: AppTest, lesson: str, step: str, sample: str) -> str:
    """What the step says of that sample as the undefended model reads it."""
    app.switch_page(TEACH)
    app.query_params.update(lesson=lesson, step=step, sample=sample, model="undefended")
    app.run()
    assert not app.exception
    bars = [bar.proto.text for bar in app.main.get("progress")]
    return "\n".join([text_of(app.main), *bars])


@pytest.mark.parametrize(("lesson", "step"), steps(LEFT_OUT))
def test_no_step_gives_a_probability(shipped: AppTest, lesson: str, step: str) -> None:
    said = opened(shipped, lesson, step, ABSTAINED)
    assert "the model abstains" in said or "this model abstains" in said
    assert PROBABILITY.search(said) is None
    assert not shipped.main.get("plotly_chart")


@pytest.mark.parametrize(("lesson", "step"), steps(NO_PROBABILITY))
def test_the_same_step_gives_one_of_a_usual_scan(shipped: AppTest, lesson: str, step: str) -> None:
    """Else the test above would find none anywhere."""
    said = opened(shipped, lesson, step, USUAL)
    assert PROBABILITY.search(said) or shipped.main.get("plotly_chart")
