"""Costly sections of the attention page: one model after the other, with a bar, and a cancel button that is kept to."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from dashboard.components.progress import OnShare, cancellable
from dashboard.language import tr
from dashboard.services import inspection
from dashboard.services.results.attention import Inspected

T = TypeVar("T")

CANCELLED = "attention_cancelled"
"""In the session: the work that the reader cancelled, until another is asked for or this one is taken up again."""


def costly(
    name: str,
    inspected: Sequence[Inspected],
    compute: Callable[[Inspected], T],
    *,
    say: Callable[[str], str],
    asked: str = "",
    quick: bool = False,
) -> list[T] | None:
    """What `compute` finds for every model, in their order; None, said in words, where the reader cancelled it.

    `say` puts a model's title into the line above the bar; `asked` names settings of the section, so that changing
    one begins anew. What was found before a cancellation is in the session's caches. Raises what `compute` raises.
    """
    pictures = [inspection.key_of(each.with_noise) for each in inspected]
    key = repr((name, asked, [each.model.id for each in inspected], pictures))
    if st.session_state.get(CANCELLED) == key:
        st.warning(
            tr("attention.cancelled-models", "Cancelled. The models that were done are kept."), icon=":material/cancel:"
        )
        st.button(
            tr("attention.go", "Go on"), key=f"attention_go_on_{name}", icon=":material/play_arrow:", on_click=_take_up
        )
        return None

    def work(on_share: OnShare) -> list[T]:
        found: list[T] = []
        for number, each in enumerate(inspected):
            on_share(say(tr(each.model.title)), number / len(inspected))
            found.append(compute(each))
        return found

    return cancellable(f"attention_cancel_{name}", work, on_cancel=lambda: _cancel(key), quick=quick)


def _cancel(key: str) -> None:
    st.session_state[CANCELLED] = key


def _take_up() -> None:
    st.session_state.pop(CANCELLED, None)
