"""An attack on a scan from which the model abstains: the classes, and no probability."""

import streamlit as st

from dashboard.components.words import output_words
from dashboard.language import tr
from dashboard.services.results.common import AttackOutcome
from dashboard.services.tasks import Task


def not_counted(outcome: AttackOutcome, *, task: Task) -> None:
    """That it counts for nothing, and what was said of the clean, the attacked and the noisy scan."""
    not_counted_line()
    for name, reading in (
        (tr("lab.clean", "Clean"), outcome.clean),
        (tr("lab.attacked", "Attacked"), outcome.attacked.reading),
        (tr("lab.random-noise-2", "Random noise"), outcome.noise.reading),
    ):
        st.caption(f"{name}: {output_words(task, reading)}")


def not_counted_line() -> None:
    """The sentence alone."""
    st.warning(tr("lab.not-counted", "Not counted: this model abstains from the scan."), icon=":material/block:")
