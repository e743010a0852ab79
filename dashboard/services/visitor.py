"""Who the reader behind the work at hand is, and whether that one is still there."""

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx


def session_id() -> str | None:
    """Names the session that asks; None outside one."""
    context = get_script_run_ctx(suppress_warning=True)
    return None if context is None else context.session_id


def has_left() -> bool:
    """Whether this session's browser is gone; False outside a session.

    Streamlit stops a session's script at its next call of Streamlit, and a long call of something else makes none.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not runtime.exists():
        return False
    return not runtime.get_instance().is_active_session(context.session_id)
