"""What the audit of a model found, read from its record, and the sentence that stands beside robustness numbers."""

from dataclasses import dataclass
from pathlib import Path

from meddef_core.auditing.finding import MEANINGS
from meddef_core.eps import format_eps
from meddef_core.errors import MedDefError
from meddef_core.records import AuditNumbers, AuditRecord, Match, Shipped, match_weights, read_file
from meddef_core.records.documents import results_root
from meddef_core.words import counted, percent

UNAUDITED, OTHER_WEIGHTS, DAMAGED = "unaudited", "other weights", "damaged"

NOT_AUDITED = "Not audited: nothing is known here about how far robustness numbers of this model can be trusted."

ABSENT = {
    UNAUDITED: NOT_AUDITED,
    OTHER_WEIGHTS: "Not audited: the audit at hand is of other weights of this model.",
    DAMAGED: "Not audited: the record of this model's audit is damaged.",
}
"""Why there is no verdict, and the sentence that says so."""


@dataclass(frozen=True)
class AuditVerdict:
    """A key of `MEANINGS` for these very weights, with what it means and the findings behind it, the gravest first.

    Of `n` test scans `robust` held at `eps`; `interval` is that share's, at 95 %.
    """

    word: str
    meaning: str
    reasons: tuple[str, ...]
    n: int
    eps: float
    robust: int
    interval: tuple[float, float]


def verdict_of(key: str, *, weights_sha256: str | None, root: Path | None = None) -> AuditVerdict | str:
    """The verdict of the audit of `<task>/<name>` in the results folder; a key of `ABSENT` where these have none."""
    path = (root or results_root()) / "audit" / f"{key}.json"
    if not path.is_file():
        return UNAUDITED
    try:
        record = read_file(AuditRecord, path)
    except MedDefError:
        return DAMAGED
    here = [Shipped(key, key, weights_sha256)] if weights_sha256 is not None else []
    if match_weights(key, record.model.shipped_sha256, here) is not Match.MATCHED:
        return OTHER_WEIGHTS
    return _verdict(record.numbers)


def _verdict(numbers: AuditNumbers) -> AuditVerdict:
    return AuditVerdict(
        word=numbers.verdict,
        # Today's words, whenever the record was made.
        meaning=MEANINGS[numbers.verdict],
        reasons=tuple(found.sentence for found in numbers.flagged),
        n=numbers.n,
        eps=numbers.eps,
        robust=numbers.robust,
        interval=numbers.robust_interval,
    )


def trust_line(key: str, *, weights_sha256: str | None, root: Path | None = None) -> str:
    """Verdict and numbers of the audit of `<task>/<name>`; says so where these weights were not audited."""
    found = verdict_of(key, weights_sha256=weights_sha256, root=root)
    if isinstance(found, str):
        return ABSENT[found]
    low, high = found.interval
    return (
        f"Audit: {found.word.upper()}. {found.meaning} At {format_eps(found.eps)} robust accuracy is at most "
        f"{counted(found.robust / found.n)} ({found.robust} of {found.n} test scans, 95% interval {percent(low)} to "
        f"{percent(high)})."
    )
