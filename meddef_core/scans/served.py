"""What a worker does with the bytes of a file: the reader asked for, and its result as a header and plain bytes.

Every field of a result travels by its name, so that a field added to `Scan` needs no change here.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import cv2
import numpy as np

from meddef_core.errors import ScanError
from meddef_core.io.messages import Bytes
from meddef_core.scans.decode import read_picture, read_scan
from meddef_core.scans.heidelberg import fundus_of
from meddef_core.scans.scan import Pixels, Scan
from meddef_core.scans.volume_frames import read_frames
from meddef_core.scans.volume_outline import outline
from meddef_core.scans.windows import window_range
from meddef_core.text import packed

_NO_MEMORY = -4
"""OpenCV's code for it (cv::Error::StsNoMem)."""


def handle(header: dict[str, Any], body: memoryview) -> tuple[dict[str, Any], Bytes]:
    """Call the reader that `header` names with its options, on the file in `body`."""
    try:
        return _CALLS[header["call"]](bytes(body), **header["options"])
    except cv2.error as error:
        if error.code == _NO_MEMORY:
            raise MemoryError from error
        raise


def _scan(data: bytes, **options: Any) -> tuple[dict[str, Any], Bytes]:
    scan = read_scan(data, **options)
    return {"shape": scan.pixels.shape, "fields": _plain(scan)}, _raw(scan.pixels)


def _window_range(data: bytes, **options: Any) -> tuple[dict[str, Any], Bytes]:
    found = window_range(data, **options)
    return {"fields": None if found is None else _plain(found)}, b""


def _picture(data: bytes, *, size: int, channels: int) -> tuple[dict[str, Any], Bytes]:
    picture = read_picture(data, channels=channels)
    interpolation = cv2.INTER_AREA if max(picture.shape[1:]) > size else cv2.INTER_LINEAR
    pixels = np.stack([cv2.resize(plane, (size, size), interpolation=interpolation) for plane in picture])
    return {"shape": pixels.shape}, _raw(pixels)


def _outline(data: bytes) -> tuple[dict[str, Any], Bytes]:
    return {"fields": _plain(outline(data))}, b""


def _fundus(data: bytes) -> tuple[dict[str, Any], Bytes]:
    scan = fundus_of(data)
    if scan is None:
        return {}, b""
    return {"shape": scan.pixels.shape, "fields": _plain(scan)}, _raw(scan.pixels)


def _frames(data: bytes, *, frames: list[int | None]) -> tuple[dict[str, Any], Bytes]:
    """Each frame's header in a list, or its refusal; the pixels one behind the other."""
    found = read_frames(data, frames)
    told = [
        {"shape": each.pixels.shape, "fields": _plain(each)} if isinstance(each, Scan) else _refusal(each)
        for each in found
    ]
    pixels = [_raw(each.pixels) for each in found if isinstance(each, Scan)]
    return {"frames": told}, pixels[0] if len(pixels) == 1 else b"".join(pixels)


def _refusal(error: ScanError) -> dict[str, Any]:
    return {"refused": type(error).__name__, "message": packed(str(error)), "facts": vars(error)}


def _raw(pixels: Pixels) -> Bytes:
    return np.ascontiguousarray(pixels, dtype=np.float32).reshape(-1).view(np.uint8).data


def _plain(result: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON takes them, but for the pixels of a scan."""
    names = [field.name for field in fields(result)]
    return {name: _plain_value(getattr(result, name)) for name in names if not (name == "pixels" and _is_scan(result))}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain_value(each) for each in value]
    if isinstance(value, str):
        return packed(value)
    return value.item() if isinstance(value, np.generic) else value


def _is_scan(result: Any) -> bool:
    return isinstance(result, Scan)


_CALLS: dict[str, Callable[..., tuple[dict[str, Any], Bytes]]] = {
    "read_scan": _scan,
    "window_range": _window_range,
    "picture": _picture,
    "outline": _outline,
    "fundus": _fundus,
    "frames": _frames,
}
