"""The session's history in the sidebar: what was read and attacked, to look at again or to delete."""

import streamlit as st

from dashboard.components.budgets import budget_words
from dashboard.components.scan_facts import id_words
from dashboard.components.scan_level import population_line
from dashboard.components.words import class_code, percent
from dashboard.language import tr
from dashboard.services import shared as services
from dashboard.services.results.common import LabResult, Reading
from dashboard.session import history
from dashboard.session.history import HistoryEntry

OPEN = "history_open"
"""In the session: the page that a restored entry is shown on."""

PAGES = {True: "dashboard/views/attack_lab/page.py", False: "dashboard/views/diagnose/page.py"}
"""Where an entry is shown, by whether it is an attack."""


def history_panel() -> None:
    """An expander with an entry a row, newest first; draws itself into the sidebar. Call after the page."""
    page = st.session_state.pop(OPEN, None)
    if page is not None:
        st.switch_page(page)
    held = history.entries()
    with st.sidebar.expander(
        tr("out.history-session", "History of this session ({n})", n=len(held)), icon=":material/history:"
    ):
        if not held:
            st.caption(tr("out.nothing-read", "Nothing was read or attacked yet. What you do next is listed here."))
            return
        for number, entry in enumerate(held):
            _row(entry, number)
        for key in dict.fromkeys(entry.chosen.task for entry in held):
            population_line(services.tasks()[key])
        st.caption(
            tr(
                "out.last-n",
                "The last {n} at most, in this session's memory only. “Clear everything” forgets them.",
                n=history.MOST,
            )
        )


def _row(entry: HistoryEntry, number: int) -> None:
    words, settings = _outcome(entry), _settings(entry)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(entry.thumbnail, width=48, alt=_alt(entry))
            st.markdown(f"**{words}**", width="stretch")
        st.caption(f"{id_words(entry.chosen)} · {settings}")
        with st.container(horizontal=True, gap="small"):
            st.button(
                tr("out.show-again", "Show again"),
                key=f"history_show_{number}",
                on_click=_show,
                args=(entry.key, isinstance(entry.found, LabResult)),
                help=f"{words} · {settings}",
            )
            st.button(
                tr("out.delete", "Delete"),
                key=f"history_delete_{number}",
                type="tertiary",
                icon=":material/delete:",
                on_click=history.delete,
                args=(entry.key,),
                help=f"{words} · {settings}",
            )


def _show(key: str, attack: bool) -> None:
    history.restore(key)
    st.session_state[OPEN] = PAGES[attack]


def _alt(entry: HistoryEntry) -> str:
    return tr(
        "out.scan-entry", "Scan of this entry: {title}, {id}", title=tr(entry.chosen.title), id=entry.chosen.short_id
    )


def _outcome(entry: HistoryEntry) -> str:
    """What came out, in a few words; nothing from which the model abstains is counted."""
    if isinstance(entry.found, LabResult):
        return _attacked(entry.found)
    task = services.tasks()[entry.chosen.task]
    if entry.found.abstained is not None:
        return tr("out.no-output", "No output: the model abstains")
    said = f"{tr(class_code(task, entry.found.label))} · {percent(entry.found.probability)}"
    if entry.found.prediction.level == "unusual":
        return f"{said} · {tr('out.unusual-scan', 'unusual scan, not calibrated')}"
    return said


def _attacked(found: LabResult) -> str:
    counted = found.counted
    if not counted:
        return tr("out.attack-not", "Attack not counted: the model abstains from the scan")
    changed = sum(outcome.changed for outcome in counted)
    said = tr("out.attack-changed", "Attack changed {n} of {total} outputs", n=changed, total=len(counted))
    if any(outcome.clean.prediction.level == "unusual" for outcome in counted):
        said = f"{said} · {tr('out.unusual-scan', 'unusual scan, not calibrated')}"
    left = len(found.outcomes) - len(counted)
    return f"{said} · {tr('out.not-counted', 'not counted, as the model abstains: {n}', n=left)}" if left else said


def _settings(entry: HistoryEntry) -> str:
    """The model, or the attack, its budget and its models."""
    title = tr(entry.chosen.title)
    if isinstance(entry.found, Reading):
        return f"{tr(entry.found.model.title)} · {title}"
    found = entry.found
    models = ", ".join(tr(outcome.clean.model.title) for outcome in found.outcomes)
    return f"{tr(found.option.title)}, ε = {budget_words(found.spec.eps, found.option.norm)} · {models} · {title}"
