"""Page "Attack lab": the same scan, the same attack strength, each chosen model attacked for itself, on one screen."""

import streamlit as st

from dashboard.components.progress import working
from dashboard.components.reveal import reveal
from dashboard.components.scan_facts import id_words, no_scan, origin_line
from dashboard.components.scan_level import scan_notes
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.errors import MedDefError
from dashboard.services.results.common import LabResult, Reading
from dashboard.services.tasks import Task
from dashboard.session import history, state
from dashboard.session.state import Chosen
from dashboard.views.attack_lab import link as lab_link
from dashboard.views.attack_lab.added import settings_words
from dashboard.views.attack_lab.cards import model_cards
from dashboard.views.attack_lab.controls import Order, controls
from dashboard.views.attack_lab.pair import pair
from dashboard.views.attack_lab.running import PRESSED, clean_readings, held_result, run_as_asked
from dashboard.views.attack_lab.sections import sections

RESULT = "lab_result_box"
"""Key of the box with the models' results, which is scrolled into view."""

WIDTHS, MOST_WIDTH = {0: 300, 1: 300, 2: 540, 3: 690}, 720
"""Pixels of that box by the number of models; the scan takes the rest, or a row of its own on a narrow screen."""


def page() -> None:
    """Three controls, the scan beside the models' results, and below them one section at a time."""
    lab_link.take()
    chosen = state.chosen()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(tr("lab.attack-lab", "Attack lab"), anchor=False, width="content")
        if chosen is not None:
            origin_line(chosen)
    lab_link.refused_line()
    if chosen is None:
        lab_link.write({})
        no_scan()
        return
    _bench(chosen)


def _bench(chosen: Chosen) -> None:
    """Controls and result. No fragment: a press of Cancel inside one would wait for the attack to end."""
    task = services.tasks()[chosen.task]
    order = controls(chosen, task)
    if order is None:
        return
    run_as_asked(chosen, order)
    result = held_result(chosen)
    readings = _readings(chosen, order) if result is None else []
    with st.container(horizontal=True, gap="medium"):
        with st.container():
            pair(chosen, readings, result)
        models = len(readings if result is None else result.outcomes)
        with st.container(key=RESULT, width=WIDTHS.get(models, MOST_WIDTH)):
            model_cards(readings, result, task=task, truth=chosen.truth)
    _notes(chosen, readings, result, task=task)
    if result is not None:
        history.remember(chosen, result)
        reveal(RESULT, mark=str(st.session_state.get(PRESSED, "")))
        sections(chosen, result, task=task)


def _readings(chosen: Chosen, order: Order) -> list[Reading]:
    """What the models say before any attack."""
    try:
        with working(tr("attention.reading-scan", "Reading the scan…"), quick=True):
            return clean_readings(chosen, order.models)
    except MedDefError as error:
        st.error(tr(str(error)), icon=":material/error:")
        return []


def _notes(chosen: Chosen, readings: list[Reading], result: LabResult | None, *, task: Task) -> None:
    """What was run, and what keeps these outputs from being more than they are."""
    with st.container(gap="xxsmall"):
        if result is None:
            scan_notes(readings, task=task)
            return
        st.caption(f"{id_words(chosen)} · {settings_words(result, task=task)}")
        scan_notes([outcome.clean for outcome in result.outcomes], task=task)


page()
