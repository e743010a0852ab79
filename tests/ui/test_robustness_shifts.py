"""Scans that no attacker changed, on the page "Robustness": the figure, its words, its data, and what is refused."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import robustness_records as made
from app_driving import open_robustness, text_of
from robustness_records import fill
from streamlit.testing.v1 import AppTest

from dashboard.catalogue import catalogue
from dashboard.components.model_styles import style_of
from dashboard.components.record_parts import csv_of
from dashboard.services import commands, records
from dashboard.views.robustness.shifts import shift_table
from meddef_core.evaluation.shifts import SHIFTS
from meddef_core.zoo import list_models


def shifts_figure(app: AppTest) -> Any:
    return next(each.proto for each in app.get("plotly_chart") if "gamma 1.6" in each.proto.spec)


def test_each_change_is_a_row_and_each_model_a_colour(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    app = open_robustness(start(), "shifts")
    figure = shifts_figure(app)
    drawn = json.loads(figure.spec)
    titles = {card.key: card.title for card in list_models() if card.task == "oct"}
    twin, meddef = titles["oct/undefended"], titles["oct/meddef"]
    assert {trace["name"] for trace in drawn["data"]} == {twin, meddef}
    for trace in drawn["data"]:
        assert trace["y"] == ["as it is", "darker<br>(gamma 1.6)", "mirrored"]
        (model,) = (key for key, title in titles.items() if title == trace["name"])
        look = style_of(model)
        assert (trace["marker"]["color"], trace["marker"]["symbol"]) == (look.colour, look.marker)
    (lost,) = (trace for trace in drawn["data"] if trace["name"] == twin)
    assert lost["x"] == pytest.approx([90, 60, 92]) and lost["error_x"]["arrayminus"][1] == pytest.approx(10)
    assert lost["customdata"][1][-1] == "Recall of each class:<br>CNV 90.0%<br>No finding 30.0%"
    assert (
        f"{twin}: 90% unchanged. Lowest with the change “darker (gamma 1.6)”: 60%, with the lowest recall for "
        "“No finding”, 30%."
    ) in figure.alt
    assert f"{meddef}: 90% unchanged; no change lowers it." in figure.alt
    assert f"n = {made.N} (test, official split). Point at a dot" in text_of(app)


def test_changed_scans_of_other_weights_are_named_and_left_out(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    own = next(card for card in list_models() if card.key == "oct/meddef")
    weights = {"oct/undefended": made.OTHER, own.key: own.weights.sha256, "some-run": made.OTHER}
    made.write(root, "shifts/oct.json", made.shifts(weights))
    app = open_robustness(start(), "shifts")
    assert {trace["name"] for trace in json.loads(shifts_figure(app).spec)["data"]} == {own.title, "some-run"}
    assert len([each for each in app.warning if "Measured with other weights" in each.value]) == 1
    made.write(root, "shifts/oct.json", made.shifts({"oct/undefended": made.OTHER}))
    assert "No predictions on changed scans. Not measured yet. Run:" in text_of(app.run())


def test_the_command_reads_the_same_models_again(start: Callable[[], AppTest], root: Path) -> None:
    usual = "meddef shifts --task oct --output assets/results/shifts/oct.json"
    assert commands.shifts_command("oct") == usual
    made.write(root, "shifts/oct.json", made.shifts({"oct/undefended": made.OTHER, "oct/meddef": made.OTHER}))
    assert commands.shifts_command("oct", records.of_task("oct").shifts) == usual
    document = made.shifts({"oct/meddef": made.OTHER, "some-run": made.OTHER})
    document["data"]["part"] = "val"
    made.write(root, "shifts/oct.json", document)
    command = (
        "meddef shifts --task oct --model meddef --run runs/some-run --part val "
        "--output assets/results/shifts/oct.json"
    )  # fmt: skip
    assert commands.shifts_command("oct", records.of_task("oct").shifts) == command
    assert command in [block.value for block in open_robustness(start(), "shifts").code]


@pytest.mark.parametrize(
    ("change", "place"),
    [({"shift": "none"}, "rows.0"), ({"recall": {}}, "shifts.1.recall"), ({"balanced_accuracy": 0.1}, "shifts.1")],
)  # fmt: skip
def test_a_damaged_record_of_changes_is_named(root: Path, change: dict[str, Any], place: str) -> None:
    document = made.shifts({"oct/meddef": made.OTHER})
    document["numbers"]["rows"][0]["shifts"][1] |= change
    made.write(root, "shifts/oct.json", document)
    found = records.of_task("oct")
    assert found.shifts is None
    (problem,) = found.problems
    assert problem.file == "shifts/oct.json" and place in problem.place


def test_data_of_changes_hold_a_recall_a_class(root: Path) -> None:
    made.write(root, "shifts/oct.json", made.shifts({"oct/undefended": made.OTHER, "oct/meddef": made.OTHER}))
    record = records.of_task("oct").shifts
    assert record is not None
    table = pd.read_csv(io.BytesIO(csv_of(shift_table(record, record.numbers.rows))))
    assert len(table) == 6 and set(table["n"]) == {made.N}
    lost = table.query("model == 'oct/undefended' and change == 'darker'").iloc[0]
    assert [lost["balanced_accuracy"], lost["recall_CNV"], lost["recall_NORMAL"]] == pytest.approx([0.6, 0.9, 0.3])
    assert (table["interval_low"] < table["balanced_accuracy"]).all()


def test_every_change_has_a_chinese_name() -> None:
    assert not {shift.title for shift in SHIFTS} - set(catalogue("zh").by_wording)
