"""Adversarial training goes on from the weights that ship, on one half of a hospital's scans.

What comes out is the mean of the last weights and those that ship (Wortsman et al. 2022, Robust fine-tuning of
zero-shot models, arXiv:2109.01903, section 3), so that what the model can on its own test set is kept. Batch norms keep
their statistics: a few hundred scans of one hospital would move them far.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from meddef_core.errors import RecipeError, ScanError
from meddef_core.io.files import replacing
from meddef_core.model import MedDef
from meddef_core.records.site import Finetuning
from meddef_core.scans import read_scan_isolated
from meddef_core.scans.preprocess import SIZE
from meddef_core.site.folder import SiteSource
from meddef_core.text import Text
from meddef_core.training.augment import Augmentation
from meddef_core.training.losses import LossSettings
from meddef_core.training.objectives import n_fgsm
from meddef_core.training.scanner import WIDE, ScannerAugmentation
from meddef_core.training.schedules import one_cycle
from meddef_core.zoo import LoadedModel

EPOCHS = 10
BATCH = 16
LEARNING_RATE = 0.01
WARM_UP = 0.1
MOMENTUM = 0.9
EPS = 8 / 255
NOISE = 2.0
"""Of N-FGSM, as a multiple of epsilon (de Jorge et al. 2022)."""

SHARE = 0.1
"""Share of the further trained weights in those that are used; the others are as they ship. At a quarter, robust
accuracy on the validation set of the public OCT scans fell by seven points, at a tenth by four."""

SCANNERS = {
    "oct": ScannerAugmentation(),
    # A part of a chest film's width is no chest film.
    "chest": ScannerAugmentation(windows=0, tilt=0, curve=0, cut=0, corners=0),
}

STATE = "training.safetensors"

OnEpoch = Callable[[str, int, int], None]


def settings_told() -> Finetuning:
    """The settings as a record tells them."""
    return Finetuning(epochs=EPOCHS, learning_rate=LEARNING_RATE, eps=EPS, share=SHARE)


def wide_images(model: LoadedModel, source: SiteSource) -> tuple[Tensor, Tensor]:
    """`(n, C, 224, 448)` and labels: the scans by the model's own preprocessing, wider, for windows to be cut from.

    A scan that cannot be read is left out, as everywhere in the report.
    """
    wide = replace(model.preprocessing, width=WIDE * SIZE)
    images, labels = [], []
    for entry in source.entries:
        try:
            scan = read_scan_isolated(entry.load())
        except ScanError:
            continue
        images.append(torch.from_numpy(wide(scan.pixels, row_mm=scan.row_mm)).expand(model.channels, -1, -1))
        labels.append(model.task.index(str(entry.truth)))
    return torch.stack(images), torch.tensor(labels)


def finetuned(
    model: LoadedModel, x: Tensor, y: Tensor, *, folder: Path, seed: int, on_epoch: OnEpoch | None = None
) -> dict[str, Tensor]:
    """Weights after `EPOCHS` on images `(n, C, 224, 448)`, averaged with those that ship.

    The state after each epoch is kept in `folder`: an interrupted training resumes and gives the same numbers. Raises
    RecipeError where the loss is no number any more.
    """
    assert isinstance(model.network, MedDef)
    shipped = model.network.state_dict()
    network = MedDef(model.network.config)
    network.load_state_dict(shipped)
    network.eval()
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, nesterov=True)
    first = _resume(network, optimizer, folder / STATE)
    loss = LossSettings(class_weights=_class_weights(y, len(model.task.classes)), label_smoothing=0.0)
    for epoch in range(first, EPOCHS):
        if on_epoch:
            on_epoch("training epochs", epoch, EPOCHS)
        _epoch(network, optimizer, x, y, task=model.task.key, epoch=epoch, seed=seed, loss=loss)
        _keep(network, optimizer, folder / STATE, epoch=epoch + 1)
    if on_epoch:
        on_epoch("training epochs", EPOCHS, EPOCHS)
    return interpolated(shipped, network.state_dict(), share=SHARE)


def interpolated(shipped: dict[str, Tensor], last: dict[str, Tensor], *, share: float) -> dict[str, Tensor]:
    """`share` of `last` and the rest of `shipped`, tensor by tensor; counters stay as shipped."""
    return {
        key: torch.lerp(value.float(), last[key].float(), share) if value.is_floating_point() else value.clone()
        for key, value in shipped.items()
    }


def _epoch(
    network: MedDef,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    task: str,
    epoch: int,
    seed: int,
    loss: LossSettings,
) -> None:
    generator = torch.Generator().manual_seed(seed * 2**32 + epoch)
    batches = torch.randperm(len(x), generator=generator).split(BATCH)
    scanner, augmentation = SCANNERS[task], Augmentation()
    for number, index in enumerate(batches):
        done = (epoch + number / len(batches)) / EPOCHS
        for group in optimizer.param_groups:
            group["lr"] = one_cycle(done, peak=LEARNING_RATE, warm_up=WARM_UP)
        seen = scanner.geometry(x[index], size=SIZE, generator=generator)
        seen = scanner.appearance(augmentation(seen, generator=generator), generator=generator)
        attacked = n_fgsm(network, seen, y[index], eps=EPS, noise=NOISE, loss=loss, generator=generator)
        optimizer.zero_grad()
        value = loss(network(attacked), y[index])
        if not torch.isfinite(value):
            raise RecipeError(
                Text(
                    "site.training-loss-infinite",
                    "The loss of the local training is no number any more; use --adjust instead.",
                )
            )
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()


def _class_weights(y: Tensor, classes: int) -> Tensor:
    """Weights that make classes count equally; a class without scans has none."""
    counts = torch.bincount(y, minlength=classes).float()
    weights = torch.where(counts > 0, 1 / counts.clamp(min=1), torch.zeros(()))
    return weights * len(y) / (counts > 0).sum()


def _keep(network: MedDef, optimizer: torch.optim.Optimizer, path: Path, *, epoch: int) -> None:
    tensors = {f"network/{key}": value.contiguous() for key, value in network.state_dict().items()}
    for number, parameter in enumerate(network.parameters()):
        tensors[f"momentum/{number}"] = optimizer.state[parameter]["momentum_buffer"].contiguous()
    with replacing(path) as beside:
        save_file(tensors, beside, metadata={"state": json.dumps({"epoch": epoch})})


def _resume(network: MedDef, optimizer: torch.optim.Optimizer, path: Path) -> int:
    """The epoch to go on with; 0 where nothing is kept, or it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            epoch = int(json.loads(file.metadata()["state"])["epoch"])
            found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError, KeyError, ValueError, TypeError):
        return 0
    network.load_state_dict({key.removeprefix("network/"): v for key, v in found.items() if key.startswith("network/")})
    for number, parameter in enumerate(network.parameters()):
        optimizer.state[parameter]["momentum_buffer"] = found[f"momentum/{number}"]
    return epoch
