"""A site report on the page: verdict and conditions, a table for each state of the model, and the worst scans."""

import pandas as pd
import streamlit as st

from dashboard.language import tr
from dashboard.services.record_types import Hits
from dashboard.services.site import Figure, Report, SiteRow
from dashboard.services.words import counted, percent

CALLOUTS = {"fit": st.success, "fit_after_adjustment": st.warning, "not_fit": st.error}


def report_card(found: Report) -> None:
    """Everything of one report, the verdict first."""
    numbers = found.numbers
    CALLOUTS[numbers.verdict.word](_verdict(numbers.verdict.word), icon=":material/fact_check:")
    st.caption(
        tr(
            "site.model-title",
            "{model} at {title}, weights `{weights}`. {n} scans, {unreadable} files unreadable, {refused} refused by "
            "header or image.",
            model=found.model,
            title=numbers.title,
            weights=found.weights[:12],
            n=numbers.n,
            unreadable=numbers.unreadable,
            refused=numbers.refused,
        )
    )
    if numbers.split is not None:
        st.caption(
            tr(
                "site.fitted-fitted",
                "Fitted on {fitted} scans, reported on the other {reported}; no patient or block of neighbours is "
                "divided.",
                fitted=numbers.split.fitted_on,
                reported=numbers.split.reported_on,
            )
        )
    if found.used:
        st.info(tr("site.server-uses", "This server uses the adjusted model."), icon=":material/local_hospital:")
    for row in reversed(numbers.rows):
        with st.container(border=True):
            st.header(_state(row), anchor=False)
            _conditions(row, found)
            st.table(_table(row))
    if numbers.labels_hold == "volume":
        st.caption(
            tr(
                "site.labels-hold",
                "Labels hold for volumes: about half of the slices of a diseased eye look healthy. A finding's slice "
                "called NORMAL is therefore no certain error, and is counted separately.",
            )
        )
    _worst(found)


def _verdict(word: str) -> str:
    return {
        "fit": tr("site.fit-model", "Fit: the model meets the rule on these scans as it ships."),
        "fit_after_adjustment": tr(
            "site.fit-after",
            "Fit after local adjustment: with the site profile the model meets the rule on scans that the profile was "
            "not fitted on; as it ships it does not.",
        ),
        "not_fit": tr("site.not-fit", "Not fit: the model does not meet the rule on these scans."),
    }[word]


def _state(row: SiteRow) -> str:
    return {
        "shipped": tr("site.shipped", "As shipped"),
        "adjusted": tr("site.after-local", "After local adjustment"),
        "finetuned": tr("site.after-local-training", "After local training and adjustment"),
    }[row.state]


def _conditions(row: SiteRow, found: Report) -> None:
    """The three conditions of the rule, each met or not."""
    rule, wrong, lost = found.numbers.verdict.rule, row.wrong_and_accepted, row.balanced_on_accepted
    significant = lost is not None and lost.difference is not None and lost.difference.significant
    worse = significant and lost is not None and lost.difference is not None and lost.difference.value < 0
    said = [
        (
            wrong.here <= rule.most_wrong_and_accepted,
            tr(
                "site.share-scans",
                "{share} of the scans are wrong and accepted, at most {high} with 95% confidence; {most} may be",
                share=counted(wrong.here),
                high=percent(wrong.interval[1]),
                most=percent(rule.most_wrong_and_accepted),
            ),
        ),
        (
            row.accepted.here >= rule.least_accepted,
            tr(
                "site.share-scans-accepted",
                "{share} of the scans are accepted; {least} must be",
                share=counted(row.accepted.here),
                least=percent(rule.least_accepted),
            ),
        ),
        (
            not worse,
            tr(
                "site.balanced-accuracy-accepted",
                "Balanced accuracy on accepted scans is not significantly below that on the model's test set",
            ),
        ),
    ]
    st.markdown("\n".join(f"- {':material/check:' if met else ':material/close:'} {words}" for met, words in said))


def _table(row: SiteRow) -> pd.DataFrame:
    figures: dict[str, Figure | None] = {
        tr("site.balanced-accuracy", "Balanced accuracy"): row.balanced_accuracy,
        **{tr("site.recall-label", "Recall of {label}", label=label): value for label, value in row.recalls.items()},
        tr("site.calibration-error", "Calibration error"): row.calibration_error,
        tr("site.accepted", "Accepted"): row.accepted,
        tr("site.wrong-accepted", "Wrong and accepted"): row.wrong_and_accepted,
        tr("site.balanced-accuracy-accepted-scans", "Balanced accuracy on accepted scans"): row.balanced_on_accepted,
        tr("site.accuracy-under", "Accuracy under PGD-20 at 4/255 (an upper bound)"): row.robust,
    }
    here, there, difference = (
        tr("site.here-95", "Here (95% interval)"),
        tr("site.models-test", "Model's test set"),
        tr("site.difference-95", "Difference (95% interval)"),
    )
    cells = {name: _cells(value) for name, value in figures.items() if value is not None}
    cells[tr("site.stated-confidence", "Stated confidence, on average")] = (percent(row.confidence), "", "")
    cells[tr("site.wrong-certain", "Wrong for certain and accepted")] = (_hits(row.certain_and_accepted), "", "")
    cells[tr("site.finding-called", "Finding called NORMAL and accepted")] = (_hits(row.missed_and_accepted), "", "")
    if row.healthy_given_a_finding_and_accepted is not None:
        cells[tr("site.normal-given", "NORMAL given a finding and accepted")] = (
            _hits(row.healthy_given_a_finding_and_accepted),
            "",
            "",
        )
    cells[tr("site.area-under", "Area under the risk-coverage curve")] = (f"{row.curve.aurc:.3f}", "", "")
    return pd.DataFrame.from_dict(cells, orient="index", columns=[here, there, difference])


def _cells(value: Figure) -> tuple[str, str, str]:
    low, high = value.interval
    here = f"{counted(value.here)} ({percent(low)} – {percent(high)})"
    if value.there is None or value.difference is None:
        return here, "", ""
    lost = value.difference
    low, high = lost.interval
    word = tr("site.significant", "significant") if lost.significant else tr("site.not-significant", "not significant")
    return here, counted(value.there), f"{100 * lost.value:+.1f} ({100 * low:+.1f} – {100 * high:+.1f}), {word}"


def _hits(hits: Hits) -> str:
    low, high = hits.interval
    return f"{counted(hits.share)} ({percent(low)} – {percent(high)})"


def _worst(found: Report) -> None:
    """Row numbers and short ids, by which whoever has the folder finds the scans."""
    worst = found.numbers.worst
    if not worst:
        return
    with st.expander(tr("site.worst-cases", "Worst cases ({n})", n=len(worst)), icon=":material/report:"):
        columns = [
            tr("batch.row", "Row"),
            tr("lab.scan", "Scan"),
            tr("site.label", "Label"),
            tr("site.output", "Output"),
            tr("site.probability", "Probability"),
            tr("site.accepted", "Accepted"),
        ]
        rows = [
            (
                scan.row,
                scan.id,
                scan.label,
                scan.output,
                percent(scan.probability),
                tr("batch.yes", "yes") if scan.accepted else tr("batch.no", "no"),
            )
            for scan in worst
        ]
        st.table(pd.DataFrame(rows, columns=columns).set_index(columns[0]))
        st.caption(
            tr(
                "site.rows-count",
                "Rows count the files of the folder by class and number. File names are in no report.",
            )
        )
