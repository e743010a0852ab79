"""A table of many columns: on a narrow screen it scrolls by keys as well, which Streamlit's plain table does not."""

import pandas as pd
import streamlit as st


def wide_table(frame: pd.DataFrame, *, key: str) -> None:
    """Show cells of plain text; the index stands first and stays where it is."""
    st.dataframe(frame, width="stretch", key=key)
