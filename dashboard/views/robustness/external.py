"""The models on scans of another hospital: how many they accept there, and how many of those are wrong."""

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import again, attack_words, figure, not_measured, save_data, shown_title
from dashboard.components.wide_table import wide_table
from dashboard.components.words import counted
from dashboard.language import tr
from dashboard.services import commands
from dashboard.services.record_types import ExternalRecord, Hits, Match
from dashboard.services.records import TaskRecords
from dashboard.services.words import short_eps
from dashboard.views.robustness.coverage_figure import risk_coverage


def external_section(found: TaskRecords) -> None:
    """One row a model, clean and attacked, and the risk that is left at every share of accepted scans."""
    st.markdown(
        tr(
            "robustness.scans-hospital",
            "Scans of a hospital that no model was trained on. *Accepted* means that the model gives a prediction. "
            "The share of all scans that are wrong and accepted must be small.",
        )
    )
    records = {name: record for name, record in found.external.items() if _is_shown(found, name, record)}
    if not records:
        not_measured(
            tr("robustness.no-scans", "No scans of another hospital."), commands.external_command(found.task, "meddef")
        )
        return
    for source in dict.fromkeys(record.numbers.source.key for record in records.values()):
        of_source = {name: each for name, each in records.items() if each.numbers.source.key == source}
        _source(found, of_source)
    again(commands.external_command(found.task, next(iter(records))))


def _source(found: TaskRecords, records: dict[str, ExternalRecord]) -> None:
    first = next(iter(records.values())).numbers
    st.caption(
        tr(
            "robustness.source-n",
            "{source}, n = {n}. {labels}",
            source=tr(first.source.title),
            n=first.n,
            labels=tr(first.source.labels),
        )
    )
    if first.source.out_of_fold:
        st.caption(
            tr(
                "robustness.limits-acceptance",
                "The limits of acceptance were chosen on scans like these; for each scan without its patient and "
                "without neighbouring files.",
            )
        )
    wide_table(_table(found, records), key=f"external_{found.task}_{first.source.key}")
    st.caption(_attacks(records))
    save_data(external_columns(records), name=f"{found.task}-external-{first.source.key}")
    curves = {name: record.numbers.clean.curve for name, record in records.items()}
    titles = {name: _title(found, name) for name in records}
    figure(
        risk_coverage(curves, titles),
        name=f"{found.task}-risk-coverage-{first.source.key}",
        alt=" ".join(
            tr(
                "robustness.model-risk",
                "{model}: {risk} wrong if all scans are accepted, {half} if only the surest half is.",
                model=titles[name],
                risk=counted(curve.risks[-1]),
                half=counted(curve.risks[len(curve.risks) // 2 - 1]),
            )
            for name, curve in curves.items()
        ),
        data=_curve_columns(records),
    )


def external_columns(records: dict[str, ExternalRecord]) -> pd.DataFrame:
    """A row a model and condition, every share with its interval."""
    lines = []
    for name, record in records.items():
        for row in record.numbers.rows:
            line: dict[str, object] = {"model": name, "source": record.numbers.source.key, "n": record.numbers.n}
            line |= {"eps": row.eps, "confidence": row.confidence, "calibration_error": row.calibration_error}
            for key in ("accepted", "without_remark", "correct", "correct_and_accepted", "wrong_and_accepted"):
                hits: Hits = getattr(row, key)
                line |= {key: hits.share, f"{key}_low": hits.interval[0], f"{key}_high": hits.interval[1]}
            lines.append(line | {"aurc": row.curve.aurc})
    return pd.DataFrame(lines)


def _curve_columns(records: dict[str, ExternalRecord]) -> pd.DataFrame:
    return pd.DataFrame(
        {"model": name, "coverage": coverage, "risk": risk}
        for name, record in records.items()
        for coverage, risk in zip(record.numbers.clean.curve.coverages, record.numbers.clean.curve.risks, strict=True)
    )


def _table(found: TaskRecords, records: dict[str, ExternalRecord]) -> pd.DataFrame:
    rows, index = [], []
    for name, record in records.items():
        for row in record.numbers.rows:
            index.append(_title(found, name))
            rows.append(
                {
                    "ε": tr("lab.clean-2", "clean") if row.spec is None else short_eps(row.eps),
                    tr("robustness.accepted", "accepted"): _share(row.accepted),
                    tr("robustness.correct", "correct"): _share(row.correct),
                    tr("robustness.wrong-accepted", "wrong and accepted"): _share(row.wrong_and_accepted),
                    tr("robustness.stated-probability", "stated probability, mean"): counted(row.confidence),
                    tr("robustness.calibration-error", "calibration error"): counted(row.calibration_error),
                }
            )
    return pd.DataFrame(rows, index=index)


def _attacks(records: dict[str, ExternalRecord]) -> str:
    """What the rows with an epsilon are."""
    specs = [row.spec for record in records.values() for row in record.numbers.rows if row.spec is not None]
    return tr(
        "robustness.rows-eps",
        "Rows with an ε: {attacks}, an upper bound.",
        attacks="; ".join(dict.fromkeys(attack_words(spec) for spec in specs)),
    )


def _share(hits: Hits) -> str:
    low, high = (100 * end for end in hits.interval)
    return f"{counted(hits.share)} ({low:.0f}–{high:.0f})"


def _title(found: TaskRecords, name: str) -> str:
    titles = {each.card.name: each.card.title for each in found.models}
    return shown_title(titles.get(name, name), found.match(name, found.external[name]))


def _is_shown(found: TaskRecords, name: str, record: ExternalRecord) -> bool:
    """Acceptance is of one model's weights and limits: of others it says nothing."""
    return found.match(name, record) is Match.MATCHED
