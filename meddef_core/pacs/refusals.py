"""The sentence for each way in which a request to the PACS can end badly."""

import requests

from meddef_core.pacs.errors import AbsentError, AwayError, PacsError
from meddef_core.text import Text


def refusal_of(error: Exception, *, address: str) -> PacsError:
    """The sentence for what a request ended with; it holds neither what was asked for nor who asked."""
    if isinstance(error, requests.exceptions.SSLError):
        return PacsError(
            Text(
                "pacs.certificate-pacs",
                "The certificate of the PACS at {address} is not trusted; set MEDDEF_PACS_CA_FILE to the "
                "certificate of the authority that signed it.",
                address=address,
            )
        )
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _of_status(error.response.status_code, address)
    if isinstance(error, requests.JSONDecodeError):
        return not_dicomweb(address)
    return AwayError(
        Text(
            "pacs.pacs-address",
            "The PACS at {address} cannot be reached; check that it is running and try again.",
            address=address,
        )
    )


def not_dicomweb(address: str) -> PacsError:
    """The sentence for an answer that is no DICOM JSON."""
    return PacsError(
        Text(
            "pacs.address-does",
            "{address} does not answer as a DICOMweb service; correct MEDDEF_PACS_URL.",
            address=address,
        )
    )


def _of_status(status: int, address: str) -> PacsError:
    if status in (401, 403):
        return PacsError(
            Text(
                "pacs.pacs-address-refuses",
                "The PACS at {address} refuses this user; check MEDDEF_PACS_USER and MEDDEF_PACS_PASSWORD, or "
                "MEDDEF_PACS_TOKEN.",
                address=address,
            )
        )
    if status in (404, 410):
        return AbsentError(
            Text(
                "pacs.pacs-address-does",
                "The PACS at {address} does not hold that; find it again, or check MEDDEF_PACS_URL.",
                address=address,
            )
        )
    if status in (408, 425, 429) or status >= 500:
        return AwayError(
            Text(
                "pacs.pacs-address-not",
                "The PACS at {address} is not able to answer (status {status}); try again later.",
                address=address,
                status=status,
            )
        )
    return PacsError(
        Text(
            "pacs.pacs-address-refuses-request",
            "The PACS at {address} refuses the request (status {status}).",
            address=address,
            status=status,
        )
    )
