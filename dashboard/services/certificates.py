"""Certificates of the scan on the screen, by the smoothed network of a model that was trained for it."""

from dashboard.services.attacks import OnProgress
from dashboard.services.models import cards, loaded, models
from dashboard.services.results.common import ModelChoice
from meddef_core.certification.certify import ALPHA, DRAWS, certify
from meddef_core.records import CertificateNumbers
from meddef_core.report.certificate import certificate_numbers
from meddef_core.scans import Scan

ERROR = ALPHA
"""Probability that a certificate that is given is wrong."""


def certified_model(task: str) -> ModelChoice | None:
    """The task's model that was trained for certificates; None where this server has none."""
    with_noise = {card.key for card in cards() if card.config.get("noise", 0) > 0}
    return next((choice for choice in models(task) if choice.id in with_noise), None)


def certificate(model: ModelChoice, scan: Scan, on_progress: OnProgress) -> CertificateNumbers:
    """The certificate of a scan with the usual draws, always the same for the same scan. Call inside `turn`.

    `on_progress` runs after each batch of draws; what it raises ends the work.
    """
    subject = loaded(model.id)

    def on_draws(done: int, total: int) -> None:
        on_progress(model.title, done, total)

    return certificate_numbers(certify(subject, scan, DRAWS, ALPHA, on_draws=on_draws), classes=subject.task.classes)
