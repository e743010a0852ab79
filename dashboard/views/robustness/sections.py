"""The sections of the page "Robustness": a bar of them, and the one that is selected, which alone is computed."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.language import tr
from dashboard.services.records import TaskRecords
from dashboard.services.results.robustness import RobustnessCurve
from dashboard.services.words import Text
from dashboard.views.robustness.ablated import ablation_section
from dashboard.views.robustness.audit import audit_section
from dashboard.views.robustness.certified import certified_section
from dashboard.views.robustness.dissection import dissection_section
from dashboard.views.robustness.every_model import every_model_section
from dashboard.views.robustness.external import external_section
from dashboard.views.robustness.overview import overview
from dashboard.views.robustness.paper import paper_section
from dashboard.views.robustness.shifts import shifts_section
from dashboard.views.robustness.studies import baselines_section, pruning_section

KEY = "robustness_section"

TITLES = {
    "overview": Text("robustness.overview", "Overview"),
    "models": Text("robustness.all-models", "All models"),
    "certified": Text("robustness.certified-accuracy", "Certified accuracy"),
    "external": Text("robustness.another-hospital", "Another hospital"),
    "audits": Text("robustness.audits", "Audits"),
    "paper": Text("robustness.reported-reproduced-2", "Reported and reproduced"),
    "baselines": Text("robustness.other-defences", "Other defences"),
    "shifts": Text("robustness.image-changes", "Image changes"),
    "pruning": Text("robustness.pruning", "Pruning"),
    "ablation": Text("robustness.ablation", "Ablation"),
    "method": Text("robustness.method", "Method"),
}
"""Sections in their order; the first is the first screen."""

METHOD = (
    Text(
        "robustness.adversarially-trained",
        "Adversarially trained models saw attacked scans of training patients only. Weights were chosen on validation "
        "patients; every number here is of test patients. It was measured with the weights that ship under the model's "
        "name, unless it says “measured with earlier weights”.",
    ),
    Text(
        "robustness.robust-accuracy",
        "Robust accuracy holds for the attacks, the attack strength and the test set that are named. It is an upper "
        "bound: "
        "a stronger attack may still succeed. Other scanners, hospitals and ages were not tested.",
    ),
    Text(
        "robustness.random-noise",
        "Random noise of the same size is not an attack. The page *Attack lab* shows it beside every attack as "
        "a control.",
    ),
    Text(
        "robustness.every-number",
        "Every number is read from the record of its measurement, and each section gives the command that measures it "
        "again.",
    ),
)


def sections(found: TaskRecords, curves: Sequence[RobustnessCurve]) -> None:
    """The bar and the selected section; every section says what it lacks."""
    shown: dict[str, Callable[[], None]] = {
        "overview": lambda: overview(found, curves),
        "models": lambda: every_model_section(found, curves),
        "certified": lambda: certified_section(found),
        "external": lambda: external_section(found),
        "audits": lambda: audit_section(found, curves),
        "paper": lambda: paper_section(found),
        "baselines": lambda: baselines_section(found),
        "shifts": lambda: shifts_section(found),
        "pruning": lambda: pruning_section(found),
        "ablation": lambda: _ablation(found),
        "method": _method,
    }
    shown[_picked()]()


def _picked() -> str:
    picked = st.segmented_control(
        tr("robustness.section", "Section"),
        list(TITLES),
        default=next(iter(TITLES)),
        format_func=lambda name: tr(TITLES[name]),
        key=KEY,
        required=True,
        persist_state="session",
        label_visibility="collapsed",
        wrap=True,
    )
    return picked if picked in TITLES else next(iter(TITLES))


def _ablation(found: TaskRecords) -> None:
    ablation_section(found)
    dissection_section(found)


def _method() -> None:
    st.markdown("\n".join(f"- {tr(line)}" for line in METHOD))
