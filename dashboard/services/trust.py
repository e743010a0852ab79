"""What the audits on this server say of its models."""

from dashboard.services.models import cards
from dashboard.services.results.common import ModelChoice
from dashboard.services.results.sweeps import Trust
from meddef_core.auditing.finding import GROUPS
from meddef_core.report import trust as audits
from meddef_core.text import Text

__all__ = ["DAMAGED", "GROUPS", "OTHER_WEIGHTS", "UNAUDITED", "WRAPPED", "trust"]

UNAUDITED = Text("lab.no-audit", "No audit of this model is here, so nothing vouches for a robustness number of it.")
OTHER_WEIGHTS = Text(
    "lab.audit-here", "The audit here is of other weights than this server's, so it says nothing about them."
)
WRAPPED = Text(
    "lab.defence-from", "A defence from the literature around another model: no audit of the two together is here."
)
DAMAGED = Text("lab.record-models", "The record of this model's audit is damaged; audit it again.")

ABSENT = {audits.UNAUDITED: UNAUDITED, audits.OTHER_WEIGHTS: OTHER_WEIGHTS, audits.DAMAGED: DAMAGED}


def trust(model: ModelChoice) -> Trust:
    """The verdict of the model's own audit; "none", with the reason, where there is none of these very weights."""
    if model.wrapped:
        return Trust("none", WRAPPED)
    weights = next((card.weights.sha256 for card in cards() if card.key == model.id), None)
    found = audits.verdict_of(model.id, weights_sha256=weights)
    if isinstance(found, str):
        return Trust("none", ABSENT[found])
    return Trust(found.word, found.meaning, found.reasons, n=found.n, eps=found.eps, robust=found.robust)
