"""Files that were left out because they cannot be read: one sentence each, whatever page needs them."""

from collections.abc import Iterable

import streamlit as st

from dashboard.language import tr
from dashboard.services.records import RecordProblem


def damaged_files(problems: Iterable[RecordProblem]) -> None:
    """One warning a file; a file that several sections need is named once."""
    for problem in dict.fromkeys(problems):
        st.warning(
            tr(
                "about.file-damaged",
                "{file} is damaged and left out ({place}: {reason}); measure it again or restore it.",
                file=problem.file,
                place=problem.place or tr("about.whole-file", "whole file"),
                reason=problem.reason,
            ),
            icon=":material/report:",
        )
