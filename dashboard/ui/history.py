"""The session's history in the sidebar: what was read and attacked, to look at again or to delete."""

import streamlit as st

from dashboard import history, services
from dashboard.history import Entry
from dashboard.language import tr
from dashboard.results import LabResult, Reading
from dashboard.ui.budgets import budget_words
from dashboard.ui.words import class_code, percent

OPEN = "history_open"
"""In the session: the page that a restored entry is shown on."""

PAGES = {True: "dashboard/views/attack_lab.py", False: "dashboard/views/diagnose.py"}
"""Where an entry is shown, by whether it is an attack."""


def history_panel() -> None:
    """An expander with an entry a row, newest first; draws itself into the sidebar. Call after the page."""
    page = st.session_state.pop(OPEN, None)
    if page is not None:
        st.switch_page(page)
    held = history.entries()
    with st.sidebar.expander(tr("History of this session ({n})", n=len(held)), icon=":material/history:"):
        if not held:
            st.caption(tr("Nothing was read or attacked yet. What you do next is listed here."))
            return
        for number, entry in enumerate(held):
            _row(entry, number)
        st.caption(
            tr("The last {n} at most, in this session's memory only. “Clear everything” forgets them.", n=history.MOST)
        )


def _row(entry: Entry, number: int) -> None:
    words, settings = _outcome(entry), _settings(entry)
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(entry.thumbnail, width=48, alt=tr("Scan of this entry: {title}", title=tr(entry.chosen.title)))
            st.markdown(f"**{words}**", width="stretch")
        st.caption(f"{entry.created:%H:%M} UTC · {settings}")
        with st.container(horizontal=True, gap="small"):
            st.button(
                tr("Show again"),
                key=f"history_show_{number}",
                on_click=_show,
                args=(entry.key, isinstance(entry.found, LabResult)),
                help=f"{words} · {settings}",
            )
            st.button(
                tr("Delete"),
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


def _outcome(entry: Entry) -> str:
    """What came out, in a few words."""
    task = services.tasks()[entry.chosen.task]
    if isinstance(entry.found, Reading):
        return f"{tr(class_code(task, entry.found.label))} · {percent(entry.found.probability)}"
    changed = sum(outcome.changed for outcome in entry.found.outcomes)
    return tr("Attack changed {n} of {total} outputs", n=changed, total=len(entry.found.outcomes))


def _settings(entry: Entry) -> str:
    """The model, or the attack, its budget and its models."""
    title = tr(entry.chosen.title)
    if isinstance(entry.found, Reading):
        return f"{tr(entry.found.model.title)} · {title}"
    found = entry.found
    models = ", ".join(tr(outcome.clean.model.title) for outcome in found.outcomes)
    return f"{tr(found.option.title)}, ε = {budget_words(found.spec.eps, found.option.norm)} · {models} · {title}"
