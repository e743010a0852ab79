"""What an audit found out about a model, as the sentence that stands beside its robustness numbers."""

from pathlib import Path

from meddef_core.attacks import format_eps
from meddef_core.errors import DataError
from meddef_core.evaluation.documents import read_record, results_root

NOT_AUDITED = "Not audited: nothing is known here about how far robustness numbers of this model can be trusted."


def trust_line(key: str, *, weights_sha256: str, root: Path | None = None) -> str:
    """Verdict and numbers of the shipped audit of `<task>/<name>`; says so where these weights were not audited."""
    path = (root or results_root()) / "audit" / f"{key}.json"
    if not path.is_file():
        return NOT_AUDITED
    try:
        document = read_record(path)
        if document["model"]["weights_sha256"] != weights_sha256:
            return "Not audited: the audit at hand is of other weights of this model."
        found = document["numbers"]
        low, high = found["robust_interval"]
        return (
            f"Audit: {found['verdict'].upper()}. {found['meaning']} At {format_eps(found['eps'])}, "
            f"{found['robust']} of {found['n']} test scans hold (95 % interval {low:.0%} to {high:.0%})."
        )
    except (DataError, KeyError, TypeError, ValueError, AttributeError):
        return "Not audited: the record of this model's audit is damaged."
