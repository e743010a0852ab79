"""What the paper reports, and what was reproduced here."""

from itertools import product
from math import isclose

import pandas as pd
import streamlit as st

from dashboard.components.record_parts import not_measured, save_data, shown_title
from dashboard.language import tr
from dashboard.services import commands
from dashboard.services.paper import OTHER_ROWS, PAPER_ATTACKS, PAPER_EPSILONS, PAPER_MODELS, contradictions
from dashboard.services.record_types import EvaluationRecord, Match, Reported
from dashboard.services.records import TaskRecords
from dashboard.services.robust_curves import attack_title, title_of
from dashboard.services.words import Text

CLEAN = Text("lab.clean-2", "clean")


def paper_section(found: TaskRecords) -> None:
    """A table for each attack strength, and why reported and reproduced differ."""
    if found.reported is None:
        st.info(
            tr(
                "robustness.papers-numbers",
                "The paper's numbers (reported.json) are not here, so there is nothing to compare with.",
            )
        )
        return
    st.markdown(
        tr(
            "robustness.accuracy-percent",
            "Accuracy in percent (plain, as in the paper). *Reported*: the paper's, on its own test sets. "
            "*Reproduced*: ours, on patients who were not trained on, with checked attacks.",
        )
    )
    st.caption(
        tr("robustness.source-reported", "Source of the reported numbers: {source}", source=found.reported.source)
    )
    rows = [row for row in found.reported.rows if row.task == found.task]
    table = paper_table(rows, found.paper)
    _budget_tables(table, found)
    weights = {name: found.match(name, record).value for name, record in found.paper.items()}
    save_data(table.assign(weights=table["model"].map(weights)), name=f"{found.task}-reported-and-re-measured")
    missing = [name for name in PAPER_MODELS if name not in found.paper]
    if missing:
        names = ", ".join(tr(title_of(name)) for name in missing)
        not_measured(
            tr("robustness.not-reproduced", "Not reproduced: {models}.", models=names), _command(found, missing)
        )
    _reasons(found.task)


def _budget_tables(table: pd.DataFrame, found: TaskRecords) -> None:
    task = found.task
    labels = [f"{eps:.2f}" for eps in PAPER_EPSILONS]
    chosen = st.segmented_control(
        tr("robustness.attack-strength-eps-paper", "Attack strength ε in the paper"),
        labels,
        default="0.05",
        key=f"robustness_paper_eps_{task}",
        required=True,
        persist_state="session",
    )
    eps = float(chosen) if chosen in labels else PAPER_EPSILONS[0]
    here = table[table["epsilon"] == eps]
    shown = here[here["reported"].notna() | here["re_measured"].notna()]
    if shown.empty:
        st.caption(tr("robustness.nothing-reported", "Nothing is reported or reproduced at this attack strength."))
        return
    columns = {
        tr("robustness.model", "model"): [_title(found, name) for name in shown["model"]],
        tr("robustness.attack", "attack"): [
            tr(CLEAN) if name == CLEAN else attack_title(name) for name in shown["attack"]
        ],
        tr("robustness.reported", "reported"): [_number(value) for value in shown["reported"]],
        tr("robustness.reproduced", "reproduced"): [_number(value) for value in shown["re_measured"]],
        tr("robustness.difference", "difference"): [_signed(value) for value in shown["difference"]],
        "n": ["–" if pd.isna(n) else str(int(n)) for n in shown["n"]],
    }
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        key=f"robustness_paper_table_{task}",
        alt=tr("robustness.reported-reproduced", "Reported and reproduced accuracy at ε = {eps}", eps=chosen),
    )


def _title(found: TaskRecords, name: str) -> str:
    record = found.paper.get(name)
    return shown_title(title_of(name), Match.UNKNOWN_MODEL if record is None else found.match(name, record))


def paper_table(rows: list[Reported], measured: dict[str, EvaluationRecord]) -> pd.DataFrame:
    """One row a model, epsilon and attack, clean among them; percent. Missing is NaN."""
    reported = {(row.model, row.eps): row for row in rows}
    table = []
    for eps, model, attack in product(PAPER_EPSILONS, PAPER_MODELS | OTHER_ROWS, (CLEAN, *PAPER_ATTACKS)):
        claim = reported.get((model, eps))
        said = None if claim is None else claim.of(attack)
        ours, n = _ours(measured.get(model), attack, eps)
        gap = None if said is None or ours is None else ours - said
        cells = {"reported": said, "re_measured": ours, "difference": gap, "n": n}
        table.append({"model": model, "epsilon": eps, "attack": attack} | cells)
    numbers = ["reported", "re_measured", "difference", "n"]
    return pd.DataFrame(table).astype(dict.fromkeys(numbers, "float64"))


def _ours(record: EvaluationRecord | None, attack: str, eps: float) -> tuple[float | None, int | None]:
    if record is None:
        return None, None
    if attack == CLEAN:
        return 100 * record.numbers.clean.accuracy, record.numbers.n
    rows = (row for row in record.numbers.attacked if row.spec.name == attack and isclose(row.intensity, eps))
    row = next(rows, None)
    return (None, None) if row is None else (100 * row.accuracy, row.n or record.numbers.n)


def _reasons(task: str) -> None:
    reasons = contradictions(task)
    if not reasons:
        return
    details = st.expander(
        tr("robustness.why-they", "Why they differ: {n} contradictions within the reported numbers", n=len(reasons)),
        key=f"robustness_reasons_{task}",
        on_change="rerun",
    )
    if details.open:
        with details:
            st.caption(tr("robustness.each-names", "Each names the audit check that the reported row fails."))
            st.markdown("\n".join(f"- {reason}" for reason in reasons))


def _command(found: TaskRecords, missing: list[str]) -> str:
    shipped = {each.card.name for each in found.models}
    name = missing[0]
    if name in shipped:
        return commands.paper_command(found.task, name)
    output = f"assets/results/paper/{found.task}/{name}.json"
    return f"meddef evaluate --task {found.task} --run runs/{name} --attacks paper --output {output}"


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.1f}"


def _signed(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:+.1f}"
