"""Certificates on the pages Diagnose and Robustness: what is guaranteed, of which network, and what is not shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import robustness_records as made
import torch
from app_driving import attack, lab_section, open_robustness, open_section, sections_of, text_of
from robustness_records import fill
from streamlit.testing.v1 import AppTest

from dashboard.components.certificate_card import radius_plot
from dashboard.services import certificates, commands, records
from dashboard.services.models import samples
from dashboard.views.robustness.certified import certified_columns
from meddef_core.certification.certify import certify
from meddef_core.model import VARIANTS, MedDef, MedDefConfig
from meddef_core.records import CertificateNumbers
from meddef_core.report.certificate import certificate_numbers
from meddef_core.studies.certified import summarised
from meddef_core.tasks import get_task
from meddef_core.zoo import list_models, load_model, save_model

SMOOTHING = {"draws": 1000, "selection": 100, "alpha": 0.001, "seed": 0, "sigma": 0.25, "grid": [56, 28]}


def certified_record(key: str, weights: str) -> dict[str, Any]:
    labels = np.arange(made.N) % 4
    found = summarised(
        labels,
        np.where(np.arange(made.N) < 30, labels, (labels + 1) % 4),
        np.linspace(0.0, 0.6, made.N),
        classes=get_task("oct").classes,
        smoothing=SMOOTHING,
    )
    return made.record("certified", found.model_dump(mode="json", exclude_unset=True), key=key, weights=weights)


@pytest.fixture
def with_certified(models_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The untrained models and one that was made for certificates, always of one class."""
    root = tmp_path / "models"
    for path in models_root.glob("oct/*"):
        (root / "oct").mkdir(parents=True, exist_ok=True)
        (root / "oct" / path.name).symlink_to(path)
    task = get_task("oct")
    torch.manual_seed(0)
    shape = MedDefConfig(
        classes=4, width=4, grid=(16, 8), noise=0.3, stem_stride=1, mean=task.mean, std=task.std, **VARIANTS["resnet18"]
    )
    network = MedDef(shape)
    with torch.no_grad():
        network.get_parameter("head.bias").copy_(torch.tensor([0.0, 9.0, 0.0, 0.0]))
    save_model(
        root / "oct" / "meddef-certified",
        network.state_dict(),
        task=task,
        name="meddef-certified",
        title="Certified",
        summary="Untrained, for tests.",
        config=shape,
        training={},
        data={},
        metrics={},
    )
    return root


def test_a_scan_is_certified_on_request(
    start: Callable[..., AppTest], with_certified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start()
    assert "Certificate" not in sections_of(app), "no such model on this server"
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(with_certified))
    app = open_section(app.run(), "certificate")
    (button,) = [button for button in app.button if button.key == "diagnose_certify"]
    assert "does not hold for the output above" in text_of(app)
    app = button.click().run()
    assert not app.exception
    (said,) = [each.value for each in app.success]
    assert "DME" in said and "smoothed network" in said
    (plot,) = [each.proto for each in app.get("plotly_chart") if "attack strength" in each.proto.spec]
    (bar,) = json.loads(plot.spec)["data"]
    assert bar["x"][0] > 0 and "Certified up to" in plot.alt


def test_the_service_answers_what_the_core_does(with_certified: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(with_certified))
    choice = certificates.certified_model("oct")
    assert choice is not None and choice.id == "oct/meddef-certified" and certificates.certified_model("chest") is None
    scan = samples("oct")[0].load()
    told: list[tuple[int, int]] = []
    found = certificates.certificate(choice, scan, lambda _, done, total: told.append((done, total)))
    model = load_model("oct/meddef-certified")
    assert found == certificate_numbers(certify(model, scan), classes=model.task.classes)
    assert told[-1] == (1100, 1100)


def test_the_radius_is_drawn_on_the_axis_of_an_attack() -> None:
    numbers = CertificateNumbers.model_validate(
        {
            "label": "DME", "certified": True, "linf": 2 / 255, "l2": 1.5, "bound": 0.9, "votes": {"DME": 1000},
            "selection_votes": {"DME": 100}, "smoothing": SMOOTHING,
        }
    )  # fmt: skip
    figure = radius_plot(numbers)
    assert figure.data[0].x[0] == pytest.approx(2) and figure.layout.xaxis.ticktext[2] == "2/255"
    far = radius_plot(numbers, attack=16 / 255)
    assert far.layout.xaxis.range[1] > 16 and far.layout.shapes[0].x0 == pytest.approx(16)


def test_the_lab_certifies_beside_the_attack(
    start: Callable[..., AppTest], with_certified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start()
    monkeypatch.setenv("MEDDEF_MODELS_DIR", str(with_certified))
    app = attack(app, "fgsm")
    lab_section(app, "certificate")
    app = app.button(key="lab_certify").click().run()
    assert not app.exception
    (plot,) = [each.proto for each in app.get("plotly_chart") if "attack strength" in each.proto.spec]
    assert "this attack" in plot.spec


def test_certified_accuracy_has_a_row_a_radius(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    own = next(card for card in list_models() if card.key == "oct/meddef")
    made.write(root, "certified/oct/meddef.json", certified_record(own.key, own.weights.sha256))
    app = open_robustness(start(), "certified")
    (table,) = [each.value for each in app.table if "correct and certified" in each.value.columns]
    assert "L∞ 0.5/255" in table.index and "L2 2" in table.index and len(table) == 10
    assert "1,000 draws for each scan" in text_of(app) and "counts as wrong: 1 of 40" in text_of(app)
    columns = certified_columns("meddef", records.of_task("oct").certified["meddef"].numbers)
    assert list(columns["norm"]) == ["any", *["linf"] * 5, *["l2"] * 4]
    assert (columns["balanced_accuracy"].diff().dropna()[:5] <= 0).all()


def test_a_record_of_no_model_here_is_not_shown(start: Callable[[], AppTest], root: Path) -> None:
    fill(root)
    made.write(root, "certified/oct/elsewhere.json", certified_record("oct/elsewhere", made.OTHER))
    app = open_robustness(start(), "certified")
    assert not [each for each in app.table if "correct and certified" in each.value.columns]
    assert commands.certified_command("oct", "meddef-certified") in [block.value for block in app.code]
