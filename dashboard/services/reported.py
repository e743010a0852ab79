"""The paper's own table of accuracies, as the lessons show it. It is no measurement of ours."""

from collections.abc import Callable

from dashboard.services.records import of_task
from meddef_core.studies.paper import OTHER_ROWS, PAPER_MODELS
from meddef_core.text import Text

ATTACKS = {
    "clean": Text("lab.clean", "Clean"),
    "fgsm": Text("lab.fgsm", "FGSM"),
    "pgd": Text("lab.pgd", "PGD"),
    "bim": Text("lab.bim", "BIM"),
    "jsma": Text("lab.jsma", "JSMA"),
}


def reported_table(task: str, tr: Callable[..., str]) -> tuple[tuple[str, ...], ...]:
    """Head and rows of one task, in percent, in the paper's order; empty where `reported.json` is missing."""
    found = of_task(task).reported
    if found is None:
        return ()
    head = (tr("diagnose.model", "Model"), "ε", *(tr(title) for title in ATTACKS.values()))
    titles = PAPER_MODELS | OTHER_ROWS
    rows = [
        (
            tr(titles.get(row.model, row.model)),
            f"{row.eps:.2f}",
            *(f"{row.of(attack):.2f}%" for attack in ATTACKS),
        )
        for row in found.rows
        if row.task == task
    ]
    return (head, *rows)
