"""The page "Your site": a report's verdict first, from a record or from the profile in use, and how to make one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from app_driving import speak_chinese, text_of
from streamlit.testing.v1 import AppTest

from meddef_core.prediction.operating import Proportion
from meddef_core.records import SiteNumbers, SiteRecord, build
from meddef_core.records.site import SiteRow, WorstScan
from meddef_core.site.compare import Estimate, figure, share_figure
from meddef_core.site.verdict import verdict
from meddef_core.zoo import SiteProfile, load_model, save_profile

SITE = "dashboard/views/site/page.py"
KEY = "oct/meddef"


def row(state: str, *, wrong: int, accepted: int) -> SiteRow:
    """A hundred scans, half of them NORMAL."""

    def hits(count: int) -> dict[str, Any]:
        found = share_figure(Proportion(count, 100))
        return {"share": found.here, "hits": count, "n": 100, "interval": found.interval}

    label = {"n": 50, "outputs": {"NORMAL": 50}, "accepted_as": {"NORMAL": accepted // 2}}
    even = figure(Estimate(0.9, (0.85, 0.94), 100), Estimate(0.92, (0.86, 0.95), 126))
    return SiteRow.model_validate(
        {
            "state": state, "n": 100, "accuracy": share_figure(Proportion(90, 100)), "balanced_accuracy": even,
            "recalls": {"NORMAL": share_figure(Proportion(40, 50), Proportion(31, 31))}, "calibration_error": even,
            "confidence": 0.83, "accepted": share_figure(Proportion(accepted, 100), Proportion(120, 126)),
            "wrong_and_accepted": share_figure(Proportion(wrong, 100)), "certain_and_accepted": hits(wrong),
            "missed_and_accepted": hits(0), "balanced_on_accepted": even, "by_label": {"NORMAL": label, "DME": label},
            "curve": {"coverages": (1.0,), "risks": (0.1,), "aurc": 0.05},
        }
    )  # fmt: skip


def numbers(*rows: SiteRow) -> SiteNumbers:
    worst = WorstScan(row=7, id="0123abcd", label="NORMAL", output="DME", probability=0.97, accepted=True)
    return SiteNumbers(
        title="Our clinic", n=100, unreadable=2, refused=1, labels_hold="slice", scans_sha256="a" * 64, rows=rows,
        verdict=verdict(rows), worst=(worst,),
    )  # fmt: skip


@pytest.fixture
def visit(start: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    monkeypatch.delenv("MEDDEF_SITE", raising=False)
    return lambda: start().switch_page(SITE).run()


def upload(app: AppTest, record: bytes) -> AppTest:
    app.file_uploader(key="site_report").set_value(("report.json", record, "application/json")).run()
    assert not app.exception
    return app


def test_without_a_report_the_page_says_how_to_make_one(visit: Callable[[], AppTest]) -> None:
    app = visit()
    assert not app.exception and not app.table
    assert any("meddef site FOLDER" in block.value for block in app.code)


@pytest.mark.parametrize(
    ("wrong", "accepted", "kind", "said"),
    [(2, 80, "success", "Fit: the model"), (9, 80, "error", "Not fit"), (2, 40, "error", "Not fit")],
)
def test_the_verdict_comes_first(visit: Callable[[], AppTest], wrong: int, accepted: int, kind: str, said: str) -> None:
    app = visit()
    record = build(SiteRecord, model=load_model(KEY), numbers=numbers(row("shipped", wrong=wrong, accepted=accepted)))
    upload(app, json.dumps(record.document()).encode())
    assert app.get(kind)[0].value.startswith(said)
    assert f"{accepted}.0% of the scans are accepted" in text_of(app)
    assert "0123abcd" in app.table[-1].value.to_string()
    assert "83.0%" in app.table[0].value.to_string()


def test_the_profile_in_use_is_named_everywhere_and_its_report_is_shown(
    visit: Callable[[], AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit()
    card = load_model(KEY).card
    told = numbers(row("shipped", wrong=9, accepted=80), row("adjusted", wrong=1, accepted=70))
    outputs = {"weight": 1.0, "middle": 0.0, "spread": 1.0, "limits": (None,) * 4}
    save_profile(
        tmp_path,
        SiteProfile(
            model=KEY, weights_sha256=card.weights.sha256, created="now", title="Our clinic", temperature=2.0,
            offsets=(0.0,) * 4, outputs=outputs, numbers=told.model_dump(mode="json", exclude_unset=True),
        ),  # type: ignore[arg-type]
    )  # fmt: skip
    monkeypatch.setenv("MEDDEF_SITE", str(tmp_path))
    st.cache_resource.clear()
    app.run()
    assert not app.exception
    assert app.warning[0].value.startswith("Fit after local adjustment")
    assert "oct/meddef is adjusted for Our clinic." in [info.value for info in app.info]
    app.switch_page("dashboard/views/diagnose/page.py").run()
    assert not app.exception and "MedDef (adjusted for Our clinic)" in text_of(app)


def test_what_is_no_report_is_one_sentence(visit: Callable[[], AppTest]) -> None:
    app = upload(visit(), b'{"schema_version": 2, "kind": "evaluation"}')
    assert len(app.error) == 1 and "not 'site'" in app.error[0].value


def test_the_page_speaks_chinese(visit: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit()
    record = build(SiteRecord, model=load_model(KEY), numbers=numbers(row("shipped", wrong=2, accepted=80)))
    upload(app, json.dumps(record.document()).encode())
    assert "适用：模型按发布状态" in text_of(speak_chinese(app, monkeypatch))
