"""Tables in Markdown, made from the cards: no number in a document is typed by hand."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from meddef_core.errors import MedDefError
from meddef_core.files import replacing
from meddef_core.zoo import Card

SHOWN = ("2/255 (0.0078)", "0.01", "4/255 (0.0157)", "8/255 (0.0314)", "0.05", "0.1")
"""Budgets of the summary table, as a card writes them."""

BLOCK = re.compile(r"(<!-- meddef tables: begin -->\n).*?(<!-- meddef tables: end -->)", re.DOTALL)


def model_table(cards: Sequence[Card]) -> str:
    """One row a measured model: balanced accuracy in percent with its 95 % interval, clean and under PGD-20."""
    measured = [card for card in cards if card.metrics]
    head = ["model", "protocol", "n", "clean", *(f"PGD-20 at {eps.split(' ')[0]}" for eps in SHOWN)]
    rows = [[card.key, *_cells(card.metrics)] for card in measured]
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _cells(metrics: dict[str, Any]) -> list[str]:
    by_eps = {row["eps"]: row for row in metrics["attacked"] if row["spec"]["loss"] == "ce"}
    shares = [metrics["clean"], *(by_eps[eps] for eps in SHOWN)]
    return [metrics["protocol"], str(metrics["n"]), *(_percent(share) for share in shares)]


def _percent(share: dict[str, Any]) -> str:
    low, high = share["balanced_interval"]
    return f"{100 * share['balanced_accuracy']:.1f} ({100 * low:.0f}-{100 * high:.0f})"


def write_block(path: Path, table: str) -> None:
    """Put a table between the markers of a Markdown file; raises MedDefError if they are not there once."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MedDefError(f"{path} cannot be read ({error.strerror}); check the path.") from error
    new, count = BLOCK.subn(lambda found: f"{found[1]}{table}\n{found[2]}", text)
    if count != 1:
        raise MedDefError(f"{path} needs the two 'meddef tables' markers exactly once; see README.md.")
    with replacing(path) as beside:
        beside.write_text(new, encoding="utf-8")
