"""Records and cards made into what the robustness page draws."""

from collections.abc import Iterable
from dataclasses import replace

from dashboard import record_schema as schema
from dashboard.robustness_results import Curve, Point, Verdict
from dashboard.services.records import Measured, TaskRecords, quick_command, worst_command
from dashboard.services.trust import OTHER_WEIGHTS, UNAUDITED
from meddef_core.attacks import get_attack
from meddef_core.audit.check import MEANINGS
from meddef_core.errors import AttackError
from meddef_core.evaluation.paper import OTHER_ROWS, PAPER_MODELS


def curves(found: TaskRecords) -> tuple[Curve, ...]:
    """One curve a model: its card's quick look, and its worst case where that is of these very weights and scans.

    A worst case of other scans stands alone. A record of a model that has no card here stands by itself.
    """
    cards = {each.card.name: each for each in found.models}
    drawn = [_of_model(each, found.worst.get(name)) for name, each in cards.items()]
    alone = [_worst(record, title_of(name)) for name, record in found.worst.items() if name not in cards]
    return (*(curve for curve in drawn if curve is not None), *alone)


def budgets(drawn: Iterable[Curve]) -> dict[str, float]:
    """Every budget that a curve has a point at, by its label, the smallest first."""
    labels = {point.eps: point.label for curve in drawn for point in curve.points}
    return {labels[eps]: eps for eps in sorted(labels)}


def verdict(found: TaskRecords, name: str) -> Verdict:
    """The audit of the model of that name; "none", with the reason, where there is none of these very weights."""
    record = found.audits.get(name)
    if record is None:
        return Verdict("none", UNAUDITED)
    card = next((each.card for each in found.models if each.card.name == name), None)
    if card is not None and record.model.weights_sha256 != card.weights.sha256:
        return Verdict("none", OTHER_WEIGHTS)
    return Verdict(record.numbers.verdict, MEANINGS[record.numbers.verdict], record)


def title_of(name: str) -> str:
    """A model's title from its file's name: the paper's word for it, where it has one."""
    return (PAPER_MODELS | OTHER_ROWS).get(name, name)


def attack_title(name: str) -> str:
    """What the registry calls an attack; its own name where it is not in there."""
    try:
        return get_attack(name).title
    except AttackError:
        return name


def attack_settings(name: str) -> frozenset[str]:
    """The settings an attack has; none where it is not in the registry."""
    try:
        return frozenset(get_attack(name).settings)
    except AttackError:
        return frozenset()


def _of_model(each: Measured, worst: schema.WorstRecord | None) -> Curve | None:
    other = worst is not None and worst.model.weights_sha256 != each.card.weights.sha256
    quick = None if each.figures is None else _quick(each, each.figures, other_weights=other)
    if worst is None or other:
        return quick
    strong = _worst(worst, each.card.title)
    if quick is None or (quick.n, quick.part, quick.protocol) != (strong.n, strong.part, strong.protocol):
        return strong
    return replace(quick, worst=strong.worst)


def _worst(record: schema.WorstRecord, title: str) -> Curve:
    numbers, command = record.numbers, worst_command(record)
    rows = sorted(numbers.attacked, key=lambda row: row.budget)
    tried = _kinds(each.spec for row in rows for each in row.attacks)
    return Curve(
        key=record.model.key.rpartition("/")[2],
        title=title,
        n=numbers.n,
        part=record.data.part if record.data else "test",
        protocol=record.data.protocol if record.data else "official",
        clean=numbers.clean,
        worst=tuple(Point(row.budget, row.eps, row, _most_telling(row), command, "worst", tried) for row in rows),
    )


def _quick(each: Measured, figures: schema.CardFigures, *, other_weights: bool) -> Curve:
    """At each budget the attack that leaves the least standing: the others are no evidence of robustness."""
    weakest: dict[float, schema.Attacked] = {}
    for row in figures.attacked:
        held = weakest.get(row.spec.eps)
        if held is None or row.balanced_accuracy < held.balanced_accuracy:
            weakest[row.spec.eps] = row
    rows = [weakest[eps] for eps in sorted(weakest)]
    tried = _kinds(row.spec for row in figures.attacked)
    return Curve(
        key=each.card.name,
        title=each.card.title,
        n=figures.n,
        part=figures.list,
        protocol=figures.protocol,
        clean=figures.clean,
        quick=tuple(
            Point(row.spec.eps, row.eps, row, row.spec, quick_command(each.card, row), "quick", tried) for row in rows
        ),
        other_weights=other_weights,
    )


def _most_telling(row: schema.WorstRow) -> schema.Spec | None:
    """The attack that broke the most scans that no other had broken before it; None where nothing did."""
    broke = [each for each in row.attacks if each.broken]
    return max(broke, key=lambda each: each.broken).spec if broke else None


def _kinds(specs: Iterable[schema.Spec]) -> tuple[schema.Spec, ...]:
    """Each attack once, whatever its budget and the class it aims at."""
    return tuple(dict.fromkeys(spec.model_copy(update={"eps": 0.0, "target": None}) for spec in specs))
