"""A certificate as the numbers of its record."""

from collections.abc import Sequence

from meddef_core.certification.certify import SELECTION, Certificate
from meddef_core.records import CertificateNumbers


def certificate_numbers(found: Certificate, *, classes: Sequence[str]) -> CertificateNumbers:
    """What a record holds of a certificate; `classes` are the task's, in the order of the votes."""
    reach = found.radii
    return CertificateNumbers.model_validate(
        {
            "label": classes[found.index],
            "certified": found.certified,
            "linf": reach.linf,
            "l2": reach.l2,
            "bound": found.bound,
            "votes": dict(zip(classes, found.votes, strict=True)),
            "selection_votes": dict(zip(classes, found.selection_votes, strict=True)),
            "smoothing": {
                "draws": found.draws,
                "selection": SELECTION,
                "alpha": found.alpha,
                "seed": found.seed,
                "sigma": found.sigma,
                "grid": found.grid,
            },
        }
    )
