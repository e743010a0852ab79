"""The page "Robustness" on what the modules of a trained network do."""

from collections.abc import Callable
from pathlib import Path

import robustness_records as made
from app_driving import open_robustness, text_of
from robustness_records import fill
from streamlit.testing.v1 import AppTest

from dashboard.services import records
from dashboard.views.robustness.dissection import gate_words, lesion_table
from meddef_core.records import Gates


def test_a_dissected_network_is_shown_with_its_gates(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    app = open_robustness(start(), "ablation")
    said = text_of(app)
    assert "DAAM adds 14% to the norm of its features. The attack changes them by 28% before DAAM and by 29%" in said
    assert "AFD's gate is 0.50 on average; 0.5% of its values are below 0.1 or above 0.9." in said
    table = next(each.value for each in app.dataframe if "removed module" in each.value)
    assert list(table["removed module"]) == ["as trained", "DAAM left out"]
    assert list(table["attacked, %"]) == ["75.0 (65–83)", "71.0 (61–79)"] and list(table["p"]) == ["1", "0.45"]
    assert "PGD (20 steps, cross-entropy) at ε = 8/255 (0.0314), an upper bound." in said
    command = "meddef dissect --task oct --model meddef --limit 40 --output assets/results/dissection/oct/meddef.json"
    assert command in [block.value for block in app.code]
    saved = lesion_table("meddef", records.of_task("oct").dissections["meddef"])
    assert saved["attacked_balanced_accuracy"].tolist() == [0.75, 0.71]


def test_a_dissection_of_other_weights_is_named_and_left_out(start: Callable[[], AppTest], root: Path) -> None:
    made.write(root, "dissection/oct/meddef.json", made.dissection("oct/meddef", made.OTHER))
    made.write(root, "dissection/oct/some-run.json", made.dissection("oct/some-run", made.OTHER))
    app = open_robustness(start(), "ablation")
    assert len([each for each in app.warning if "Measured with other weights" in each.value]) == 1
    assert len([each for each in app.dataframe if "removed module" in each.value]) == 1


def test_gates_are_told_without_afd() -> None:
    spread = {"mean": 0.2, "between_scans": 0.1, "shut": 0.4, "open": 0.01}
    gates = {"added": 0.1, "moved_before": 0.2, "moved_after": 0.3, "channel_attention": spread, "noise_gate": None}
    words = gate_words(Gates.model_validate(gates))
    assert words.startswith("DAAM adds 10%") and "AFD" not in words
