"""The sections of the page "Robustness": a bar of them, and the one that is selected, which alone is computed."""

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.language import tr
from dashboard.services.records import TaskRecords
from dashboard.services.results.robustness import RobustnessCurve
from dashboard.views.robustness.audit import audit_section
from dashboard.views.robustness.certified import certified_section
from dashboard.views.robustness.dissection import dissection_section
from dashboard.views.robustness.every_model import every_model_section
from dashboard.views.robustness.external import external_section
from dashboard.views.robustness.overview import overview
from dashboard.views.robustness.paper import paper_section
from dashboard.views.robustness.shifts import shifts_section
from dashboard.views.robustness.studies import ablation_section, baselines_section, pruning_section

KEY = "robustness_section"

TITLES = {
    "overview": "Overview",
    "models": "All models",
    "certified": "Certified accuracy",
    "external": "Another hospital",
    "audits": "Audits",
    "paper": "Reported and reproduced",
    "baselines": "Other defences",
    "shifts": "Image changes",
    "pruning": "Pruning",
    "ablation": "Ablation",
    "method": "Method",
}
"""Sections in their order; the first is the first screen."""

METHOD = (
    "Adversarially trained models saw attacked scans of training patients only. Weights were chosen on validation "
    "patients; every number here is of test patients. It was measured with the weights that ship under the model's "
    "name, unless it says “measured with earlier weights”.",
    "Robust accuracy holds for the attacks, the attack strength and the test set that are named. It is an upper bound: "
    "a stronger attack may still succeed. Other scanners, hospitals and ages were not tested.",
    "Random noise of the same size is not an attack. The page *Attack lab* shows it beside every attack as a control.",
    "Every number is read from the record of its measurement, and each section gives the command that measures it "
    "again.",
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
        tr("Section"),
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
