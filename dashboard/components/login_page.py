"""What stands in place of every page until the visitor has logged in, and the way out again in the sidebar."""

import streamlit as st

from dashboard.language import tr
from dashboard.services import account
from dashboard.services.words import INTENDED_USE


def login_page() -> None:
    """Ask for the login, or say that this account has no role here."""
    st.title("MedDef", anchor=False)
    st.info(tr(INTENDED_USE), icon=":material/health_and_safety:")
    if account.logged_in():
        st.error(
            tr("login.your-account", "Your account has no role on this server; ask whoever runs it."),
            icon=":material/block:",
        )
        st.button(tr("login.log-out", "Log out"), key="logout", icon=":material/logout:", on_click=st.logout)
        return
    st.markdown(tr("login.server-asks", "This server asks for the login of your institution."))
    st.button(tr("login.log", "Log in"), key="login", type="primary", icon=":material/login:", on_click=st.login)


def account_card() -> None:
    """The role and the way out; nothing where there is no login."""
    role = account.role() if account.needed() else None
    if role is not None:
        st.caption(tr("login.you-logged", "You are logged in as {role}.", role=tr(account.ROLE_WORDS[role])))
        st.button(
            tr("login.log-out", "Log out"), key="logout", icon=":material/logout:", on_click=st.logout, width="stretch"
        )
