"""The paper's attack tables, reported beside re-measured: four attacks at three budgets on five models.

Reported numbers come from `assets/results/reported.json`, re-measured ones from the records that
`meddef evaluate --attacks paper --output assets/results/paper/<task>/<model>.json` writes; none is typed here.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

from meddef_core.attacks import AttackSpec, default_spec
from meddef_core.records import EvaluationRecord, Match, Reported, match_weights, named, read_file, shipped
from meddef_core.records.documents import markdown, read_reported, results_root
from meddef_core.text import Text
from meddef_core.zoo import list_models

PAPER_EPSILONS = (0.01, 0.05, 0.10)
PAPER_ATTACKS = ("fgsm", "pgd", "bim", "jsma")
PAPER_STEPS, PAPER_REL_STEP = 40, 0.2
"""Section on attacks: 40 iterations, step 0.01 at epsilon 0.05; the ratio is kept at the other budgets."""

JSMA_SCANS = 32
"""A list's scans that JSMA is run on: where it fails, one of them takes a hundred Jacobians."""

PAPER_MODELS = {
    "resnet18-undefended": Text("study.resnet-18-undefended", "ResNet-18, undefended"),
    "without-daam": Text("model.without-daam", "without DAAM"),
    "without-afd-mfe": Text("model.without-afd-mfe", "without AFD and MFE"),
    "without-afd": Text("model.without-afd", "without AFD"),
    "meddef": Text("study.meddef", "MedDef"),
}
"""Rows of the tables in the paper's order: file name of a record, and title."""

OTHER_ROWS = {
    "meddef-narrow": Text("study.meddef-112", "MedDef small (112 px)"),
    "meddef-plain": Text("study.meddef-films", "MedDef, films as they are"),
    "paper": Text("study.meddef-papers", "MedDef, the paper's training"),
}
"""Rows that the paper does not have, shown where they are measured: MedDef by the recipe of the variants above it, and
by the paper's own training at a smaller size."""

ONE_CLASS = {"chest": 72.89}
"""Percent of the paper's chest scans that show pneumonia: what a network that answers one class scores."""

AGREES = 1.0
"""Points by which two reported figures may differ before the difference is worth a sentence."""


def paper_attacks() -> list[AttackSpec]:
    """The paper's attacks at its budgets; fooled images leave, which changes no accuracy.

    JSMA bounds how many values may change (gamma, 14 %), not how far one moves; the paper's intensity is read as its
    step theta.
    """
    specs = []
    for eps in PAPER_EPSILONS:
        for name in ("fgsm", "pgd", "bim"):
            rel_step = None if name == "fgsm" else PAPER_REL_STEP
            specs.append(AttackSpec(name=name, eps=eps, steps=PAPER_STEPS, rel_step=rel_step, stop_when_fooled=True))
        specs.append(default_spec("jsma", theta=eps, stop_when_fooled=True))
    return specs


@dataclass(frozen=True)
class Remeasured:
    """One model's record: percent accuracy, clean and by (attack, epsilon), with the success rates and recalls.

    `match` says whether it is of the weights that ship under the model's name.
    """

    match: Match
    n: int
    clean: float
    accuracy: dict[tuple[str, float], float]
    success_rate: dict[tuple[str, float], float | None]
    recall: dict[tuple[str, float], dict[str, float]]
    sizes: dict[tuple[str, float], int]
    """Scans behind each cell: JSMA is run on fewer."""


def reported_rows(task: str) -> list[Reported]:
    """The rows the paper reports of a task; DataError if the file cannot be read."""
    return [row for row in read_reported().rows if row.task == task]


def read_measured(task: str, model: str, *, root: Path | None = None) -> Remeasured | None:
    """What was re-measured of one of `PAPER_MODELS`; None where no record lies."""
    path = (root or results_root()) / "paper" / task / f"{model}.json"
    if not path.is_file():
        return None
    record = read_file(EvaluationRecord, path)
    numbers = record.numbers
    rows = {(row.spec.name, row.intensity): row for row in numbers.attacked}
    return Remeasured(
        match=match_weights(f"{task}/{model}", record.model.shipped_sha256, shipped(list_models())),
        n=numbers.n,
        clean=100 * numbers.clean.accuracy,
        accuracy={key: 100 * row.accuracy for key, row in rows.items()},
        success_rate={key: percent(row.attack_success_rate) for key, row in rows.items()},
        recall={key: row.recall for key, row in rows.items()},
        sizes={key: row.n or numbers.n for key, row in rows.items()},
    )


def intensity_table(task: str, *, root: Path | None = None) -> str:
    """Accuracy in percent, `reported / re-measured`, a row for each model and budget; "-" where there is none."""
    reported = {(row.model, row.eps): row for row in reported_rows(task)}
    found = {model: read_measured(task, model, root=root) for model in PAPER_MODELS | OTHER_ROWS}
    rows = []
    for eps, (model, title) in itertools.product(PAPER_EPSILONS, _rows(found).items()):
        claim, ours = reported.get((model, eps)), found[model]
        cells = [pair(claim.clean if claim else None, ours.clean if ours else None)]
        cells += [
            pair(claim.of(a) if claim else None, ours.accuracy.get((a, eps)) if ours else None) for a in PAPER_ATTACKS
        ]
        rows.append([f"{eps:.2f}", title, *cells])
    return markdown(["epsilon", "model", "clean", *(name.upper() for name in PAPER_ATTACKS)], rows)


