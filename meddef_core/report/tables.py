"""Tables in Markdown, made from cards and records: no number in a document is typed by hand."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from meddef_core.auditing.words import flaws
from meddef_core.eps import short_eps
from meddef_core.evaluation.card_numbers import strongest
from meddef_core.records import (
    AblationRecord,
    AttackedAccuracy,
    AuditNumbers,
    AuditRecord,
    BaselineRecord,
    DamagedRecord,
    DissectionRecord,
    ExternalRecord,
    Hits,
    Match,
    PruneRecord,
    Shifted,
    ShiftRecord,
    WorstRecord,
    figures_of,
    match,
    named,
    shipped,
)
from meddef_core.records.documents import markdown, read_models, read_study, share_cell, shown
from meddef_core.records.modules import Spread
from meddef_core.report.certified_table import certified_table
from meddef_core.studies.paper import differences, intensity_table, success_table
from meddef_core.studies.paper_pruning import paper_pruning_table
from meddef_core.tasks import TASKS
from meddef_core.zoo import Card, list_models

COMPARED = "meddef"
"""Name of the model that the defences from the literature are compared with."""

SHOWN = (2 / 255, 0.01, 4 / 255, 8 / 255, 0.05, 0.1)
"""Epsilons of the summary table."""


def tables(root: Path | None = None) -> dict[str, Callable[[], str]]:
    """Every table by the name of its block; `root` is the folder of records, the shipped one by default."""
    found: dict[str, Callable[[], str]] = {
        "models": lambda: model_table(list_models()),
        "worst": partial(worst_case_table, root=root),
        "certified": partial(certified_table, root=root),
        "audit": partial(audit_table, root=root),
        "pruning": partial(pruning_table, root=root),
        "gates": partial(gate_table, root=root),
    }
    for task in TASKS:
        found[f"paper-{task}"] = partial(intensity_table, task, root=root)
        found[f"paper-pruning-{task}"] = partial(paper_pruning_table, task, root=root)
        found[f"success-{task}"] = partial(success_table, task, root=root)
        found[f"differences-{task}"] = partial(_listed, task, root=root)
        found[f"baselines-{task}"] = partial(baseline_table, task, root=root)
        found[f"ablation-{task}"] = partial(ablation_table, task, root=root)
        found[f"lesions-{task}"] = partial(lesion_table, task, root=root)
        found[f"shifts-{task}"] = partial(shift_table, task, root=root)
        found[f"external-{task}"] = partial(external_table, task, root=root)
    return found


def model_table(cards: Sequence[Card]) -> str:
    """One row a measured model: balanced accuracy in percent with its interval, clean and under the stronger PGD-20.

    What a card does not hold is a dash.
    """
    head = ["model", "protocol", "n", "clean", *(f"PGD-20 at {short_eps(eps)}" for eps in SHOWN)]
    return markdown(head, [[card.key, *_cells(card)] for card in cards if card.metrics])


def worst_case_table(*, root: Path | None = None) -> str:
    """One row a record of `meddef evaluate --attacks worst`: balanced accuracy of the worst case of each scan."""
    records = read_models(WorstRecord, "worst", root=root)
    budgets = sorted({row.eps for found in records.values() for row in found.numbers.attacked})
    rows = []
    for key, found in records.items():
        by_eps = {row.eps: row for row in found.numbers.attacked}
        shares = [found.numbers.clean, *(by_eps.get(eps) for eps in budgets)]
        about = [shown(key, found), found.scans.protocol, str(found.numbers.n)]
        rows.append([*about, *(share_cell(share) for share in shares)])
    return markdown(["model", "protocol", "n", "clean", *(short_eps(eps) for eps in budgets)], rows)


def audit_table(*, root: Path | None = None) -> str:
    """One row a record of `meddef audit`: robust accuracy and epsilon, the verdict, and what was found, in words."""
    rows = []
    for key, found in read_models(AuditRecord, "audit", root=root).items():
        numbers = found.numbers
        flagged = [f"{each.title}: {each.sentence}" for each in numbers.findings if each.status == "failed"]
        carried_out = sum(each.status != "not applicable" for each in numbers.findings)
        words = " ".join(flagged) or flaws(0, of=carried_out, n=numbers.n)
        rows.append([shown(key, found), str(numbers.n), _audited(numbers), numbers.verdict, words.replace("|", "/")])
    return markdown(["model", "n", "robust accuracy", "verdict", "findings"], rows)


def _audited(numbers: AuditNumbers) -> str:
    """Robust accuracy of an audit in percent, with interval and epsilon."""
    low, high = numbers.robust_interval
    share = 100 * numbers.robust / numbers.n
    return f"{share:.1f} ({100 * low:.0f}-{100 * high:.0f}) at {short_eps(numbers.eps)}"


def baseline_table(task: str, *, root: Path | None = None) -> str:
    """One row a defence: balanced accuracy clean, against who ignores it and against who adapts to it."""
    record = read_study(BaselineRecord, "baselines", task, root=root)
    if record is None:
        return markdown([], [])
    models, own = shipped(list_models()), f"{task}/{COMPARED}"
    titles = [row.title for row in record.numbers.rows]
    rows, measured = [], set()
    for row in record.numbers.rows:
        found = match(row.claim(task), models)
        if found is Match.MATCHED:
            measured.add(row.id)
        title = row.title if titles.count(row.title) == 1 else f"{row.title} ({row.id})"
        rows.append([named(title, found), *(share_cell(share) for share in (row.clean, row.ignoring, row.adaptive))])
    table = markdown(["defence", "clean", "non-adaptive attack", "adaptive attack"], rows)
    missing = own not in measured and any(model.key == own for model in models)
    return f"{table}\n\nThe weights that ship as `{own}` were not compared yet." if missing else table


def pruning_table(*, root: Path | None = None) -> str:
    """One row a level of each record of `meddef prune --sweep`: clean, then under each attack with its success rate."""
    records = {shown(key, found): found for key, found in read_models(PruneRecord, "pruning", root=root).items()}
    levels = [(name, row) for name, found in records.items() for row in found.numbers.rows]
    attacks = [(each.spec.name, each.eps) for each in levels[0][1].attacked] if levels else []
    rows = []
    for name, row in levels:
        shares = {(each.spec.name, each.eps): each for each in row.attacked}
        under = [cell for attack in attacks for cell in _with_success(shares.get(attack))]
        rows.append([name, str(row.n), f"{row.sparsity:.0%}", share_cell(row.clean), *under])
    head = [title for name, eps in attacks for title in (f"{name.upper()} at {short_eps(eps)}", "success")]
    return markdown(["model", "n", "pruned", "clean", *head], rows)


def _with_success(share: AttackedAccuracy | None) -> tuple[str, str]:
    rate = None if share is None else share.attack_success_rate
    return share_cell(share), "-" if rate is None else f"{100 * rate:.1f}"


def ablation_table(task: str, *, root: Path | None = None) -> str:
    """One row a variant of the record of `meddef ablation`: mean and deviation over its seeds, and its paired test."""
    record = read_study(AblationRecord, "ablation", task, root=root)
    if record is None:
        return markdown([], [])
    numbers = record.numbers
    against_full = numbers.rows[0].variant
    pairs = {pair.second: f"{pair.p:.2g}" for pair in numbers.pairs if pair.first == against_full}
    rows = [
        [
            row.title,
            f"{row.parameters / 1e6:.2f}",
            ", ".join(str(each.seed) for each in row.seeds),
            *(_over_seeds(spread) for spread in (row.clean, row.attacked)),
            pairs.get(row.variant, ""),
        ]
        for row in numbers.rows
    ]
    budget = short_eps(numbers.eps)
    head = ["variant", "million parameters", "seeds", "clean", f"APGD at {budget}", "p against the full network"]
    said = [f"n = {numbers.n}.", numbers.verdict, _which_ship(record)]
    return f"{markdown(head, rows)}\n\n{' '.join(filter(None, said))}"


def _which_ship(record: AblationRecord) -> str:
    """Which networks of an ablation are models here: the others stand for their variants alone."""
    ships = record.shipped_as(shipped(list_models()))
    said = [f"{row.title}, seed {each.seed} (`{key}`)" for row, each, key in ships]
    return f"Networks here with a card: {'; '.join(said)}." if said else "None of these networks has a card."


def gate_table(*, root: Path | None = None) -> str:
    """One row a record of `meddef dissect`: where the gates of the DAAM stand, and what an attack does to them."""
    rows = []
    for key, found in read_models(DissectionRecord, "dissection", root=root).items():
        gates = found.numbers.gates
        gate = gates.noise_gate
        cells = ["-"] * 4
        if gate is not None:
            decided = f"{100 * (gate.shut + gate.open):.1f}"
            cells = [f"{gate.mean:.2f}", decided, f"{gate.moved:.3f}", f"{gate.detects:.2f}"]
        moved = [f"{100 * share:.0f}" for share in (gates.added, gates.moved_before, gates.moved_after)]
        rows.append([shown(key, found), str(found.numbers.n), *cells, *moved])
    gate_head = ["AFD's gate: mean", "below 0.1 or above 0.9, %", "moved by the attack", "ROC area, attacked or not"]
    head = ["model", "n", *gate_head, "D adds, %", "features moved before D, %", "after D, %"]
    return markdown(head, rows)


def lesion_table(task: str, *, root: Path | None = None) -> str:
    """One row a lesion of the records of `meddef dissect`: for each model clean, attacked, and its paired test."""
    records = {
        shown(key, found): found.numbers
        for key, found in read_models(DissectionRecord, "dissection", root=root).items()
        if key.startswith(f"{task}/")
    }
    titles = {row.lesion: row.title for numbers in records.values() for row in numbers.lesions}
    head = ["the trained network"]
    for name, numbers in records.items():
        head += [f"{name}: clean", f"PGD-20 at {short_eps(numbers.eps)}", "p"]
    rows = []
    for lesion, title in titles.items():
        cells = [title]
        for numbers in records.values():
            row = next((row for row in numbers.lesions if row.lesion == lesion), None)
            cells += ["-"] * 3 if row is None else [share_cell(row.clean), share_cell(row.attacked), f"{row.p:.2g}"]
        rows.append(cells)
    counts = "; ".join(f"{name}, n = {numbers.n}" for name, numbers in records.items())
    return f"{markdown(head, rows)}\n\n{counts}.".removesuffix("\n\n.")


def shift_table(task: str, *, root: Path | None = None) -> str:
    """One row a change of the record of `meddef shifts`: for each model balanced accuracy and its lowest recall."""
    record = read_study(ShiftRecord, "shifts", task, root=root)
    if record is None:
        return markdown([], [])
    models, numbers = shipped(list_models()), record.numbers
    columns = [[each.title for each in numbers.rows[0].shifts]]
    columns += [[_with_worst_class(each) for each in row.shifts] for row in numbers.rows]
    head = ["the scan is", *(named(row.model, match(row.claim(task), models)) for row in numbers.rows)]
    return f"{markdown(head, [list(cells) for cells in zip(*columns, strict=True)])}\n\nn = {numbers.n}."


def external_table(task: str, *, root: Path | None = None) -> str:
    """One row a model and condition of the records of `meddef external`: shares of all scans, in percent."""
    rows, notes = [], {}
    for key, found in read_models(ExternalRecord, "external", root=root).items():
        if found.task != task:
            continue
        source = found.numbers.source
        notes[f"{source.title}, n = {found.numbers.n}. {source.labels}"] = source.out_of_fold
        for row in found.numbers.rows:
            how = "clean" if row.spec is None else f"PGD-{row.spec.steps} at {short_eps(row.eps)}, an upper bound"
            shares = (row.accepted, row.correct, row.correct_and_accepted, row.wrong_and_accepted)
            figures = [*map(_hits, shares), f"{100 * row.confidence:.0f}", f"{row.curve.aurc:.3f}"]
            rows.append([shown(key, found), how, *figures])
    head = ["model", "scans", "accepted", "correct", "correct and accepted", "wrong and accepted"]
    table = markdown([*head, "stated probability", "AURC"], rows)
    said = [f"{note}{' Limits were chosen out of fold.' if folded else ''}" for note, folded in notes.items()]
    return "\n\n".join([table, *said])


def _hits(hits: Hits) -> str:
    low, high = hits.interval
    return f"{100 * hits.share:.1f} ({100 * low:.0f}-{100 * high:.0f})"


def _with_worst_class(share: Shifted) -> str:
    label, recall = min(share.recall.items(), key=lambda each: each[1])
    return f"{share_cell(share)}, {label} {100 * recall:.0f}"


def _over_seeds(spread: Spread) -> str:
    deviation = spread.standard_deviation
    return f"{100 * spread.mean:.1f}" + ("" if deviation is None else f" ± {100 * deviation:.1f}")


def _cells(card: Card) -> list[str]:
    try:
        figures = figures_of(card.metrics)
    except DamagedRecord:
        return ["-"] * (3 + len(SHOWN))
    by_eps = strongest(figures.attacked)
    shares = [figures.clean, *(by_eps.get(eps) for eps in SHOWN)]
    return [figures.protocol, str(figures.n), *(share_cell(share) for share in shares)]


def _listed(task: str, *, root: Path | None) -> str:
    return "\n".join(f"- {sentence}" for sentence in differences(task, root=root))
