"""Packed weights: a pruned tensor as the places of its non-zero elements and their values, inside safetensors.

A weight `name` becomes one byte tensor `name.packed`. After a header (version, kind of values, Rice parameter k, shape,
number of elements kept, lengths of the parts) it holds:

1. The mask. The gap of zeros before each kept element is Rice-coded (Rice and Plaunt 1971, Adaptive variable-length
   coding for efficient compression of spacecraft television data): its quotient by `2**k` in unary, then all the
   remainders of k bits. k is the tensor's best; k = 0 is the plain bitmask. At 90 % zeros in no order this takes 0.476
   bits an element, where entropy asks for 0.469.
2. The values, exact: the kept fp16 elements, low bytes as they are (near random), high bytes (sign, exponent, two bits
   of the fraction) Huffman-coded by deflate. Or, where a caller chooses to lose something for it, 8-bit codes with one
   fp32 scale an output channel; `int8_loss` says what that loses.

Minus zero is stored as zero; everything else comes back bit by bit, also infinities and NaN.
"""

import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.errors import ModelError
from meddef_core.text import Text

Values = Literal["float16", "int8"]
KINDS: tuple[Values, ...] = ("float16", "int8")

SUFFIX = ".packed"
VERSION = 1
HEADER = struct.Struct("<BBBB")
LENGTHS = struct.Struct("<III")
"""Elements kept, bytes of the unary code, bytes of the Huffman code."""

MOST_ELEMENTS = 2**27
"""A header that asks for a larger tensor is damaged, not a model of ours."""

MOST_DIMENSIONS = 8
LARGEST_K = 24


PRUNED_SHARE = 0.05
"""From this share of zeros on, a state counts as pruned."""


@dataclass(frozen=True)
class Int8Loss:
    """What 8-bit codes change in a state, over the weights they stand for."""

    weights: int
    """Non-zero elements before."""
    became_zero: int
    """How many of them are zero after."""
    largest_error: float
    relative_error: float
    """Euclidean norm of the change over that of the weights."""


def is_pruned(state: Mapping[str, Tensor]) -> bool:
    """Whether a twentieth or more of the weights that `pack` can pack are zero."""
    weights = [value for value in state.values() if _packable(value)]
    zeros = sum(weight.numel() - int(weight.count_nonzero()) for weight in weights)
    return zeros > 0 and zeros >= PRUNED_SHARE * sum(weight.numel() for weight in weights)


def pack(state: Mapping[str, Tensor], *, values: Values = "float16") -> dict[str, Tensor]:
    """The state with every fp16 tensor of two or more dimensions packed, where that is smaller; the rest as it is."""
    packed: dict[str, Tensor] = {}
    for name, value in state.items():
        blob = pack_tensor(value, values=values) if _packable(value) else None
        if blob is None or len(blob) >= value.numel() * value.element_size():
            packed[name] = value
        else:
            packed[name + SUFFIX] = torch.frombuffer(bytearray(blob), dtype=torch.uint8)
    return packed


