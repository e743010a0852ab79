"""Page "Robustness": what was measured of every model, and how far each number can be trusted."""

import streamlit as st

from dashboard.components.damaged import damaged_files
from dashboard.language import tr
from dashboard.services import records, robust_curves
from dashboard.services import shared as services
from dashboard.views.robustness.audit import audit_section
from dashboard.views.robustness.certified import certified_section
from dashboard.views.robustness.dissection import dissection_section
from dashboard.views.robustness.external import external_section
from dashboard.views.robustness.headline import curves_section, headline
from dashboard.views.robustness.paper import paper_section
from dashboard.views.robustness.shifts import shifts_section
from dashboard.views.robustness.studies import ablation_section, baselines_section, pruning_section

HONESTY = (
    "Training: adversarially trained models saw attacked scans of training patients only. Weights were chosen on "
    "validation patients, and every number here is of test patients. It was measured with the weights that ship under "
    "the model's name, unless it says “measured with earlier weights”.",
    "Robust means: against the attacks named, within the budget named, on the list named. It is an upper bound: a "
    "stronger attack may still succeed, and other scanners, hospitals and ages were not tested.",
    "Random noise of the same size is no attack. The page *Attack lab* shows it beside every attack as a control.",
)


def page() -> None:
    """One kind of scan at a time; every section says what it lacks."""
    st.title(tr("Robustness"), anchor=False)
    st.markdown(
        tr(
            "How much of each model's accuracy is left when an attacker may change every pixel a little. Every number "
            "is read from a record of its measurement; none is typed."
        )
    )
    found = records.of_task(_task())
    damaged_files(found.problems)
    curves = robust_curves.curves(found)
    with _section(tr("Clean and attacked")):
        headline(found, curves)
    with _section(tr("Accuracy against the budget")):
        curves_section(found.task, curves)
    with _section(tr("Certified accuracy")):
        certified_section(found)
    with _section(tr("Another hospital")):
        external_section(found)
    with _section(tr("Can these numbers be trusted?")):
        audit_section(found, curves)
    with _section(tr("The paper's numbers, reported and re-measured")):
        paper_section(found)
    with _section(tr("Defences from the literature")):
        baselines_section(found)
    with _section(tr("Changes that no attacker makes")):
        shifts_section(found, curves)
    with _section(tr("Pruning")):
        pruning_section(found)
    with _section(tr("What each part adds")):
        ablation_section(found)
        dissection_section(found)
    with _section(tr("How to read this page")):
        st.markdown("\n".join(f"- {tr(line)}" for line in HONESTY))


def _task() -> str:
    tasks = services.tasks()
    chosen = st.segmented_control(
        tr("Kind of scan"),
        list(tasks),
        default=next(iter(tasks)),
        format_func=lambda key: tr(tasks[key].title),
        key="robustness_task",
        required=True,
        bind="query-params",
        persist_state="session",
    )
    return chosen if chosen in tasks else next(iter(tasks))


def _section(title: str) -> st.delta_generator.DeltaGenerator:
    section = st.container(border=True)
    section.header(title, anchor=False)
    return section


page()
