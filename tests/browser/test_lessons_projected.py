"""Every step of every lesson on a projector of 1024 x 768, with real attacks (`make test-long`)."""

import re

import pytest
from long_results import keep
from playwright.sync_api import Browser, Page, expect

from dashboard.services.lessons.model import read_shelf

WIDE, HIGH = 1024, 768
LEAST = 0.45
"""Of the width, by the pictures of a step."""

NO_PICTURES = ("records", "reported")
"""Cards that are a table."""

COMPUTING = re.compile("being computed|正在计算")
LANGUAGES = ("en", "zh")
KEYS = [lesson.key for lesson in read_shelf().lessons]


def assert_whole(page: Page, number: int) -> None:
    """Nothing of the step has to be scrolled for."""
    for part in ("#words_shown", "#pictures"):
        inside = "each => [each.clientHeight, each.scrollHeight, each.clientWidth, each.scrollWidth]"
        high, whole, wide, broad = page.locator(part).evaluate(inside)
        assert whole <= high + 1 and broad <= wide + 1, f"{part} of step {number} has to be scrolled"


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", KEYS)
def test_every_step_is_large_whole_and_gives_nothing_away(
    browser: Browser, server: str, key: str, language: str
) -> None:
    lesson = next(each for each in read_shelf(language=language).lessons if each.key == key)
    shares = []
    with browser.new_context(viewport={"width": WIDE, "height": HIGH}) as context:
        context.set_default_timeout(90_000)
        page = context.new_page()
        for number, step in enumerate(lesson.steps, 1):
            page.goto(f"{server}/present?lesson={key}&step={number}&lang={language}")
            page.get_by_role("heading", name=step.title).wait_for()
            words = page.locator("#words_shown")
            if step.state is not None and step.state.view in NO_PICTURES:
                page.locator("#pictures table").wait_for()
            elif step.state is not None:
                page.locator("#pictures img").first.wait_for()
                boxes = [each.bounding_box() for each in page.locator("#pictures img").all()]
                left = min(box["x"] for box in boxes if box)
                right = max(box["x"] + box["width"] for box in boxes if box)
                shares.append((right - left) / WIDE)
                assert "%" not in page.locator("#pictures").inner_text()
            assert_whole(page, number)
            expect(words).not_to_contain_text(COMPUTING)
            page.keyboard.press("r")
            if step.question is not None:
                expect(words.locator("li.right")).to_be_in_viewport(ratio=1)
                expect(words.locator("h2 ~ p").first).to_be_in_viewport(ratio=1)
    assert all(share >= LEAST for share in shares)
    keep(
        "Lessons on a projector of 1024 x 768",
        f"{key}, {language}",
        {"steps": len(lesson.steps), "steps_with_pictures": len(shares), "least_width": round(min(shares), 2)},
    )
