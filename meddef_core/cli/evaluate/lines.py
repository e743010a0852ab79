"""What `meddef evaluate` and `meddef prune` print of their numbers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meddef_core.records import AttackedAccuracy, Balanced, MeasuredAccuracy, WorstNumbers, WorstRow


def evaluation_lines(numbers: "MeasuredAccuracy", *, title: str) -> list[str]:
    """A line for clean scans and one for each attack."""
    return [
        f"{title}, balanced accuracy with 95% interval",
        share_line("clean", numbers.clean),
        *(share_line(attack_title(row), row) for row in numbers.attacked),
    ]


def worst_case_lines(numbers: "WorstNumbers", *, title: str) -> list[str]:
    """Three lines a budget: what stands, what broke the rest, how often an attack succeeds."""
    from meddef_core.eps import format_eps

    lines = [
        f"{title}, worst case of each scan: balanced accuracy with 95% interval",
        share_line("clean", numbers.clean),
    ]
    for row in numbers.attacked:
        rate = row.attack_success_rate
        lines.append(share_line(format_eps(row.eps, norm=numbers.norm), row) + f", plain {row.accuracy:.1%}")
        lines.append(f"    {row.unbroken} stand; broken: {row.misread_clean} clean, {_contributions(row)}")
        lines.append("    attack success rate " + ("undefined" if rate is None else f"{rate:.1%}"))
    return lines


def share_line(title: str, share: "Balanced") -> str:
    """One share with its interval, below the others."""
    low, high = share.balanced_interval
    return f"  {title:<28} {share.balanced_accuracy:6.1%}  ({low:.1%} to {high:.1%})"


def attack_title(row: "AttackedAccuracy", *, loss: bool = False) -> str:
    """ "pgd 4/255 (0.0157)": an attack by its name and epsilon, with its `loss` where that tells two apart."""
    from meddef_core.attacks import get_attack
    from meddef_core.eps import format_eps

    name = f"{row.spec.name} {row.spec.loss}" if loss else row.spec.name
    by = "" if row.spec.engine == "meddef" else f" by {row.spec.engine}"
    return f"{name}{by} {format_eps(row.eps, norm=get_attack(row.spec.name).norm)}"


def _contributions(row: "WorstRow") -> str:
    parts = [f"{row.broken_at_smaller_budget} at a smaller epsilon"] if row.broken_at_smaller_budget else []
    for attack in row.attacks:
        parts.append(f"{attack.broken} of {attack.tried} by {attack.spec.name}, {attack.spec.steps} steps")
    return "; ".join(parts)
