"""What `meddef evaluate` prints of its numbers."""

from typing import Any


def evaluation_lines(numbers: dict[str, Any], *, title: str) -> list[str]:
    """A line for clean scans and one for each attack."""
    return [
        f"{title}, balanced accuracy with 95 % interval",
        _line("clean", numbers["clean"]),
        *(_line(f"{_attack(row['spec'])} {row['eps']}", row) for row in numbers["attacked"]),
    ]


def _attack(spec: dict[str, Any]) -> str:
    """An attack's name, and whose implementation it was if not ours; records before there was a choice name none."""
    engine = spec.get("engine", "meddef")
    return str(spec["name"]) if engine == "meddef" else f"{spec['name']} by {engine}"


def worst_case_lines(numbers: dict[str, Any], *, title: str) -> list[str]:
    """Three lines a budget: what stands, what broke the rest, how often an attack succeeds."""
    lines = [
        f"{title}, worst case of each scan: balanced accuracy with 95 % interval",
        _line("clean", numbers["clean"]),
    ]
    for row in numbers["attacked"]:
        rate = row["attack_success_rate"]
        lines.append(_line(row["eps"], row) + f", plain {row['accuracy']:.1%}")
        lines.append(f"    {row['unbroken']} stand; broken: {row['misread_clean']} clean, {_contributions(row)}")
        lines.append("    attack success rate " + ("undefined" if rate is None else f"{rate:.1%}"))
    return lines


def _contributions(row: dict[str, Any]) -> str:
    parts = [f"{row['broken_at_smaller_budget']} at a smaller budget"] if row["broken_at_smaller_budget"] else []
    for attack in row["attacks"]:
        name = f"{attack['spec']['name']}, {attack['spec']['steps']} steps"
        parts.append(f"{attack['broken']} of {attack['tried']} by {name}")
    return "; ".join(parts)


def _line(title: str, row: dict[str, Any]) -> str:
    low, high = row["balanced_interval"]
    return f"  {title:<28} {row['balanced_accuracy']:6.1%}  ({low:.1%} to {high:.1%})"
