"""Where a run starts: weights of an earlier run or of the zoo, or a teacher to learn from."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from meddef_core.errors import RecipeError
from meddef_core.model import MedDef
from meddef_core.model.folded import folded
from meddef_core.text import Text
from meddef_core.zoo import load_model, loadable_models


class Start(NamedTuple):
    """What a run began with."""

    sentence: str
    sha256: str
    """Of the weights file: a name of the zoo may hold other weights one day."""


def load_init(network: MedDef, source: Path) -> Start:
    """Load the weights a recipe names into `network`.

    `source` is a run's folder, a safetensors file or a key of the zoo. Weights of a network with another number of
    classes give everything but the last layer; any other difference raises RecipeError.
    """
    state, digest = _read(source)
    name, last = _last_layer(network)
    theirs = state.get(f"{name}.weight")
    replaced = theirs is not None and theirs.shape != last.weight.shape and theirs.shape[1:] == last.weight.shape[1:]
    if replaced:
        state |= {f"{name}.{key}": value for key, value in last.state_dict().items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise RecipeError(
            Text(
                "training.start-other-network",
                "The starting weights {source} do not fit this recipe's network: {reason}",
                source=source,
                reason=reason,
            )
        ) from error
    if replaced:
        return Start(
            f"Started from {source}, all but the last layer, which has another number of classes there.", digest
        )
    return Start(f"Started from {source}, every layer.", digest)


def _read(source: Path) -> tuple[dict[str, Tensor], str]:
    """Weights, and the hash of the file that holds them."""
    path = source / "best.safetensors" if source.is_dir() else source
    if not path.is_file():
        keys = [card.key for card in loadable_models()]
        if source.as_posix() in keys:
            loaded = load_model(source.as_posix(), at_site=False)
            return dict(loaded.network.state_dict()), loaded.card.weights.sha256
        raise RecipeError(
            Text(
                "training.no-starting-weights",
                "There are no starting weights {source}; init takes a run's folder, its best.safetensors or one of "
                "{known}.",
                source=source,
                known=", ".join(keys) or Text("training.no-models", "the models, of which there are none"),
            )
        )
    try:
        data = path.read_bytes()
        return load(data), hashlib.sha256(data).hexdigest()
    except (OSError, SafetensorError) as error:
        raise RecipeError(
            Text(
                "training.start-unreadable",
                "The starting weights {path} cannot be read ({reason}); choose others.",
                path=path,
                reason=error,
            )
        ) from error


def _last_layer(network: MedDef) -> tuple[str, nn.Linear]:
    """Name of the layer whose outputs are the logits, and the layer."""
    return [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]


def load_teacher(key: str | None, *, task: str) -> nn.Module:
    """The model to distil, frozen and in eval mode; raises ModelError, or RecipeError for one of another task."""
    loaded = load_model(key or "", at_site=False)
    if loaded.task.key != task:
        raise RecipeError(
            Text(
                "training.teacher-other-task",
                "The teacher {teacher} reads {teacher_task} scans and this recipe {task}; choose another.",
                teacher=key,
                teacher_task=loaded.task.key,
                task=task,
            )
        )
    return folded(loaded.network)
