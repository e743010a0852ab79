"""What the modules of a trained network do: how far its gates move, and what is lost when one is put out of action.

An ablation trains networks without a module, and their backbone makes up for it. Here a trained network loses a module
and is not trained again (Meyes et al. 2019, Ablation studies in artificial neural networks, arXiv:1901.08644): what it
then still reads, and still holds under attack, the module had not contributed.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.data.images import Images
from meddef_core.errors import ModelError
from meddef_core.evaluation.evaluate import BATCH, attack_images
from meddef_core.evaluation.metrics import auroc, balanced_accuracy, balanced_interval, mcnemar
from meddef_core.model import MedDef
from meddef_core.model.daam import AdversarialFeatureDetection
from meddef_core.model.folded import folded
from meddef_core.model.meddef import NO_MAPS, Trace
from meddef_core.text import Text

SHUT, OPEN = 0.1, 0.9
"""A gate below the one is called shut, above the other open; in between it passes a share of everything."""

OnStage = Callable[[str, int, int], None]
"""Told a stage's name, lesions done and lesions in all."""


class Means(NamedTuple):
    """Means over clean scans, each of shape `(1, ...)`; None where the network lacks the module."""

    gate: Tensor | None
    afd: Tensor | None
    mfe: Tensor | None
    msf: Tensor | None
    omega: Tensor | None
    attended: Tensor | None


@dataclass(frozen=True)
class Lesion:
    """One way to put a module out of action: `operate` changes a copy of the network in place."""

    key: str
    title: str
    needs: Callable[[MedDef], bool]
    operate: Callable[[MedDef, Means], None]


