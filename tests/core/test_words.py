"""How numbers are written: nothing is rounded to certainty, and an uncalibrated probability says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meddef_core.words import counted, listed, percent, qualified


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0.0%"), (0.0004, "<0.1%"), (0.001, "0.1%"), (0.944, "94.4%"), (0.999, "99.9%"), (0.9996, ">99.9%"),
     (1.0, "100.0%")],
)  # fmt: skip
def test_only_what_is_exactly_none_or_all_is_written_so(share: float, words: str) -> None:
    assert counted(share) == words


@given(st.floats(0, 1))
def test_no_probability_is_certain_and_none_is_far_from_its_words(share: float) -> None:
    words = percent(share)
    assert float(words.strip("<>%")) not in (0, 100)
    assert float(words.strip("<>%")) == pytest.approx(100 * share, abs=0.1 + 1e-9)


@pytest.mark.parametrize(
    ("level", "calibrated", "words"),
    [
        ("usual", True, "94.4%"),
        (None, True, "94.4% (uncalibrated)"),
        ("unusual", True, "94.4% (uncalibrated for this scan)"),
        (None, False, "94.4% (uncalibrated)"),
        ("unusual", False, "94.4% (uncalibrated)"),
    ],
)
def test_a_probability_says_where_it_is_not_calibrated(level: str | None, calibrated: bool, words: str) -> None:
    assert qualified(0.944, level=level, calibrated=calibrated) == words


def test_terms_are_listed_in_words() -> None:
    assert listed(["AP"]) == listed(("AP",), "or") == "AP"
    assert listed(["AP", "PA"]) == "AP and PA"
    assert listed(("CR", "DX", "RG"), "or") == "CR, DX or RG"
