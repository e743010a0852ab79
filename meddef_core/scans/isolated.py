"""Foreign files are decoded in worker processes: what `read_scan` gives, at no risk to this one.

A decoder is a large program that trusts what it is given. A file made to harm may take all memory, compute for minutes
or end the process, so whatever came from somebody else (an upload, a batch, a file named on the command line, images
to audit) is read here. A worker has limits on memory and time (`meddef_core.io`); reaching one costs one sentence. What
a worker sends back is checked like any other foreign data: size, shape, type and range before anything is made of it.

The lists of a data folder and the packaged samples are read in this process: whoever trains vouches for them.
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationError, create_model

from meddef_core.errors import ScanError
from meddef_core.io.pool import Pool
from meddef_core.io.worker import OverLimitError, Reply
from meddef_core.scans import limits
from meddef_core.scans.scan import Pixels, Scan
from meddef_core.scans.volume_outline import Outline
from meddef_core.scans.windows import WindowRange
from meddef_core.settings import settings
from meddef_core.text import Text, unpacked

Cancelled = Callable[[], bool]
"""Asked some times a second whether the answer is still wanted; True ends the work."""

_COSTS = Text(
    "scan.file-needs",
    "The file needs more memory or time to decode than any scan should; export it again as a single image, "
    "uncompressed or at a smaller size.",
)
_UNFORESEEN = Text(
    "scan.file-cannot-decoded", "The file cannot be decoded; export it again as PNG or as uncompressed DICOM."
)

_FLOAT_BYTES = 4

_REFUSALS: dict[str, type[ScanError]] = {each.__name__: each for each in (ScanError, limits.FrameError)}

_making = threading.Lock()
_pool: Pool | None = None


def read_scan_isolated(
    data: bytes,
    *,
    frame: int | None = None,
    window: tuple[float, float] | None = None,
    most_bytes: int = limits.MAX_BYTES,
    cancelled: Cancelled | None = None,
) -> Scan:
    """`read_scan` in a worker process; raises what it raises, and ScanError where the file costs too much.

    CancelledError where `cancelled` says so.
    """
    limits.check_bytes(data, most=most_bytes)
    most = _FLOAT_BYTES * limits.MAX_PIXELS
    options = {"frame": frame, "window": window, "most_bytes": most_bytes}
    reply = _asked("read_scan", data, options, most=most, cancelled=cancelled)
    return _scan(reply.header, reply.body)


def outline_isolated(data: bytes, *, most_bytes: int, cancelled: Cancelled | None = None) -> Outline:
    """`outline` in a worker process; raises as `read_scan_isolated`."""
    limits.check_bytes(data, most=most_bytes)
    reply = _asked("outline", data, {}, most=0, cancelled=cancelled)
    return Outline(**_checked(reply.header, Outline))


def fundus_isolated(data: bytes, *, cancelled: Cancelled | None = None) -> Scan | None:
    """`fundus_of` a .vol file in a worker process; raises as `read_scan_isolated`."""
    limits.check_bytes(data, most=limits.MAX_VOLUME_BYTES)
    reply = _asked("fundus", data, {}, most=_FLOAT_BYTES * limits.MAX_PIXELS, cancelled=cancelled)
    return _scan(reply.header, reply.body) if "fields" in reply.header else None


def read_frames_isolated(
    data: bytes, frames: Sequence[int | None], *, cancelled: Cancelled | None = None
) -> list[Scan | ScanError]:
    """`read_frames` in a worker process: the first of `frames`, one at least; raises as `read_scan_isolated`."""
    limits.check_bytes(data, most=limits.MAX_VOLUME_BYTES)
    most = 2 * _FLOAT_BYTES * limits.MAX_PIXELS
    reply = _asked("frames", data, {"frames": list(frames)}, most=most, cancelled=cancelled)
    told = reply.header.get("frames")
    if not isinstance(told, list) or not 0 < len(told) <= len(frames):
        raise ScanError(_UNFORESEEN)
    found: list[Scan | ScanError] = []
    start = 0
    for each in told:
        if not isinstance(each, dict):
            raise ScanError(_UNFORESEEN)
        if "refused" in each:
            found.append(_refusal(each))
            continue
        length = _FLOAT_BYTES * math.prod(_shape(each, dimensions=2))
        found.append(_scan(each, reply.body[start : start + length]))
        start += length
    return found


def window_range_isolated(
    data: bytes, *, frame: int | None = None, cancelled: Cancelled | None = None
) -> WindowRange | None:
    """`window_range` in a worker process; raises as `read_scan_isolated`."""
    limits.check_bytes(data, most=limits.MAX_VOLUME_BYTES)
    reply = _asked("window_range", data, {"frame": frame}, most=0, cancelled=cancelled)
    if reply.header.get("fields") is None:
        return None
    return WindowRange(**_checked(reply.header, WindowRange))


def read_picture_isolated(data: bytes, *, channels: int, size: int, cancelled: Cancelled | None = None) -> Pixels:
    """`read_picture` in a worker process, resized to (channels, size, size); raises as `read_scan_isolated`."""
    limits.check_bytes(data)
    options = {"channels": channels, "size": size}
    reply = _asked("picture", data, options, most=_FLOAT_BYTES * channels * size * size, cancelled=cancelled)
    pixels = _pixels(reply.header, reply.body, dimensions=3)
    if pixels.shape != (channels, size, size):
        raise ScanError(_UNFORESEEN)
    return pixels


def warm_decoders(count: int = 1) -> None:
    """Start workers in the background, so that the first files do not wait for them."""
    decoders().warm(count)


def close_decoders() -> None:
    """End every worker; the next file starts new ones."""
    if _pool is not None:
        _pool.close()


def decoders() -> Pool:
    """The workers, which start when they are first needed."""
    global _pool
    with _making:
        if _pool is None:
            _pool = Pool("meddef_core.scans.served", size=settings().decoders)
        return _pool


def _asked(call: str, data: bytes, options: dict[str, Any], *, most: int, cancelled: Cancelled | None) -> Reply:
    """What the worker answered, if that is a result; raises the refusal otherwise."""
    try:
        reply = decoders().call({"call": call, "options": options}, data, most=most, cancelled=cancelled)
    except OverLimitError as error:
        raise ScanError(_COSTS) from error
    if "refused" in reply.header:
        raise _refusal(reply.header)
    if "failed" in reply.header:
        raise ScanError(_UNFORESEEN)
    return reply


def _refusal(header: dict[str, Any]) -> ScanError:
    """The refusal of the reader in the worker, as it was raised there."""
    kind, message, facts = (header.get(key) for key in ("refused", "message", "facts"))
    if not isinstance(facts, dict):
        return ScanError(_UNFORESEEN)
    facts.pop("code", None)  # lines of Python, which put no file right
    try:
        return _REFUSALS[str(kind)](unpacked(message), **facts)
    except (KeyError, TypeError, ValueError):
        return ScanError(_UNFORESEEN)


def _scan(header: Mapping[str, Any], body: NDArray[np.uint8]) -> Scan:
    return Scan(pixels=_pixels(header, body, dimensions=2), **_checked(header, Scan, without=("pixels",)))


def _shape(header: Mapping[str, Any], *, dimensions: int) -> list[int]:
    shape = header.get("shape")
    if not isinstance(shape, list) or len(shape) != dimensions or any(type(side) is not int for side in shape):
        raise ScanError(_UNFORESEEN)
    if min(shape) < 1:
        raise ScanError(_UNFORESEEN)
    return shape


def _pixels(header: Mapping[str, Any], body: NDArray[np.uint8], *, dimensions: int) -> Pixels:
    """The picture of a reply: float32, all values in [0, 1]; raises ScanError for anything else."""
    shape = _shape(header, dimensions=dimensions)
    if _FLOAT_BYTES * math.prod(shape) != body.size:
        raise ScanError(_UNFORESEEN)
    pixels: Pixels = body.view(np.float32).reshape(shape)
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):  # so written, NaN is refused too: it is the least and the greatest of all
        raise ScanError(_UNFORESEEN)
    return pixels


def _checked(header: Mapping[str, Any], kind: type, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The other fields of a reply, each of the type that `kind` declares; raises ScanError for anything else."""
    try:
        found = _schema(kind, without).model_validate(header.get("fields"))
    except ValidationError as error:
        raise ScanError(_UNFORESEEN) from error
    return {name: getattr(found, name) for name in type(found).model_fields}


_SENTENCE = Annotated[str, PlainValidator(unpacked)]
"""A warning, a note or a name, which keeps its id."""


@cache
def _schema(kind: type, without: tuple[str, ...]) -> type[BaseModel]:
    hints = get_type_hints(kind)
    # create_model takes the fields as keywords, which its types cannot tell from its own parameters.
    declared: dict[str, Any] = {
        each.name: (_with_sentences(hints[each.name]), ...) for each in fields(kind) if each.name not in without
    }
    return create_model(kind.__name__, __config__=ConfigDict(extra="forbid"), **declared)


def _with_sentences(hint: Any) -> Any:
    """The type of a field, with sentences for the strings in its tuples."""
    if get_origin(hint) is not tuple:
        return hint
    inside = (_SENTENCE if each is str else _with_sentences(each) for each in get_args(hint))
    return tuple[tuple(inside)]  # type: ignore[misc]
