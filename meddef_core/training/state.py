"""A run's files: each is written beside and renamed, so that no interruption and no full disk halves it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from meddef_core.errors import RecipeError
from meddef_core.io.files import replacing
from meddef_core.pruning.pruner import Pruner
from meddef_core.text import Text


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    best_step: int = -1
    best_score: float = -1.0
    """Balanced accuracy on validation patients, under attack where the recipe trains against one."""
    alarms: int = 0
    """How often the run went back because of catastrophic overfitting."""
    best_pgd: float | None = None
    """Best accuracy under PGD of the alarm's good probes; while epsilon grows, of the last; None before the first."""
    caution: float = 1.0
    """The safety adjustment of the paper's recipe: what its epsilon and weight are multiplied by."""
    init_sha256: str | None = None
    """Hash of the weights file that the run began with; None for a run from scratch."""


class RunFolder:
    """The files of one run in its folder. Only the process that `writes` does; the others' calls do nothing."""

    def __init__(self, path: Path, *, recipe: dict[str, Any], writes: bool = True) -> None:
        self.path = path
        self.state, self.good, self.best = (path / f"{name}.safetensors" for name in ("state", "good", "best"))
        self._recipe = recipe
        self._writes = writes

    def open(self) -> None:
        """Write down the recipe, and clear away what a killed run left half done."""
        if not self._writes:
            return
        with _writing(self.path):
            for leftover in (*self.path.glob(".*.tmp"), *self.path.glob(".tmp*")):
                leftover.unlink()
            with replacing(self.path / "recipe.json") as beside:
                beside.write_text(json.dumps(self._recipe, indent=2) + "\n", encoding="utf-8")
            log = self.path / "log.jsonl"
            if log.exists() and not (content := log.read_bytes()).endswith(b"\n"):
                with log.open("r+b") as file:
                    file.truncate(content.rfind(b"\n") + 1)

    def log(self, values: dict[str, Any]) -> None:
        """Add a line to `log.jsonl`."""
        if self._writes:
            with _writing(self.path), (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")

    def save(self, path: Path, *, progress: Progress, **pieces: Any) -> None:
        """`save_state` to one of this folder's paths."""
        if self._writes:
            save_state(path, progress=progress, recipe=self._recipe, **pieces)

    def load(self, path: Path, **pieces: Any) -> Progress:
        """`load_state` from one of this folder's paths, in every process."""
        return load_state(path, recipe=self._recipe, **pieces)

    def choose(self, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
        """Write the best weights so far."""
        if self._writes:
            write_tensors(self.best, tensors, metadata)


def save_state(
    path: Path,
    *,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    recipe: dict[str, Any],
    pruner: Pruner | None = None,
) -> None:
    """Write everything a run needs to go on as if it had never stopped."""
    tensors = {} if pruner is None else {f"masks/{key}": value for key, value in pruner.state_dict().items()}
    for prefix, module in (("network", network), ("average", average)):
        tensors |= {f"{prefix}/{key}": value for key, value in module.state_dict().items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": value for key, value in values.items()}
    write_tensors(path, tensors, {"progress": json.dumps(asdict(progress)), "recipe": _canonical(recipe)})


def load_state(
    path: Path,
    *,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    recipe: dict[str, Any],
    pruner: Pruner | None = None,
) -> Progress:
    """Restore what `save_state` wrote; raises RecipeError if it belongs to another recipe or is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise RecipeError(
            Text("training.state-damaged", "The run state {path} is damaged; remove it to start again.", path=path)
        ) from error
    if metadata["recipe"] != _canonical(recipe):
        raise RecipeError(
            Text(
                "training.state-other-recipe",
                "The folder {folder} holds a run of another recipe; choose another run folder.",
                folder=path.parent,
            )
        )
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}, "masks": {}}
    for key, value in tensors.items():
        prefix, _, rest = key.partition("/")
        parts[prefix][rest] = value
    network.load_state_dict(parts["network"])
    average.load_state_dict(parts["average"])
    if pruner is not None:
        pruner.load_state_dict(parts["masks"])
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in parts["optimizer"].items():
        index, _, name = key.partition("/")
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**json.loads(metadata["progress"]))


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file whole or not at all; RecipeError if the disk does not take it."""
    with replacing(path) as beside, _writing(path):
        save_file({key: value.detach().contiguous().cpu() for key, value in tensors.items()}, beside, metadata=metadata)


def make_folder(path: Path) -> None:
    """Make a run's folder; RecipeError where there can be none."""
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while writing into one sentence; safetensors has errors of its own for it."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise RecipeError(
            Text(
                "training.not-written",
                "{path} cannot be written ({reason}); make room or choose another run folder, then start "
                "again: what was saved before is whole.",
                path=path,
                reason=reason,
            )
        ) from error


def _canonical(recipe: dict[str, Any]) -> str:
    return json.dumps(recipe, sort_keys=True)
