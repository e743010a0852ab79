"""The transfer matrix: each model's adversarial picture, read by every other model."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.components.slow_section import computed, kept, settings_key
from dashboard.components.words import output_words
from dashboard.language import tr
from dashboard.services import sweeps
from dashboard.services.results.common import LabResult
from dashboard.services.results.sweeps import Shown
from dashboard.services.tasks import Task


def transfer_card(result: LabResult, *, task: Task) -> None:
    """A button, then rows of sources and columns of targets."""
    if len(result.outcomes) == 1:
        st.caption(tr("lab.compare-two", "Compare two models or more to carry pictures from one to another."))
        return
    if not sweeps.can_be_shown_around(result):
        st.caption(
            tr(
                "lab.these-models",
                "These models preprocess scans differently, so no image can be carried from one to another.",
            )
        )
        return
    key = settings_key(result)
    if st.button(
        tr("lab.show-each", "Show each picture to every model"), key="lab_transfer", icon=":material/swap_horiz:"
    ):
        computed("transfer", key, lambda on_share: sweeps.shown_around(result))
    found = kept("transfer", key)
    if not isinstance(found, tuple):
        st.caption(tr("lab.picture-fools", "A picture that fools the model it was made on need not fool another."))
        return
    words = _words(found, abstaining={outcome.clean.model.id for outcome in result.outcomes if not outcome.counts})
    st.table(_matrix(found, task=task), border="horizontal", alt=words)
    st.markdown(words)
    st.caption(
        tr(
            "lab.rows-model",
            "Rows: the model whose attack ended in the picture. Columns: the model that reads it. On the diagonal "
            "stands the attack itself. An output counts as changed when it differs from that model's own clean output.",
        )
    )


def _matrix(found: Sequence[Shown], *, task: Task) -> pd.DataFrame:
    titles = [tr(each.made_on.title) for each in found]
    rows = [
        [
            f"{tr('lab.changed', '**changed**') if changed else tr('lab.unchanged', 'unchanged')}: "
            f"{output_words(task, reading)}"
            for reading, changed in zip(each.readings, each.changed, strict=True)
        ]
        for each in found
    ]
    return pd.DataFrame(
        rows, index=[tr("lab.made-model", "made on {model}", model=title) for title in titles], columns=titles
    )


def _words(found: Sequence[Shown], *, abstaining: set[str]) -> str:
    """How many pictures carry over, of how many shown to a model they were not made on.

    Not counted is what comes from or goes to one of the models, by id, that abstain from the scan.
    """
    foreign = [
        changed
        for each in found
        for reading, changed in zip(each.readings, each.changed, strict=True)
        if reading.model.id != each.made_on.id and not abstaining & {reading.model.id, each.made_on.id}
    ]
    if abstaining and not foreign:
        return tr("lab.nothing-counted", "Nothing is counted here: a model abstains from this scan.")
    return tr(
        "lab.shown-models",
        "Shown to models they were not made on, the pictures changed the output {k} times of {n}.",
        k=sum(foreign),
        n=len(foreign),
    )
