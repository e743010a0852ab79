"""Weights become a file, and get a card that describes exactly that file."""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from meddef_core.errors import ModelError
from meddef_core.io.files import replacing, write_pair
from meddef_core.model import MedDef, MedDefConfig, parameter_count
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.tasks import Task
from meddef_core.text import Text
from meddef_core.zoo.card import Card, Weights
from meddef_core.zoo.packed import Values, is_pruned, pack, unpack

MAX_BYTES = 12_000_000
"""A weights file above this does not belong into the repository."""


def save_model(
    folder: Path,
    state: dict[str, Tensor],
    *,
    task: Task,
    name: str,
    title: str,
    summary: str,
    config: MedDefConfig,
    training: dict[str, Any],
    data: dict[str, Any],
    metrics: dict[str, Any],
    preprocessing: Preprocessing | None = None,
    packed: bool | None = None,
    values: Values = "float16",
) -> Card:
    """Write weights (see `encode`) and card to `folder`; weights first, so that no card stands without its file.

    Raises ModelError if the file would be too large to ship.
    """
    blob, dtype = encode(state, packed=packed, values=values)
    if len(blob) > MAX_BYTES:
        raise ModelError(
            Text(
                "zoo.weights-too-large",
                "{mb:.1f} MB of weights are too many to ship; prune or narrow the network.",
                mb=len(blob) / 1e6,
            )
        )
    card = describe(
        blob,
        task=task,
        name=name,
        title=title,
        summary=summary,
        config=config,
        training=training,
        data=data,
        metrics=metrics,
        preprocessing=preprocessing,
        dtype=dtype,
    )
    write_pair(folder / card.weights.file, blob, card=folder / "card.json", text=_text(card))
    return card


def rewrite_card(folder: Path, card: Card) -> None:
    """Write a card anew, whole or not at all; its weights stay as they are."""
    with replacing(folder / "card.json") as beside:
        beside.write_text(_text(card), encoding="utf-8")


def _text(card: Card) -> str:
    return json.dumps(card.model_dump(mode="json"), indent=2) + "\n"


def describe(
    blob: bytes,
    *,
    task: Task,
    name: str,
    title: str,
    summary: str,
    config: MedDefConfig,
    training: dict[str, Any],
    data: dict[str, Any],
    metrics: dict[str, Any],
    preprocessing: Preprocessing | None = None,
    dtype: str = "float16",
) -> Card:
    """The card of a weights file with that content; the task's own preprocessing where none is given."""
    weights = Weights(file="weights.safetensors", sha256=hashlib.sha256(blob).hexdigest(), dtype=dtype, bytes=len(blob))
    return Card(
        task=task.key,
        name=name,
        title=title,
        summary=summary,
        config=config.to_dict(),
        preprocessing=(preprocessing or task.preprocessing).to_dict(),
        parameters=parameter_count(MedDef(config)),
        weights=weights,
        training=training,
        data=data,
        metrics=metrics,
    )


def encode(state: dict[str, Tensor], *, packed: bool | None = None, values: Values = "float16") -> tuple[bytes, str]:
    """A weights file's content and the dtype its card names: `float16`, `packed-float16` or `packed-int8`.

    Packed if asked for, and if not said, where the network was pruned: others stay readable by any safetensors reader.
    What comes back is `compact` exactly, but for `values="int8"` (see `meddef_core.zoo.packed`).
    """
    small = compact(state)
    if values == "float16" and not (is_pruned(small) if packed is None else packed):
        return save(small), "float16"
    return save(pack(small, values=values)), f"packed-{values}"


def restored(config: MedDefConfig, state: dict[str, Tensor], *, values: Values = "float16") -> MedDef:
    """The network as it comes back from the file that `encode` writes: rounded, fp32, frozen, in eval mode."""
    stored = compact(state)
    network = MedDef(config)
    if values != "float16":
        stored = unpack(pack(stored, values=values))
    network.load_state_dict({key: value.float() for key, value in stored.items()})
    return network.eval().requires_grad_(False)


def compact(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as shipped: fp16, but batch-norm statistics fp32, because a variance can lie outside fp16's range."""
    return {
        key: (value.half() if value.is_floating_point() and "running_" not in key else value).contiguous()
        for key, value in state.items()
    }
