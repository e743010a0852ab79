"""The page "Robustness": its records whole, damaged, missing, and of other weights."""

import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import robustness_records as made
from app_driving import open_robustness, robustness_section, speak_chinese, text_of
from robustness_records import fill
from streamlit.testing.v1 import AppTest

from dashboard.components.model_styles import style_of
from dashboard.components.record_parts import csv_of, share_words
from dashboard.components.trust import BADGES
from dashboard.services import commands, records, robust_curves
from dashboard.services.results.robustness import RobustnessCurve
from dashboard.views.robustness import figures as robustness_figures
from dashboard.views.robustness.accuracy_table import WORST
from dashboard.views.robustness.curves import curve_table
from dashboard.views.robustness.paper import paper_table
from dashboard.views.robustness.sections import TITLES
from meddef_core.intended_use import INTENDED_USE
from meddef_core.records import AblationRow, BaselineRow, Match
from meddef_core.report.tables import worst_case_table
from meddef_core.zoo import MODELS, list_models


def curve_of(name: str) -> RobustnessCurve:
    return next(curve for curve in robust_curves.curves(records.of_task("oct")) if curve.key == name)


# ---- the page ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_the_first_screen_is_one_table_and_one_chart(
    start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    app = open_robustness(start())
    app.segmented_control(key="robustness_task").set_value(task).run()
    ((table,), (chart,)) = app.table, app.get("plotly_chart")
    curves = {curve.key: curve for curve in robust_curves.curves(records.of_task(task))}
    pair = [curves["undefended"], curves["meddef"]]
    assert [name.partition(" · ")[0] for name in table.value.index] == [curve.title for curve in pair]
    for curve, (_, row) in zip(pair, table.value.iterrows(), strict=True):
        assert row["Clean"] == share_words(curve.clean)
        for eps, label in ((4 / 255, "ε = 4/255"), (8 / 255, "ε = 8/255")):
            point = curve.at(eps)
            assert point is not None and row[label].startswith(share_words(point.share))
            assert row[label].endswith(WORST) == (point.source == "worst")
    assert WORST in table.value["ε = 8/255"].iloc[1] and f"{WORST} worst case" in text_of(app)
    drawn = {trace["name"]: trace for trace in json.loads(chart.proto.spec)["data"]}
    for curve in pair:
        look = style_of(curve.key)
        line = drawn[curve.title]
        seen = (line["line"]["color"], line["line"]["dash"], line["marker"]["symbol"])
        assert seen == (look.colour, look.dash, look.marker)


def test_only_the_selected_section_is_computed(
    start: Callable[[], AppTest], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root)
    app = open_robustness(start())
    assert [button.label for button in app.get("download_button")].count("Data as CSV") == 1
    assert "predicts CNV for every scan" not in text_of(app)
    assert "predicts CNV for every scan" in text_of(robustness_section(app, "pruning"))
    assert list(app.segmented_control(key="robustness_section").options) == list(TITLES.values())


