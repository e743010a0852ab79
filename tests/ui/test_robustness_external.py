"""Another hospital, on the page "Robustness": acceptance with intervals, the curve, and records of other weights."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import robustness_records as made
from app_driving import open_robustness, text_of
from robustness_records import fill
from streamlit.testing.v1 import AppTest

from dashboard.services import commands, records
from dashboard.views.robustness.external import external_columns
from meddef_core.zoo import Card, list_models


def own_card() -> Card:
    return next(card for card in list_models() if card.key == "oct/meddef")


def test_each_model_has_a_row_a_condition_and_a_line(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    own = own_card()
    made.write(root, "external/oct/meddef.json", made.external(own.key, own.weights.sha256))
    app = open_robustness(start(), "external")
    (table,) = [each.value for each in app.dataframe if "wrong and accepted" in each.value.columns]
    assert list(table.index) == [own.title, own.title] and list(table["ε"]) == ["clean", "4/255"]
    assert "Rows with an ε: PGD (20 steps, cross-entropy), an upper bound." in text_of(app)
    assert list(table["wrong and accepted"]) == ["2.5% (1–51)", "17.5% (9–59)"]
    (figure,) = [each.proto for each in app.get("plotly_chart") if "the surest first" in each.proto.spec]
    (line,) = json.loads(figure.spec)["data"]
    assert (line["name"], line["x"], line["y"]) == (own.title, [50, 100], pytest.approx([5, 40]))
    assert f"{own.title}: 40.0% wrong if all scans are accepted, 5.0% if only the surest half is." in figure.alt
    assert "A hospital, n = 40. Good labels." in text_of(app)
    columns = external_columns(records.of_task("oct").external)
    assert list(columns["wrong_and_accepted"]) == pytest.approx([1 / 40, 7 / 40])


def test_acceptance_by_other_weights_is_not_shown(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    made.write(root, "external/oct/meddef.json", made.external("oct/meddef", made.OTHER))
    app = open_robustness(start(), "external")
    assert not [each for each in app.dataframe if "wrong and accepted" in each.value.columns]
    assert commands.external_command("oct", "meddef") in [block.value for block in app.code]
