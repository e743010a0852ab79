"""What an output is worth: a threshold with its errors, predictive values at a prevalence, and the calibration."""

import pandas as pd
import streamlit as st

from dashboard.components.charts import CONFIG
from dashboard.components.words import class_words, counted, percent
from dashboard.language import tr
from dashboard.services import reading as services
from dashboard.services.reading import ANY_FINDING, STANDARD_PREVALENCE, Proportion, Range, predictive_ranges
from dashboard.services.reading import LEAST_PREVALENCE as LEAST_SHOWN
from dashboard.services.reading import MOST_PREVALENCE as MOST_SHOWN
from dashboard.services.results.common import ModelChoice, Reading
from dashboard.services.results.reading import Calibration, Operating
from dashboard.services.tasks import Task
from dashboard.services.words import Text
from dashboard.views.diagnose.charts import predictive_plot, reliability_plot

RULES = ("youden", "0.90", "0.95", "0.99", "own")
"""How a threshold is chosen: largest Youden index, a sensitivity on validation patients, or by hand."""

LEAST_PREVALENCE, MOST_PREVALENCE = 0.1, 99.9
"""Percent. Where nobody or everybody has the finding there is nothing to predict."""


@st.fragment
def operating_card(reading: Reading, *, task: Task) -> None:
    """A threshold, on which side of it this scan lies, and how often such a call is right."""
    st.markdown(f"**{tr('diagnose.yes-no-test', 'As a yes/no test')}**")
    question = _question(task)
    chosen = _threshold(reading.model, question)
    if chosen is None:
        st.info(tr(NOT_FITTED), icon=":material/info:")
        return
    if reading.prediction.level != "usual":
        st.warning(tr(NOT_USUAL), icon=":material/warning:")
    score = sum(reading.shares[index] for index in chosen.positive)
    above = score >= chosen.threshold
    words = {
        "finding": _question_words(question, task),
        "score": percent(score),
        "threshold": percent(chosen.threshold),
    }
    if above:
        st.markdown(
            tr(
                "diagnose.called-positive",
                "**Called positive** for {finding}: {score}, at or above the threshold {threshold}.",
                **words,
            )
        )
    else:
        st.markdown(
            tr(
                "diagnose.called-negative",
                "**Called negative** for {finding}: {score}, below the threshold {threshold}.",
                **words,
            )
        )
    # One column of figures: beside each other they make the table scroll at 1,024 pixels.
    figures = {
        (
            tr("diagnose.sensitivity", "Sensitivity"),
            tr("diagnose.validation-patients", "validation patients"),
        ): chosen.val.sensitivity,
        (tr("diagnose.sensitivity", "Sensitivity"), tr("diagnose.test-set", "test set")): chosen.test.sensitivity,
        (
            tr("diagnose.specificity", "Specificity"),
            tr("diagnose.validation-patients", "validation patients"),
        ): chosen.val.specificity,
        (tr("diagnose.specificity", "Specificity"), tr("diagnose.test-set", "test set")): chosen.test.specificity,
    }
    shares = [_share(share) for share in figures.values()]
    st.table(
        pd.DataFrame(
            {tr("diagnose.share-interval", "Share, interval, scans"): shares},
            index=[", ".join(names) for names in figures],
        )
    )
    st.caption(
        tr(
            "diagnose.right-all",
            "Right of all with (sensitivity) or without (specificity) the finding, with 95% Wilson intervals; several "
            "scans of one patient count as independent. Rules choose on validation patients only.",
        )
    )
    _predictive(chosen, above=above)


def _question(task: Task) -> str:
    asked = services.asked(task.key)
    if len(asked) == 1:
        return asked[0]
    picked = st.selectbox(
        tr("diagnose.finding-question", "Finding in question"),
        asked,
        format_func=lambda key: _question_words(key, task),
        key=f"diagnose_question_{task.key}",
        persist_state="session",
    )
    return str(picked) if picked in asked else asked[0]


def _threshold(model: ModelChoice, question: str) -> Operating | None:
    rule = st.selectbox(
        tr("diagnose.threshold", "Threshold"),
        RULES,
        format_func=_rule_words,
        key="diagnose_rule",
        persist_state="session",
        help=tr("diagnose.lower-threshold", "A lower threshold misses less and alarms more."),
    )
    if rule == "own":
        share = st.slider(
            tr("diagnose.threshold-2", "Threshold, %"), 0, 100, 50, key="diagnose_threshold", persist_state="session"
        )
        return services.operating(model, question, threshold=min(max(share, 0), 100) / 100)
    sensitivity = float(rule) if rule in RULES[1:-1] else None
    return services.operating(model, question, sensitivity=sensitivity)


def _rule_words(rule: str) -> str:
    if rule == "youden":
        return tr("diagnose.largest-sensitivity", "Largest sensitivity + specificity (Youden)")
    if rule == "own":
        return tr("diagnose.set-hand", "Set by hand")
    return tr("diagnose.sensitivity-least", "Sensitivity of at least {share}%", share=round(100 * float(rule)))


def _question_words(question: str, task: Task) -> str:
    return tr("diagnose.any-finding", "any finding") if question == ANY_FINDING else class_words(task, question)


def _share(share: Proportion) -> str:
    low, high = share.interval
    return f"{counted(share.value)} [{percent(low)}, {percent(high)}], {share.hits} / {share.n}"


