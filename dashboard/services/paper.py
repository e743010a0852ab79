"""The tables of the paper: which models, attacks and budgets they have, and where the reported numbers cannot be."""

from meddef_core.errors import MedDefError
from meddef_core.studies.paper import OTHER_ROWS, PAPER_ATTACKS, PAPER_EPSILONS, PAPER_MODELS, differences

__all__ = ["OTHER_ROWS", "PAPER_ATTACKS", "PAPER_EPSILONS", "PAPER_MODELS", "contradictions"]


def contradictions(task: str) -> list[str]:
    """Sentences of the core: what a reported row says that no working attack can bring about."""
    try:
        return differences(task)
    except MedDefError:  # a damaged record, which `records.of_task` names
        return []
