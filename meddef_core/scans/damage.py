"""Library exceptions that mean "these bytes are damaged", turned into one ScanError."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.errors import BytesLengthException, InvalidDicomError

from meddef_core.errors import ScanError
from meddef_core.text import Text

# What Pillow, pydicom, zlib and openjpeg raise on damaged bytes: a bad chunk or marker (SyntaxError, struct.error),
# data that end early (OSError, EOFError, zlib.error), impossible values (ValueError, ArithmeticError), missing header
# parts (lookups, attributes, types), pydicom's own two, and a decoder that gives up (RuntimeError, with
# NotImplementedError and RecursionError under it). Running out of memory is not in the list: sizes are checked before
# anything is allocated.
DAMAGE: tuple[type[Exception], ...] = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def damaged(container: str) -> ScanError:
    """The refusal for a file that cannot be decoded; `container` names its format."""
    return ScanError(
        Text(
            "scan.container-file",
            "The {container} file is damaged or cut short; export or copy it again.",
            container=container,
        )
    )


@contextmanager
def refusing_damage(container: str) -> Iterator[None]:
    """Turn DAMAGE raised by the library calls inside into `damaged(container)`; a ScanError passes as it is."""
    try:
        yield
    except ScanError:
        raise
    except DAMAGE as error:
        raise damaged(container) from error
