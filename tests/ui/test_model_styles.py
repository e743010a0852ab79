"""One look for each model through the whole product, told apart without colour."""

import pytest

from dashboard.components.charts import DASHES, LINES, MARKERS
from dashboard.components.model_styles import OTHERS, PAIR, style_of
from meddef_core.zoo import MODELS, list_models


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_no_two_models_of_a_task_look_alike_even_without_colour(task: str) -> None:
    styles = [style_of(card.key) for card in list_models(MODELS) if card.task == task]
    assert len(styles) >= 8
    assert len({(style.dash, style.marker) for style in styles}) == len(styles)
    assert len({style.colour for style in styles}) >= 8


def test_every_model_that_ships_has_a_look_of_its_own() -> None:
    assert {card.name for card in list_models(MODELS)} == {*PAIR, *OTHERS}


def test_the_pair_looks_as_in_the_attack_lab() -> None:
    for place, name in enumerate(("undefended", "meddef")):  # the undefended model comes first there
        assert style_of(f"oct/{name}") == style_of(name)
        assert (style_of(name).colour, style_of(name).dash) == (LINES[place], DASHES[place])
        assert style_of(name).marker == MARKERS[place]


@pytest.mark.parametrize("name", ["some-run", "undefended+jpeg", "meddef2", "x"])
def test_a_model_without_a_card_never_has_the_colours_of_the_pair(name: str) -> None:
    assert style_of(name) == style_of(f"chest/{name}")
    assert style_of(name).colour not in {style.colour for style in PAIR.values()}