def _predictive(chosen: Operating, *, above: bool) -> None:
    """PPV and NPV as ranges: from both lower to both upper limits of the test set's sensitivity and specificity."""
    percentage = st.number_input(
        tr("diagnose.prevalence-where", "Prevalence where you work, %"),
        LEAST_PREVALENCE,
        MOST_PREVALENCE,
        100 * STANDARD_PREVALENCE,
        0.5,
        key="diagnose_prevalence",
        persist_state="session",
        width=260,
        help=tr(
            "diagnose.share-all",
            "Share of all patients scanned that have the finding. The test sets hold far more than most clinics.",
        ),
    )
    prevalence = min(max(float(percentage), LEAST_PREVALENCE), MOST_PREVALENCE) / 100
    ranges = predictive_ranges(chosen.test, prevalence=prevalence)
    meanings = (
        tr("diagnose.positive-calls", "Positive calls that are right"),
        tr("diagnose.negative-calls", "Negative calls that are right"),
    )
    for title, meaning, words in zip(("PPV", "NPV"), meanings, map(_range_words, ranges), strict=True):
        with st.container(border=True, gap="xsmall"):
            st.caption(meaning)
            st.markdown(f"**{title}: {words}**")
    st.caption(
        tr(
            "diagnose.prevalence-range",
            "At this prevalence {range} of such calls would be right, if scans there are like those of the test set. "
            "Ranges come from the 95% intervals of sensitivity and specificity.",
            range=_range_words(ranges[0] if above else ranges[1]),
        )
    )
    st.plotly_chart(
        predictive_plot(chosen.test, prevalence=prevalence),
        key="diagnose_predictive",
        config=CONFIG,
        alt=_predictive_alt(chosen),
    )


def _predictive_alt(chosen: Operating) -> str:
    """The two ends of the curves, for readers who do not see them."""
    rare, common = (predictive_ranges(chosen.test, prevalence=prevalence) for prevalence in (LEAST_SHOWN, MOST_SHOWN))
    return tr(
        "diagnose.ppv-npv",
        "PPV and NPV against prevalence. At {least}%: PPV {rare_ppv}, NPV {rare_npv}. At {most}%: PPV {common_ppv}, "
        "NPV {common_npv}.",
        least=f"{100 * LEAST_SHOWN:.0f}",
        most=f"{100 * MOST_SHOWN:.0f}",
        rare_ppv=_range_words(rare[0]),
        rare_npv=_range_words(rare[1]),
        common_ppv=_range_words(common[0]),
        common_npv=_range_words(common[1]),
    )


def _range_words(ends: Range) -> str:
    """ "12.4% to 31.0%"; an end that nobody would be called by is left open."""
    low, high = ("—" if end is None else percent(end) for end in ends)
    return tr("attention.low-high", "{low} to {high}", low=low, high=high)


NOT_USUAL = Text(
    "diagnose.scan-unlike-most",
    "This scan is unlike most of the training scans: the figures below were measured on usual scans and may not hold.",
)
NOT_FITTED = Text(
    "diagnose.nothing-fitted",
    "Nothing is fitted for this model's weights: there is no calibrated probability, no threshold and no check of "
    "whether this is such a scan. `meddef calibrate` fits them.",
)


def calibration_card(reading: Reading) -> None:
    """Whether predictions of 80% are right 80% of the time."""
    st.markdown(f"**{tr('diagnose.calibration-test', 'Calibration on the test set')}**")
    found = services.calibration(reading.model)
    if found is None:
        st.info(tr(NOT_FITTED), icon=":material/info:")
        return
    low, high = found.interval
    st.markdown(
        tr(
            "diagnose.calibration-error",
            "Calibration error **{error}** [{low}, {high}] on {n} test scans; {before} before calibration.",
            error=percent(found.error_after),
            low=percent(low),
            high=percent(high),
            n=found.n,
            before=percent(found.error_before),
        )
    )
    st.plotly_chart(
        reliability_plot(found), key="diagnose_reliability", config=CONFIG, width="stretch", alt=_alt(found)
    )
    st.caption(
        tr(
            "diagnose.each-point",
            "Each point is a tenth of the test scans. On the diagonal, predictions of 80% are right 80% of the time. "
            "Bars are 95% intervals; protocol: {protocol}.",
            protocol=found.protocol,
        )
    )
    st.caption(_acceptance(found))


def _acceptance(found: Calibration) -> str:
    accepted, refused = found.accepted, found.refused
    return tr(
        "diagnose.check-whether",
        "Out-of-distribution check: {accepted} of {scans} test scans are accepted, {refused} of {pictures} "
        "other pictures refused.",
        accepted=counted(accepted["share"]),
        scans=accepted["n"],
        refused=counted(refused["share"]),
        pictures=refused["n"],
    )


def _alt(found: Calibration) -> str:
    worst = max(found.after, key=lambda one: abs(one.accuracy - one.confidence))
    return tr(
        "diagnose.reliability-plot",
        "Reliability plot: accuracy against confidence in {bins} groups of scans; furthest apart where the model says "
        "{confidence} and {accuracy} are right.",
        bins=len(found.after),
        confidence=percent(worst.confidence),
        accuracy=counted(worst.accuracy),
    )