def success_table(task: str, *, root: Path | None = None) -> str:
    """Attack success rates in percent, re-measured: of the scans read right, the share that the attack flips."""
    found = {model: read_measured(task, model, root=root) for model in PAPER_MODELS | OTHER_ROWS}
    rows = []
    for eps, (model, title) in itertools.product(PAPER_EPSILONS, _rows(found).items()):
        ours = found[model]
        cells = [_number(ours.success_rate.get((a, eps)) if ours else None) for a in PAPER_ATTACKS]
        rows.append([f"{eps:.2f}", title, *cells])
    return markdown(["epsilon", "model", *(name.upper() for name in PAPER_ATTACKS)], rows)


def _rows(found: dict[str, Remeasured | None]) -> dict[str, str]:
    """Models and their titles, with a remark where the re-measured numbers are of other weights."""
    titles = PAPER_MODELS | {model: title for model, title in OTHER_ROWS.items() if found[model]}
    measured = {model: ours.match for model, ours in found.items() if ours}
    return {model: named(title, measured.get(model, Match.UNKNOWN_MODEL)) for model, title in titles.items()}


def differences(task: str, *, root: Path | None = None) -> list[str]:
    """Why reported and re-measured differ: one sentence for each check that a reported row fails."""
    sentences = []
    for row in reported_rows(task):
        found = read_measured(task, row.model, root=root)
        name = f"{PAPER_MODELS[row.model]} at {row.eps:.2f}"
        sentences += [f"{name}: {doubt}" for doubt in _doubts(row, found)]
    return sentences + _rises(task)


def _doubts(row: Reported, found: Remeasured | None) -> list[str]:
    """The checks that one reported row fails, each with what our own measurement says of it."""
    doubts = []
    if row.pgd > min(row.fgsm, row.bim) + AGREES:
        doubts.append(
            f"PGD is reported at {row.pgd:.2f}, FGSM at {row.fgsm:.2f} and BIM at {row.bim:.2f}, though PGD "
            "repeats FGSM's step and differs from BIM by its random start alone: the check \"PGD at least as strong as "
            f'FGSM" fails{_our_order(found, row.eps)}.'
        )
    if row.pgd > row.clean:
        doubts.append(
            f"under PGD the reported accuracy ({row.pgd:.2f}) is above the clean one ({row.clean:.2f}), which no "
            "attack that keeps the clean scan as a candidate can bring about."
        )
    share = ONE_CLASS.get(row.task)
    stuck = [a.upper() for a in PAPER_ATTACKS if share is not None and abs(row.of(a) - share) < 0.05]
    if stuck:
        doubts.append(
            f"{' and '.join(stuck)} at {share:.2f} is the share of pneumonia among the paper's scans: the network "
            f'answers one class, which the check "not one class only" flags{_our_recalls(found, row.eps)}.'
        )
    return doubts


def _our_order(found: Remeasured | None, eps: float) -> str:
    if found is None or ("pgd", eps) not in found.accuracy:
        return ""
    pgd, fgsm, bim = (found.accuracy[attack, eps] for attack in ("pgd", "fgsm", "bim"))
    return f"; re-measured{_of_which(found)} they stand at {pgd:.1f}, {fgsm:.1f} and {bim:.1f}"


def _our_recalls(found: Remeasured | None, eps: float) -> str:
    recall = found.recall.get(("pgd", eps)) if found else None
    if found is None or recall is None:
        return ""
    shown = ", ".join(f"{name} {100 * value:.0f}%" for name, value in recall.items())
    return f"; our recalls under PGD{_of_which(found)} are {shown}"


def _of_which(found: Remeasured) -> str:
    return " with earlier weights" if found.match is Match.OTHER_WEIGHTS else ""


def _rises(task: str) -> list[str]:
    """A reported accuracy that grows with the budget."""
    rows = [row for row in reported_rows(task) if row.model == "meddef"]
    values = sorted((row.eps, row.pgd) for row in rows)
    if not any(later > earlier for (_, earlier), (_, later) in itertools.pairwise(values)):
        return []
    shown = ", ".join(f"{value:.2f} at {eps:.2f}" for eps, value in values)
    return [
        f"MedDef: under PGD the reported accuracy goes {shown}; a larger ball holds the smaller one, so accuracy "
        'under a working attack cannot rise with the budget (check "accuracy falls with epsilon").'
    ]


def percent(share: float | None) -> float | None:
    """A share as percent; None stays None."""
    return None if share is None else 100 * share


def pair(reported: float | None, measured: float | None) -> str:
    """A cell of percents, `reported / re-measured`."""
    return f"{_number(reported)} / {_number(measured)}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
