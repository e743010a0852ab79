"""What the paired tests of an ablation say."""

from collections.abc import Callable, Mapping

from meddef_core.evaluation.metrics import mcnemar
from meddef_core.records import AblationNumbers, Pair
from meddef_core.studies.ablation import CHANCE, verdict


def p_of(pair: Pair) -> float:
    """Two-sided exact p of McNemar's test on the pair."""
    return mcnemar(pair.only_first, pair.only_second)


def significant(p: float) -> bool:
    """Whether a difference with this p is called one."""
    return p < CHANCE


def verdict_of(numbers: AblationNumbers, *, titles: Mapping[str, str], say: Callable[..., str]) -> str:
    """What the record shows, in sentences that `say` fills; nothing where nothing is compared."""
    return verdict([pair.model_dump() | {"p": p_of(pair)} for pair in numbers.pairs], titles, say=say)