class MeanOutput(nn.Module):
    """What a module gives on average, whatever it is given; the maps that it gives beside that are none."""

    mean: Tensor

    def __init__(self, mean: Tensor, *, maps: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.maps = maps

    def forward(self, x: Tensor) -> Any:
        out = self.mean.expand(len(x), *self.mean.shape[1:])
        return (out, *[None] * self.maps) if self.maps else out


class HeldGate(nn.Module):
    """AFD whose gate stands at its mean: what is left refines the features, and detects nothing."""

    mean: Tensor

    def __init__(self, afd: AdversarialFeatureDetection, mean: Tensor) -> None:
        super().__init__()
        self.refine = afd.refine
        self.register_buffer("mean", mean)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gate = self.mean.expand(len(x), *self.mean.shape[1:])
        return x + self.refine(x * gate), gate


class Bypass(nn.Module):
    """A DAAM that gives its features on as they came."""

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        return x, NO_MAPS


def _hold_gate(network: MedDef, means: Means) -> None:
    assert network.daam is not None and network.daam.afd is not None and means.gate is not None
    network.daam.afd = HeldGate(network.daam.afd, means.gate)  # type: ignore[assignment]


def _hold(module: str, mean: str, *, maps: int) -> Callable[[MedDef, Means], None]:
    def operate(network: MedDef, means: Means) -> None:
        parent, _, name = module.rpartition(".")
        setattr(network.get_submodule(parent), name, MeanOutput(getattr(means, mean), maps=maps))

    return operate


def _bypass(network: MedDef, _: Means) -> None:
    network.daam = Bypass()  # type: ignore[assignment]


LESIONS = (
    Lesion("gate", "AFD's gate at its mean", lambda net: net.config.afd, _hold_gate),
    Lesion("afd", "AFD at its mean", lambda net: net.config.afd, _hold("daam.afd", "afd", maps=1)),
    Lesion("mfe", "MFE at its mean", lambda net: net.config.mfe, _hold("daam.mfe", "mfe", maps=2)),
    Lesion("msf", "MSF at its mean", lambda net: net.config.msf, _hold("daam.msf", "msf", maps=1)),
    Lesion("omega", "Ω at its mean", lambda net: net.config.has_daam, _hold("daam.omega", "omega", maps=0)),
    Lesion("daam", "DAAM left out", lambda net: net.config.has_daam, _bypass),
    Lesion(
        "attention",
        "self-attention at its mean",
        lambda net: net.config.attention,
        _hold("attention", "attended", maps=1),
    ),
)


def lesioned(network: MedDef, lesion: Lesion, means: Means) -> MedDef:
    """A copy of the network, in eval mode, after one lesion; `network` stays as it was."""
    damaged = copy.deepcopy(network).eval()
    lesion.operate(damaged, means)
    return damaged


@torch.inference_mode()
def means_of(network: MedDef, images: Images) -> Means:
    """What each module gives on average over the images."""
    sums: list[Tensor | None] = [None] * len(Means._fields)
    for x in _batches(images, network):
        trace = network.trace(x)
        daam, features = network.daam, trace.features
        outputs = (
            trace.daam.afd_gate,
            *(None if part is None else part(features)[0] for part in _branches(network)),
            None if daam is None else trace.daam.channel_attention,
            trace.attended,
        )
        for index, out in enumerate(outputs):
            if out is not None:
                before = sums[index]
                total = out.sum(dim=0, keepdim=True)
                sums[index] = total if before is None else before + total
    return Means(*(None if total is None else (total / len(images)).clone() for total in sums))


def _branches(network: MedDef) -> tuple[nn.Module | None, ...]:
    daam = network.daam
    return (None, None, None) if daam is None else (daam.afd, daam.mfe, daam.msf)


def dissect(
    network: nn.Module,
    images: Images,
    *,
    classes: int,
    attack: AttackSpec,
    on_stage: OnStage | None = None,
) -> dict[str, Any]:
    """How the gates of a network stand and move under the attack, and what it is worth after each lesion.

    Every damaged network is attacked anew, by its own gradients. Means are those over the images as they are.
    Raises ModelError for a network without DAAM. Plain JSON values.
    """
    if not isinstance(network, MedDef) or not network.config.has_daam:
        raise ModelError(
            Text("studies.no-daam", "This network has no DAAM to dissect; choose one that has, as the model meddef.")
        )
    ways = [lesion for lesion in LESIONS if lesion.needs(network)]
    stages = len(ways) + 2

    def tell(stage: str, done: int) -> None:
        if on_stage:
            on_stage(stage, done, stages)

    tell("gates", 0)
    gates = _gates(network, images, attack)
    means = means_of(network, images)
    tell("as trained", 1)
    intact = _worth(network, images, attack)
    rows = [_row("none", "as trained", intact, intact, images, classes)]
    for number, lesion in enumerate(ways):
        tell(lesion.title, number + 2)
        found = _worth(lesioned(network, lesion, means), images, attack)
        rows.append(_row(lesion.key, lesion.title, found, intact, images, classes))
    tell("done", stages)
    return {"n": len(images), "eps": attack.eps, "gates": gates, "lesions": rows}


class _Worth(NamedTuple):
    clean: NDArray[np.int64]
    attacked: NDArray[np.int64]


def _worth(network: nn.Module, images: Images, attack: AttackSpec) -> _Worth:
    return _Worth(*(attack_images(network, images, spec).predictions for spec in (None, attack)))


def _row(key: str, title: str, found: _Worth, intact: _Worth, images: Images, classes: int) -> dict[str, Any]:
    """Shares with 95% intervals, the clean scans read otherwise than before, and McNemar's test on what holds."""
    labels = images.labels.numpy()
    held, before = ((each.clean == labels) & (each.attacked == labels) for each in (found, intact))
    only_before, only_after = int((before & ~held).sum()), int((held & ~before).sum())
    return {
        "lesion": key,
        "title": title,
        "clean": _share(labels, found.clean, classes),
        "attacked": _share(labels, np.where(held, labels, _wrong(labels, found)), classes),
        "read_otherwise": int((found.clean != intact.clean).sum()),
        "only_intact": only_before,
        "only_lesioned": only_after,
        "p": mcnemar(only_before, only_after),
    }


def _wrong(labels: NDArray[np.int64], found: _Worth) -> NDArray[np.int64]:
    """An answer that is wrong, of each scan that has one: clean or attacked."""
    return np.where(found.attacked != labels, found.attacked, found.clean)


def _share(labels: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> dict[str, Any]:
    return {
        "balanced_accuracy": balanced_accuracy(labels, answers, classes=classes),
        "balanced_interval": balanced_interval(labels, answers, classes=classes),
    }


@torch.no_grad()
def _gates(network: MedDef, images: Images, attack: AttackSpec) -> dict[str, Any]:
    """How gates stand on clean scans, and what an attack on the network does to them and to the features around D."""
    crafted_on = folded(network)
    pairs = []
    for start in range(0, len(images), BATCH):
        x, y = images.batch(slice(start, start + BATCH))
        x, y = x.to(_device(network)), y.to(_device(network))
        with torch.enable_grad():
            adversarial = run_attack(crafted_on, x, y, attack).adversarial
        pairs.append((network.trace(x), network.trace(adversarial)))
    clean, attacked = ([pair[side] for pair in pairs] for side in (0, 1))
    before, after = _all(clean, lambda trace: trace.features), _all(attacked, lambda trace: trace.features)
    given, given_after = _all(clean, lambda trace: trace.defended), _all(attacked, lambda trace: trace.defended)
    found: dict[str, Any] = {
        "added": _relative(before, given),
        "moved_before": _relative(before, after),
        "moved_after": _relative(given, given_after),
        "channel_attention": _spread(_all(clean, lambda trace: trace.daam.channel_attention)),
        "noise_gate": None,
    }
    if network.config.afd:
        gate, gate_after = (_all(side, lambda trace: trace.daam.afd_gate) for side in (clean, attacked))
        means = torch.cat([gate, gate_after]).flatten(1).mean(dim=1)
        told = np.repeat([0, 1], len(images))
        # A gate that detects attacks is lower on them: its mean, turned round, would rank attacked scans first.
        found["noise_gate"] = _spread(gate) | {
            "moved": float((gate_after - gate).abs().mean()),
            "detects": float(auroc(np.stack([means.numpy(), -means.numpy()], axis=1), told)[1]),
        }
    return found


def _all(traces: Sequence[Trace], part: Callable[[Trace], Tensor | None]) -> Tensor:
    found = [part(trace) for trace in traces]
    return torch.cat([each.float().cpu() for each in found if each is not None])


def _relative(one: Tensor, other: Tensor) -> float:
    """How far apart two batches of features are, as a share of the first's norm; the mean over scans."""
    apart, whole = (other - one).flatten(1).norm(dim=1), one.flatten(1).norm(dim=1)
    return float((apart / whole.clamp(min=1e-12)).mean())


def _spread(gate: Tensor) -> dict[str, float]:
    """Of a gate `(N, C, ...)` in [0, 1]: its mean, its deviation from scan to scan, and how much of it is decided."""
    return {
        "mean": float(gate.mean()),
        "between_scans": float(gate.std(dim=0).mean()),
        "shut": float((gate < SHUT).float().mean()),
        "open": float((gate > OPEN).float().mean()),
    }


def _batches(images: Images, network: nn.Module) -> list[Tensor]:
    device = _device(network)
    return [images.batch(slice(start, start + BATCH))[0].to(device) for start in range(0, len(images), BATCH)]


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
