"""Records and cards made into what the robustness page draws."""

from collections.abc import Iterable
from dataclasses import replace

from dashboard.services.commands import quick_command, worst_command
from dashboard.services.records import MeasuredModel, TaskRecords
from dashboard.services.results.robustness import Point, RobustnessCurve, TrustVerdict
from dashboard.services.trust import OTHER_WEIGHTS, UNAUDITED
from meddef_core.attacks import get_attack
from meddef_core.auditing.finding import MEANINGS
from meddef_core.errors import AttackError
from meddef_core.records import AttackedAccuracy, CardFigures, Match, Spec, WorstRecord, WorstRow
from meddef_core.studies.paper import OTHER_ROWS, PAPER_MODELS


def curves(found: TaskRecords) -> tuple[RobustnessCurve, ...]:
    """One curve a model: its card's quick look, and its worst case where that is of these very weights and scans.

    A worst case of other scans stands alone. A record of a model that has no card here stands by itself.
    """
    cards = {each.card.name: each for each in found.models}
    drawn = [_of_model(found, name, each) for name, each in cards.items()]
    alone = [_worst(record, title_of(name)) for name, record in found.worst.items() if name not in cards]
    return (*(curve for curve in drawn if curve is not None), *alone)


def budgets(drawn: Iterable[RobustnessCurve]) -> tuple[float, ...]:
    """Every budget that a curve has a point at, the smallest first."""
    return tuple(sorted({point.eps for curve in drawn for point in curve.points}))


def verdict(found: TaskRecords, name: str) -> TrustVerdict:
    """The audit of the model of that name; "none", with the reason, where there is none of these very weights."""
    record = found.audits.get(name)
    if record is None:
        return TrustVerdict("none", UNAUDITED)
    if found.match(name, record) is Match.OTHER_WEIGHTS:
        return TrustVerdict("none", OTHER_WEIGHTS)
    return TrustVerdict(record.numbers.verdict, MEANINGS[record.numbers.verdict], record)


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


def _of_model(found: TaskRecords, name: str, each: MeasuredModel) -> RobustnessCurve | None:
    worst = found.worst.get(name)
    other = worst is not None and found.match(name, worst) is not Match.MATCHED
    quick = None if each.figures is None else _quick(each, each.figures, other_weights=other)
    if worst is None or other:
        return quick
    strong = _worst(worst, each.card.title)
    if quick is None or (quick.n, quick.part, quick.protocol) != (strong.n, strong.part, strong.protocol):
        return strong
    return replace(quick, worst=strong.worst)


def _worst(record: WorstRecord, title: str) -> RobustnessCurve:
    numbers, command = record.numbers, worst_command(record)
    rows = sorted(numbers.attacked, key=lambda row: row.eps)
    tried = _kinds(each.spec for row in rows for each in row.attacks)
    return RobustnessCurve(
        key=record.model.key.rpartition("/")[2],
        title=title,
        n=numbers.n,
        part=record.scans.part,
        protocol=record.scans.protocol,
        clean=numbers.clean,
        worst=tuple(Point(row.eps, row, _most_telling(row), command, "worst", tried) for row in rows),
    )


def _quick(each: MeasuredModel, figures: CardFigures, *, other_weights: bool) -> RobustnessCurve:
    """At each budget the attack that leaves the least standing: the others are no evidence of robustness."""
    weakest: dict[float, AttackedAccuracy] = {}
    for row in figures.attacked:
        held = weakest.get(row.eps)
        if held is None or row.balanced_accuracy < held.balanced_accuracy:
            weakest[row.eps] = row
    rows = [weakest[eps] for eps in sorted(weakest)]
    tried = _kinds(row.spec for row in figures.attacked)
    return RobustnessCurve(
        key=each.card.name,
        title=each.card.title,
        n=figures.n,
        part=figures.list,
        protocol=figures.protocol,
        clean=figures.clean,
        quick=tuple(Point(row.eps, row, row.spec, quick_command(each.card, row), "quick", tried) for row in rows),
        other_weights=other_weights,
    )


def _most_telling(row: WorstRow) -> Spec | None:
    """The attack that broke the most scans that no other had broken before it; None where nothing did."""
    broke = [each for each in row.attacks if each.broken]
    return max(broke, key=lambda each: each.broken).spec if broke else None


def _kinds(specs: Iterable[Spec]) -> tuple[Spec, ...]:
    """Each attack once, whatever its budget and the class it aims at."""
    return tuple(dict.fromkeys(spec.replaced(eps=0.0, target=None) for spec in specs))
