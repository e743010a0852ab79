"""The report of a hospital's own scans: of the site profile that this server uses, or of a record that is uploaded."""

from dataclasses import dataclass

from pydantic import ValidationError

from meddef_core.errors import RecordError
from meddef_core.records import SiteNumbers, SiteRecord, read_as
from meddef_core.records.site import Figure, SiteRow
from meddef_core.text import Text
from meddef_core.zoo import SiteProfile, configured_profile

__all__ = ["Figure", "Report", "SiteRow", "profile", "report_in_use", "report_of"]


@dataclass(frozen=True)
class Report:
    """The numbers, and the model's key that they are of; `used` where the profile is in use on this server."""

    model: str
    weights: str
    numbers: SiteNumbers
    used: bool


def profile() -> SiteProfile | None:
    """The profile in use; None where none is set. Raises ModelError, in one sentence, where it cannot be read."""
    return configured_profile()


def report_in_use() -> Report | None:
    """The report of the profile in use; None without one. Raises RecordError where it holds no report."""
    found = configured_profile()
    if found is None:
        return None
    try:
        numbers = SiteNumbers.model_validate(found.numbers)
    except ValidationError as error:
        raise RecordError(
            Text("site.site-profile", "The site profile holds no report; make it again with `meddef site --adjust`.")
        ) from error
    return Report(found.model, found.weights_sha256, numbers, used=True)


def report_of(data: bytes) -> Report:
    """The report in the bytes of a JSON record; RecordError where they hold none."""
    record = read_as(SiteRecord, data)
    return Report(record.model.key, str(record.model.weights_sha256), record.numbers, used=False)