def test_shipped_records_are_shown_whole(start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    app = open_robustness(start(), "models")
    found = records.of_task("oct")
    assert not found.problems
    (table,) = app.table
    for curve in robust_curves.curves(found):
        at, verdict = curve.at(4 / 255), robust_curves.verdict(found, curve.key)
        assert at is not None
        (name,) = (name for name in table.value.index if name.partition(" · ")[0] == curve.title)
        row = table.value.loc[name]
        assert row["Clean"] == share_words(curve.clean) and row["ε = 4/255"].startswith(share_words(at.share))
        assert BADGES[verdict.word][0] in name
        app.selectbox(key="robustness_details_oct").set_value(curve.key).run()
        assert at.command in [block.value for block in app.code]
        assert f"n = {curve.n} (test, official split)" in text_of(app) and verdict.meaning in text_of(app)


@pytest.mark.parametrize("task", ["oct", "chest"])
def test_numbers_of_earlier_weights_say_so_wherever_the_page_shows_them(
    start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    app = open_robustness(start(), "baselines")
    app.segmented_control(key="robustness_task").set_value(task).run()
    found = records.of_task(task)
    assert found.baselines is not None
    charts = [each.proto for each in app.get("plotly_chart")]
    (chart,) = (each for each in charts if "adaptive attack" in each.spec)
    bars = {name.replace("<br>", " ") for trace in json.loads(chart.spec)["data"] for name in trace["y"]}
    other = {
        row.title for row in found.baselines.numbers.rows if found.match_claim(row.claim(task)) is Match.OTHER_WEIGHTS
    }
    assert other == set()
    assert len(bars) == len(found.baselines.numbers.rows) and all(f"{title}:" in chart.alt for title in bars)
    assert "The weights that ship as MedDef were not compared yet." not in text_of(app)
    models = set(robustness_section(app, "paper").dataframe[0].value["model"])
    assert {"ResNet-18, undefended", "without DAAM"} <= models
    small = {"oct": "MedDef small (112 px)", "chest": "MedDef, films as they are"}[task]
    assert f"Of them have a card: Full network, seed 0 ({small})." in text_of(robustness_section(app, "ablation"))


def test_a_model_of_other_patients_is_told_apart(start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    app = open_robustness(start(), "models")
    assert "other patients" not in text_of(app)
    said = text_of(app.segmented_control(key="robustness_task").set_value("chest").run())
    pooled = {card.title: card for card in list_models(MODELS) if card.data["protocol"] == "patient_split"}
    assert pooled and said.count("was tested on other patients") == len(pooled)
    for title, card in pooled.items():
        assert f"{title} was tested on other patients (patient split, n = {card.metrics['n']})" in said


def test_full_records_leave_nothing_unmeasured(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    app = open_robustness(start())
    assert app.table[0].value["ε = 4/255"].iloc[1] == f"**41.0%** (31.0 to 49.0) {WORST}"
    assert "PGD only" not in text_of(app)
    said, charts = {}, 0
    for section in TITLES:
        said[section] = text_of(robustness_section(app, section))
        charts += len(app.get("plotly_chart"))
        missing = {"certified": 1, "external": 1, "paper": 1}.get(section, 0)  # of these the folder lacks some
        assert said[section].count("Not measured yet. Run:") == missing, section
    assert "At ε = 4/255 (0.0157): **41.0%** (31.0 to 49.0)" in said["models"]
    assert "Worst case of: APGD (cross-entropy)" in said["models"] and "Upper bound" not in said["models"]
    assert BADGES["red"][0] in said["audits"] and "Noise breaks more than the gradient." in said["audits"]
    assert "At 80% pruned it predicts CNV for every scan" in said["pruning"]
    assert "scans robust with the first only 12," in said["ablation"]
    assert ": significant difference (McNemar p = 0.0034)." in said["ablation"]
    assert "is robust on more scans than these: without DAAM." in said["ablation"]
    assert charts == 7  # overview, all models, baselines, shifts, two sweeps, ablation
    table = robustness_section(app, "paper").dataframe[0].value
    assert {"reported", "reproduced", "difference"} <= set(table.columns)


@pytest.mark.parametrize(
    ("pair", "sentences"),
    [
        ({"only_first": 1, "only_second": 12}, ["“完整网络”比以下网络在更少影像上稳健：不含 DAAM。"]),
        (
            {"only_first": 3, "only_second": 3, "seeds": [0]},
            ["没有带来显著差异", "换一个种子结果可能反转（不含 DAAM）"],
        ),
        ({"only_first": 0, "only_second": 0, "seeds": []}, []),
    ],
)
def test_the_verdict_is_in_the_readers_language(
    start: Callable[[], AppTest],
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    pair: dict[str, object],
    sentences: list[str],
) -> None:
    document = made.ablation()
    document["numbers"]["pairs"][0] |= pair
    made.write(root, "ablation/oct.json", document)
    said = text_of(open_robustness(speak_chinese(start(), monkeypatch), "ablation"))
    assert all(sentence in said for sentence in sentences)
    assert ("结论" in said) == bool(sentences)


def test_no_seed_of_the_ablation_hides_another() -> None:
    rows = [AblationRow.model_validate(row) for row in made.ablation()["numbers"]["rows"]]
    drawn = robustness_figures.ablation(rows)
    for series in drawn.data:
        assert len(set(series.y)) == len(series.y) == 6
        assert [drawn.layout.yaxis.ticktext[round(height)] for height in series.y] == ["Full network"] * 3 + [
            "without DAAM"
        ] * 3
        assert [said for said, _ in series.customdata] == [row.title for row in rows for _ in row.seeds]


def test_defences_of_one_name_have_bars_of_their_own() -> None:
    (row,) = made.baselines("oct/undefended", "0" * 64)["numbers"]["rows"]
    rows = [BaselineRow.model_validate(row | {"id": name}) for name in ("one", "other")]
    for series in robustness_figures.baselines(rows, [row.title for row in rows]).data:
        assert len(set(series.y)) == len(rows)


def test_an_empty_folder_says_how_to_fill_it(start: Callable[[], AppTest], root: Path) -> None:
    app = open_robustness(start())
    said, commands = "", ""
    for section in TITLES:
        said += text_of(robustness_section(app, section))
        commands += "\n".join(block.value for block in app.code)
        assert not app.warning
    assert said.count("Not measured yet. Run:") == 11  # accuracy twice, two audits, and a study each
    for word in ("evaluate", "certified", "audit", "baselines", "shifts", "external", "prune", "train", "dissect"):
        assert f"meddef {word}" in commands
    assert "reported.json) are not here" in said


def test_a_damaged_record_is_one_sentence_and_the_rest_stays(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    made.write(root, "worst/oct/meddef.json", "{ not json")
    share = made.worst("oct/undefended", made.OTHER)
    share["numbers"]["clean"]["balanced_accuracy"] = 7
    made.write(root, "worst/oct/undefended.json", share)
    made.write(root, "audit/oct/meddef.json", made.audit("oct/meddef", made.OTHER, verdict="splendid"))
    made.write(root, "shifts/oct.json", made.shifts({"oct/meddef": made.OTHER}) | {"kind": "audit"})
    app = open_robustness(start(), "shifts")
    damaged = [warning.value for warning in app.warning if "is damaged" in warning.value]
    assert [words.split(" ")[0] for words in damaged] == [
        "worst/oct/meddef.json", "worst/oct/undefended.json", "audit/oct/meddef.json",
        "shifts/oct.json",
    ]  # fmt: skip
    assert "numbers.clean.balanced_accuracy" in damaged[1]
    assert "No predictions on changed scans." in text_of(app)
    assert "At 80% pruned" in text_of(robustness_section(app, "pruning"))
    said = text_of(robustness_section(app, "audits"))
    assert BADGES["red"][0] in said and BADGES["none"][0] in said


def test_every_section_speaks_chinese(
    start: Callable[[], AppTest], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root)
    app = open_robustness(speak_chinese(start(), monkeypatch))
    for section in TITLES:
        said = text_of(robustness_section(app, section))
        for english in ("Measure it again", "balanced accuracy", "Balanced accuracy", "Not measured", "upper bound"):
            assert english not in said, section


# ---- what the numbers mean ---------------------------------------------------------------------------------------


def test_a_worst_case_of_other_weights_is_left_out(root: Path) -> None:
    made.write(root, "worst/oct/meddef.json", made.worst("oct/meddef", made.OTHER))
    assert not robust_curves.curves(records.of_task("oct"))  # and the untrained model's card has no figures
    made.write(root, "audit/oct/meddef.json", made.audit("oct/meddef", made.OTHER, verdict="green"))
    assert robust_curves.verdict(records.of_task("oct"), "meddef").word == "none"


def test_a_record_of_a_model_without_a_card_stands_alone(root: Path) -> None:
    made.write(root, "worst/oct/without-afd.json", made.worst("oct/without-afd", made.OTHER))
    curve = curve_of("without-afd")
    assert curve.title == "without AFD" and not curve.quick
    assert [point.label for point in curve.worst] == ["2/255 (0.0078)", "4/255 (0.0157)"]


def test_the_command_runs_the_same_list_and_budgets(root: Path) -> None:
    made.write(root, "worst/oct/x.json", made.worst("oct/x", made.OTHER))
    assert curve_of("x").points[0].command == (
        "meddef evaluate --task oct --model x --attacks worst --eps 2/255,4/255 --limit 40"
    )


def test_the_command_compares_the_defences_with_the_weights_that_ship(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDEF_RESULTS_DIR", raising=False)
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(MODELS))
    found = records.of_task("chest")
    assert commands.baselines_command("chest", found.shipped, found.baselines) == (
        "meddef baselines --task chest --model meddef --model resnet18-undefended --model without-daam "
        "--eps 4/255 --attack pgd --steps 20 --output assets/results/baselines/chest.json"
    )
    assert "--model meddef --eps 4/255" in commands.baselines_command("oct", records.of_task("oct").shipped)


def test_a_command_for_weights_that_do_not_ship_says_so(
    start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDDEF_MODELS_DIR")
    cards = list_models(MODELS)
    assert commands.records_alone("meddef prune --task oct --model meddef-narrow --sweep", cards) == (
        "oct/meddef-narrow",
    )
    assert commands.records_alone("meddef prune --task oct --model meddef --sweep", cards) == ()
    assert commands.records_alone("meddef shifts --task chest", cards) == ()
    said = text_of(open_robustness(start(), "pruning"))
    assert "The weights of oct/meddef-narrow do not ship. Train them first" in said


def test_the_quick_look_shows_the_attack_that_leaves_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDEF_RESULTS_DIR", raising=False)
    found = records.of_task("chest")
    for each in found.models:
        assert each.figures is not None
        rows = [row.balanced_accuracy for row in each.figures.attacked if abs(row.spec.eps - 4 / 255) < 1e-9]
        curve = next(curve for curve in robust_curves.curves(found) if curve.key == each.card.name)
        point = curve.at(4 / 255)
        assert len(rows) == 2 and point is not None
        assert point.source == "worst" or point.share.balanced_accuracy == min(rows)


def test_a_worst_case_stands_beside_the_quick_look_where_it_was_measured(
    monkeypatch: pytest.MonkeyPatch, start: Callable[[], AppTest], root: Path
) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(MODELS))
    card = next(card for card in list_models(MODELS) if card.key == "oct/meddef")
    quick = curve_of("meddef")
    assert len(quick.points) > 4 and not quick.worst
    document = made.worst(card.key, card.weights.sha256, right=0.3)
    document["numbers"]["n"] = card.metrics["n"]
    made.write(root, "worst/oct/meddef.json", document)
    mixed = curve_of("meddef")
    assert [point.eps for point in mixed.points] == [point.eps for point in quick.points]
    assert [point.eps for point in mixed.worst] == [2 / 255, 4 / 255]
    assert mixed.points[1].share.balanced_accuracy == pytest.approx(0.5) and mixed.points[-1] == quick.points[-1]
    assert mixed.quick == quick.quick
    said = text_of(open_robustness(start(), "models"))
    assert f"Arrows go down to the worst case over a set of attacks, measured for {mixed.title}." in said
    others = [curve.title for curve in robust_curves.curves(records.of_task("oct")) if curve.key != "meddef"]
    assert "Undefended counterpart" in others and f"PGD only for {', '.join(others)}:" in said
    document["numbers"]["n"] -= 1  # of another choice of scans: not one curve
    made.write(root, "worst/oct/meddef.json", document)
    assert not curve_of("meddef").quick


def test_an_arrow_goes_from_each_quick_look_down_to_the_worst_case(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(MODELS))
    card = next(card for card in list_models(MODELS) if card.key == "oct/meddef")
    document = made.worst(card.key, card.weights.sha256, right=0.3)
    document["numbers"]["n"] = card.metrics["n"]
    made.write(root, "worst/oct/meddef.json", document)
    curve = curve_of("meddef")
    line, arrows = robustness_figures.against_epsilon([curve]).data
    assert len(line.y) == len(curve.quick) + 1
    looks = [100 * point.share.balanced_accuracy for point in curve.quick if point.eps in (2 / 255, 4 / 255)]
    assert list(arrows.y) == pytest.approx([looks[0], 50, math.nan, looks[1], 30, math.nan], nan_ok=True)
    assert [arrows.marker.size[place] for place in (0, 1, 3, 4)] == [0, 12, 0, 12]
    (alone,) = robustness_figures.against_epsilon([replace(curve, quick=())]).data
    assert list(alone.y) == pytest.approx([100 * curve.clean.balanced_accuracy, 50, 30])


def test_a_file_written_anew_is_read_anew(root: Path) -> None:
    path = made.write(root, "worst/oct/x.json", made.worst("oct/x", made.OTHER, right=0.4))
    assert curve_of("x").points[1].share.balanced_accuracy == pytest.approx(0.4)
    path.write_text(json.dumps(made.worst("oct/x", made.OTHER, right=0.25)), encoding="utf-8")
    assert curve_of("x").points[1].share.balanced_accuracy == pytest.approx(0.25)


def test_tables_follow_the_same_folder(root: Path) -> None:
    made.write(root, "worst/oct/x.json", made.worst("oct/x", made.OTHER))
    assert "oct/x" in worst_case_table()


def test_data_go_out_with_intervals_and_the_intended_use(root: Path) -> None:
    fill(root)
    found = records.of_task("oct")
    table = pd.read_csv(io.BytesIO(csv_of(curve_table(robust_curves.curves(found)))))
    own = table[table["model"] == "meddef"]
    assert list(own["epsilon"]) == pytest.approx([0, 2 / 255, 4 / 255])
    assert (own["interval_low"] < own["balanced_accuracy"]).all() and set(own["n"]) == {made.N}
    assert set(table["intended_use"]) == {INTENDED_USE}


def test_reported_stands_beside_re_measured(root: Path) -> None:
    fill(root)
    found = records.of_task("oct")
    assert found.reported is not None
    table = paper_table([row for row in found.reported.rows if row.task == "oct"], found.paper)
    own = table.query("model == 'meddef' and epsilon == 0.05").set_index("attack")
    assert own.loc["pgd", "difference"] == pytest.approx(20 - 99.97)
    assert own.loc["clean", "re_measured"] == pytest.approx(93)
    assert own.loc["jsma", "re_measured"] == pytest.approx(30) and own.loc["jsma", "n"] == 32  # its budget is theta
    assert table.query("model == 'without-afd'")["difference"].isna().all()
