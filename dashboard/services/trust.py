"""What the audits on this server say of its models."""

from typing import Any

from dashboard.results import ModelChoice
from dashboard.services.models import cards
from dashboard.sweep_results import Trust
from meddef_core.errors import DataError
from meddef_core.evaluation.documents import read_record, results_root

VERDICTS = ("green", "amber", "red")

UNAUDITED = "No audit of this model is here, so nothing vouches for a robustness number of it."
OTHER_WEIGHTS = "The audit here is of other weights than this server's, so it says nothing about them."
WRAPPED = "A defence from the literature around another model: no audit of the two together is here."
DAMAGED = "The record of this model's audit is damaged; audit it again."


def trust(model: ModelChoice) -> Trust:
    """The verdict of the model's own audit; "none", with the reason, where there is none of these very weights."""
    if model.wrapped:
        return Trust("none", WRAPPED)
    path = results_root() / "audit" / f"{model.id}.json"
    if not path.is_file():
        return Trust("none", UNAUDITED)
    weights = next((card.weights.sha256 for card in cards() if card.key == model.id), None)
    try:
        record = read_record(path)
        if record["model"]["weights_sha256"] != weights:
            return Trust("none", OTHER_WEIGHTS)
        return _read(record["numbers"])
    except (DataError, KeyError, TypeError, ValueError):
        return Trust("none", DAMAGED)


def _read(numbers: dict[str, Any]) -> Trust:
    if numbers["verdict"] not in VERDICTS:
        raise ValueError(f"an audit gives no verdict {numbers['verdict']!r}")
    findings = [found for found in numbers["findings"] if found["severity"]]
    findings.sort(key=lambda found: str(found["severity"]) != "red")
    return Trust(
        numbers["verdict"],
        str(numbers["meaning"]),
        tuple(str(found["sentence"]) for found in findings),
        n=int(numbers["n"]),
        eps=float(numbers["eps"]),
    )
