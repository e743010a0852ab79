"""Files of the devices themselves: known by how they begin, so that whoever has one is told how to export it."""

from typing import NamedTuple

from meddef_core.errors import ScanError
from meddef_core.text import Text


class Vendor(NamedTuple):
    """A format of a device: where its mark stands, and what its owner is told."""

    offset: int
    mark: bytes
    name: str
    remedy: str


_HEIDELBERG = Text(
    "scan.heidelberg-eye",
    "in Heidelberg Eye Explorer (HEYEX), export the volume as DICOM, or its B-scans as numbered PNG or TIFF",
)
_TOPCON = Text(
    "scan.topcons-software",
    "in Topcon's software (IMAGEnet), export the volume as DICOM, or its B-scans as numbered PNG or TIFF",
)

VENDORS = (
    Vendor(0, b"CMDb", Text("scan.heidelberg-e2e", "a Heidelberg E2E file"), _HEIDELBERG),
    Vendor(0, b"MDbMDir", Text("scan.heidelberg-e2e", "a Heidelberg E2E file"), _HEIDELBERG),
    Vendor(0, b"FOCTFDS", Text("scan.topcon-fds", "a Topcon FDS file"), _TOPCON),
    Vendor(0, b"FOCTFDA", Text("scan.topcon-fda", "a Topcon FDA file"), _TOPCON),
)
"""Marks of E2E and SDB databases, and of Topcon's two. The raw export of HEYEX is read (`heidelberg`)."""


def check_vendor(data: bytes) -> None:
    """Raise ScanError for a device's own format, naming it and the way out."""
    for offset, mark, name, remedy in VENDORS:
        if data.startswith(mark, offset):
            raise ScanError(
                Text(
                    "scan.name-which",
                    "This is {name}, which is not read here; {remedy}, and choose that file.",
                    name=name,
                    remedy=remedy,
                )
            )