def unpack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `pack` was given, in its order; raises ModelError naming the first weight that is damaged."""
    state: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if not name.endswith(SUFFIX):
            state[name] = value
            continue
        try:
            state[name.removesuffix(SUFFIX)] = unpack_tensor(value.numpy().tobytes())
        except ModelError as error:
            raise ModelError(
                Text(
                    "zoo.packed-weight",
                    "The packed weight {name} is damaged: {error}",
                    name=name.removesuffix(SUFFIX),
                    error=error,
                )
            ) from error
    return state


def pack_tensor(weight: Tensor, *, values: Values = "float16") -> bytes:
    """A float tensor of at most eight dimensions as bytes; as int8, its first dimension is the output channel."""
    array = np.ascontiguousarray(weight.detach().cpu().numpy())
    scales, codes = _quantise(array) if values == "int8" else (b"", array.astype(np.float16))
    flat = codes.reshape(-1)
    kept = np.flatnonzero(flat)
    k, unary, remainders = _encode_places(kept)
    planes = np.ascontiguousarray(flat[kept]).view(np.uint8).reshape(len(kept), codes.itemsize)
    coded = _deflate(planes[:, -1].tobytes())
    return b"".join(
        (
            HEADER.pack(VERSION, KINDS.index(values), k, array.ndim),
            struct.pack(f"<{array.ndim}I", *array.shape),
            LENGTHS.pack(len(kept), len(unary), len(coded)),
            unary,
            remainders,
            scales,
            coded,
            planes[:, :-1].tobytes(),
        )
    )


def unpack_tensor(blob: bytes) -> Tensor:
    """The tensor `pack_tensor` was given: fp16, or fp32 from int8 codes; raises ModelError on a damaged blob."""
    reader = _Reader(blob)
    version, kind, k, dimensions = HEADER.unpack(reader.take(HEADER.size))
    if version != VERSION or kind >= len(KINDS) or k > LARGEST_K or dimensions > MOST_DIMENSIONS:
        raise ModelError(
            Text("zoo.packed-version", "its header is of no known version; update MedDef or restore the file.")
        )
    shape = struct.unpack(f"<{dimensions}I", reader.take(4 * dimensions))
    size = math.prod(shape)
    count, unary, coded = LENGTHS.unpack(reader.take(LENGTHS.size))
    if size > MOST_ELEMENTS or count > size:
        raise ModelError(Text("zoo.packed-size", "its header asks for an impossible size; restore the file."))
    places = _decode_places(reader.take(unary), reader.take((count * k + 7) // 8), k=k, count=count, size=size)
    quantised = KINDS[kind] == "int8"
    scales = np.frombuffer(reader.take(4 * shape[0] if quantised and shape else 0), np.float32)
    width = 1 if quantised else 2
    planes = np.empty((count, width), np.uint8)
    planes[:, -1] = np.frombuffer(_inflate(reader.take(coded), count), np.uint8)
    planes[:, :-1] = np.frombuffer(reader.take(count * (width - 1)), np.uint8).reshape(count, width - 1)
    reader.finish()
    flat = np.zeros(size, np.int8 if quantised else np.float16)
    flat[places] = planes.reshape(-1).view(flat.dtype)
    array = flat.reshape(shape)
    if quantised:
        array = array.astype(np.float32) * scales.reshape(-1, *(1,) * (len(shape) - 1))
    return torch.from_numpy(array)


def int8_loss(state: Mapping[str, Tensor]) -> Int8Loss:
    """What `pack(state, values="int8")` loses, measured by unpacking it."""
    after = unpack(pack(state, values="int8"))
    names = [name for name, value in state.items() if _packable(value)]
    before_all = torch.cat([state[name].flatten().double() for name in names])
    after_all = torch.cat([after[name].flatten().double() for name in names])
    change = before_all - after_all
    return Int8Loss(
        weights=int(before_all.count_nonzero()),
        became_zero=int(((before_all != 0) & (after_all == 0)).sum()),
        largest_error=float(change.abs().max()),
        relative_error=float(change.norm() / before_all.norm()),
    )


def _packable(value: Tensor) -> bool:
    return value.dtype == torch.float16 and value.ndim > 1


def _quantise(array: NDArray[np.floating]) -> tuple[bytes, NDArray[np.int8]]:
    """fp32 scales, one an output channel, and codes between -127 and 127."""
    if not array.ndim or not np.isfinite(array).all():
        raise ModelError(
            Text(
                "zoo.int8-finite-only",
                "Only finite weights with an output dimension have 8-bit codes; store float16 instead.",
            )
        )
    rows = array.reshape(array.shape[0], -1).astype(np.float32)
    scales = np.abs(rows).max(axis=1, initial=0) / np.float32(127)
    codes = np.round(rows / np.where(scales > 0, scales, 1)[:, None])
    return scales.astype(np.float32).tobytes(), codes.astype(np.int8).reshape(array.shape)


def _encode_places(places: NDArray[np.int64]) -> tuple[int, bytes, bytes]:
    """Rice code of sorted places: k, quotients in unary (zeros, then a one), remainders of k bits."""
    gaps = np.diff(places, prepend=-1) - 1
    lengths = [len(gaps) * (1 + k) + int((gaps >> k).sum()) for k in range(LARGEST_K + 1)]
    k = int(np.argmin(lengths))
    ends = np.cumsum((gaps >> k) + 1)
    bits = np.zeros(int(ends[-1]) if len(ends) else 0, np.uint8)
    bits[ends - 1] = 1
    remainders = (gaps[:, None] >> np.arange(k)) & 1
    return k, np.packbits(bits).tobytes(), np.packbits(remainders.astype(np.uint8)).tobytes()


def _decode_places(unary: bytes, remainders: bytes, *, k: int, count: int, size: int) -> NDArray[np.int64]:
    ends = np.flatnonzero(np.unpackbits(np.frombuffer(unary, np.uint8)))
    if len(ends) != count:
        raise ModelError(
            Text("zoo.mask-other-count", "its mask names another number of weights than its header; restore the file.")
        )
    quotients = np.diff(ends, prepend=-1) - 1
    bits = np.unpackbits(np.frombuffer(remainders, np.uint8), count=count * k).reshape(count, k)
    gaps = (quotients << k) + bits @ (1 << np.arange(k))
    places = np.cumsum(gaps + 1) - 1
    if count and places[-1] >= size:
        raise ModelError(Text("zoo.mask-past-end", "its mask reaches past its last weight; restore the file."))
    return places


def _deflate(data: bytes) -> bytes:
    # Single weights do not repeat as strings do: Huffman alone is both smaller and faster here.
    coder = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY)
    return coder.compress(data) + coder.flush()


def _inflate(data: bytes, size: int) -> bytes:
    """Exactly `size` bytes; never more are made, whatever the data asks for."""
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than there should be: with that room, a whole stream always reaches its end mark.
        out = decoder.decompress(data, size + 1)
    except zlib.error as error:
        raise ModelError(Text("zoo.values-not-decoded", "its values cannot be decoded; restore the file.")) from error
    if len(out) != size or not decoder.eof or decoder.unused_data:
        raise ModelError(
            Text("zoo.values-other-count", "its values are of another number than its mask; restore the file.")
        )
    return out


class _Reader:
    """Takes a blob apart from front to back."""

    def __init__(self, blob: bytes) -> None:
        self.blob, self.at = blob, 0

    def take(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self.blob):
            raise ModelError(Text("zoo.ends-early", "it ends too early; restore the file."))
        return self.blob[self.at - count : self.at]

    def finish(self) -> None:
        if self.at != len(self.blob):
            raise ModelError(Text("zoo.goes-on", "it goes on after its end; restore the file."))
