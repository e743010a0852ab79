"""What the shipped audits say of the models on this server."""

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


def trust(model: ModelChoice) -> Trust:
    """The verdict of the model's own audit; "none", with the reason, where there is none of these very weights."""
    if model.wrapped:
        return Trust("none", WRAPPED)
    card = next((card for card in cards() if card.key == model.id), None)
    try:
        record = read_record(results_root() / "audit" / f"{model.id}.json")
    except DataError:
        return Trust("none", UNAUDITED)
    if card is None or record.get("model", {}).get("weights_sha256") != card.weights.sha256:
        return Trust("none", OTHER_WEIGHTS)
    return _read(record.get("numbers", {}))


def _read(numbers: dict[str, Any]) -> Trust:
    if numbers.get("verdict") not in VERDICTS:
        return Trust("none", UNAUDITED)
    findings = [found for found in numbers.get("findings", ()) if found.get("severity")]
    findings.sort(key=lambda found: str(found["severity"]) != "red")
    return Trust(
        numbers["verdict"],
        str(numbers.get("meaning", "")),
        tuple(str(found.get("sentence", "")) for found in findings),
        n=int(numbers.get("n", 0)),
        eps=float(numbers.get("eps", 0.0)),
    )
