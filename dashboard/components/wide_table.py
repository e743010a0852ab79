"""A table of many columns: on a narrow screen it scrolls by keys as well, which Streamlit's plain table does not."""

import pandas as pd
import streamlit as st

INDEX = 150
"""Pixels of the index, which stays where it is: on a telephone the cells need the rest."""


def wide_table(frame: pd.DataFrame, *, key: str) -> None:
    """Show cells of plain text, every row of them."""
    named = {"_index": st.column_config.Column(width=INDEX)}
    st.dataframe(frame, width="stretch", height="content", column_config=named, key=key)
