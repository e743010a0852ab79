"""What every attack shares: asking the model, telling success, keeping the best image, reporting, cancelling."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meddef_core.attacks.result import DISTANCES
from meddef_core.attacks.spec import AttackSpec, AttackStep, Loss, OnStep
from meddef_core.attacks.traits import AttackTraits
from meddef_core.errors import AttackError
from meddef_core.text import Text

NO_GRADIENT = Text(
    "attack.model-passes", "the model passes no gradient to its input, so gradient attacks cannot run on it"
)

IN_PLACE = Text(
    "attack.changes-input",
    "the model changes its input in place (`x -= mean`, or `inplace=True` on its first layer), so the scan itself "
    "changes; write `x = x - mean` instead",
)


@dataclass(frozen=True, eq=False)
class AttackProblem:
    """A model, the images to change and what counts as success. All tensors on one device and of one dtype."""

    model: nn.Module
    x: Tensor
    """`(B, C, H, W)` in [0, 1]."""
    y: Tensor
    """`(B,)` int64."""
    spec: AttackSpec
    info: AttackTraits
    clean_logits: Tensor
    """`(B, K)`."""
    source: nn.Module | None = None
    """The model a transfer attack makes its images on."""

    def fooled(self, logits: Tensor, index: Tensor) -> Tensor:
        """`(len(index),)` bool: the label differs from y, or equals the target where there is one."""
        predicted = logits.argmax(dim=1)
        return predicted != self.y[index] if self.spec.target is None else predicted == self.spec.target

    def loss(self, logits: Tensor, index: Tensor, *, kind: Loss | None = None) -> Tensor:
        """`(len(index),)`: what the attacker raises; each image's depends on that image alone.

        "ce" is the cross-entropy of the label (of the target, negated). "margin" is max_{k != y} z_k - z_y
        (z_target - max_{k != target} z_k), positive exactly where the image fools; unlike cross-entropy its
        gradient does not vanish when the softmax saturates (Carlini and Wagner 2017, loss f6). `kind` is for
        attacks that are defined by one of them; the others follow the spec.
        """
        target = self.spec.target
        labels = self.y[index] if target is None else torch.full_like(index, target)
        if (kind or self.info.loss or self.spec.loss) == "ce":
            away = F.cross_entropy(logits, labels, reduction="none")
        else:
            own = logits.gather(1, labels[:, None]).squeeze(1)
            away = logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1) - own
        return away if target is None else -away


def outputs_of(model: nn.Module, images: Tensor) -> Any:
    """Whatever the model returns for `images`; AttackError if it changes them. They must not be inference tensors."""
    version = images._version
    outputs = model(images)
    if images._version != version:
        raise AttackError(IN_PLACE)
    return outputs


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    """Logits `(B, K)` in the dtype of `images`; AttackError unless they are finite and of that shape, with K >= 2."""
    logits = outputs_of(model, images)
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        raise AttackError(Text("attack.logits-tensor", "the model must return logits as one floating-point tensor"))
    if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] < 2:
        raise AttackError(
            Text(
                "attack.logits-shape",
                "the model must return logits of shape ({count}, at least 2 classes), not {shape}",
                count=len(images),
                shape=tuple(logits.shape),
            )
        )
    if not bool(torch.isfinite(logits).all()):
        raise AttackError(
            Text(
                "attack.model-returned",
                "the model returned logits that are not finite, so no attack on it can be trusted",
            )
        )
    return logits.to(images.dtype)


def input_gradient(loss: Tensor, images: Tensor, *, keep_graph: bool = False) -> Tensor:
    """Gradient of each image's own loss `(B,)` with respect to `images`; parameters are never touched.

    `keep_graph` allows for another one of the same forward pass. AttackError if there is none, or if it is not finite.
    """
    gradient = None
    if loss.requires_grad:
        (gradient,) = torch.autograd.grad(loss.sum(), images, retain_graph=keep_graph, allow_unused=True)
    if gradient is None:
        raise AttackError(NO_GRADIENT)
    if not bool(torch.isfinite(gradient).all()):
        raise AttackError(
            Text(
                "attack.models-gradient",
                "the model's gradient is not finite, so no gradient attack on it can be trusted",
            )
        )
    return gradient


class Search:
    """The state of one attack: visits go in, the best image of each scan, the trace and a cancellation come out.

    An attack calls `visit` for each set of candidates and `report` once a step, and stops when `report` says so.
    Images are addressed by `index`, their positions in the batch, so that the ones that are done can stay out.
    An attack that needs more than the loss calls `query` and `offer` instead of `visit`.
    """

    def __init__(self, problem: AttackProblem, *, on_step: OnStep | None, iterates: bool = False) -> None:
        x, everyone = problem.x, torch.arange(len(problem.x), device=problem.x.device)
        self.problem = problem
        self.trace: list[AttackStep] = []
        self.cancelled = False
        self._on_step = on_step
        self._current = x.clone() if iterates and on_step is not None else None
        self._keep_last = problem.spec.keep == "last" and "keep" in problem.info.settings
        self._logits = problem.clean_logits.clone()
        self._loss = problem.loss(problem.clean_logits, everyone)
        self.fooled = problem.fooled(problem.clean_logits, everyone)
        self.first_fooled = torch.where(self.fooled, 0, -1)
        self.best = x.clone()
        # A clean image competes only if it already fools: one that does not is no result of an attack.
        merit = torch.zeros_like(self._loss) if self._smallest else self._loss
        self._merit = merit.masked_fill(~self.fooled, -torch.inf)

    @property
    def _smallest(self) -> bool:
        return self.problem.info.seeks == "smallest"

    def open(self) -> Tensor:
        """Positions of the images still to be attacked: all, or under `stop_when_fooled` the unfooled."""
        if self.problem.spec.stop_when_fooled:
            return (~self.fooled).nonzero().squeeze(1)
        return torch.arange(len(self.fooled), device=self.fooled.device)

    def visit(self, images: Tensor, *, index: Tensor) -> Tensor:
        """Ask the model about candidates `(len(index), C, H, W)`, keep the best; returns their losses.

        The losses carry a graph where `images` requires a gradient.
        """
        logits = self.query(images)
        with torch.set_grad_enabled(images.requires_grad):
            loss = self.problem.loss(logits, index)
        self.offer(images, logits=logits, index=index)
        return loss

    def query(self, images: Tensor) -> Tensor:
        """Logits `(n, K)` of any images, with a graph where `images` requires a gradient; nothing is kept."""
        with torch.set_grad_enabled(images.requires_grad):
            return logits_of(self.problem.model, images)

    @torch.no_grad()
    def offer(self, images: Tensor, *, logits: Tensor, index: Tensor) -> None:
        """Let candidates `(len(index), C, H, W)` of known logits compete to be the result, and enter the trace.

        Where the attack seeks the smallest change, candidates outside the budget take no part; elsewhere the attack
        offers none.
        """
        problem = self.problem
        loss = problem.loss(logits, index)
        fooled = problem.fooled(logits, index)
        before = self.fooled[index]
        merit = loss
        allowed = torch.ones_like(fooled)
        if self._smallest:
            distance = DISTANCES[problem.info.norm](images, problem.x[index])
            merit = torch.where(fooled, -distance, loss)
            allowed = distance <= problem.spec.eps
        # Ties go to the newer image: a flat loss must not hand back the start.
        better = (fooled & ~before) | ((fooled == before) & (merit >= self._merit[index]))
        if problem.info.batchwise:
            # Images that share one perturbation change together or not at all: else each would get its own.
            better = torch.full_like(better, _standing(fooled, merit) >= _standing(before, self._merit[index]))
        if self._keep_last:
            better = torch.ones_like(better)
        better &= allowed
        won = index[better]
        self.best[won] = images[better]
        self._merit[won] = merit[better]
        self.fooled[won] = fooled[better]
        new = won[fooled[better] & (self.first_fooled[won] < 0)]
        self.first_fooled[new] = self.steps_done + 1
        self._logits[index] = logits
        self._loss[index] = loss
        if self._current is not None:
            self._current[index] = images

    @property
    def steps_done(self) -> int:
        """Steps reported so far."""
        return len(self.trace)

    def report(self, step: int, *, total: int) -> bool:
        """Add a line to the trace and tell the caller; False when the attack must stop now."""
        line = AttackStep(
            step=step,
            total=total,
            loss=float(self._loss.mean()),
            success=int(self.fooled.sum()),
            probabilities=self._logits.softmax(dim=1).cpu(),
        )
        self.trace.append(line)
        heard = line if self._current is None else line._replace(images=self._current.clone())
        if self._on_step is not None and self._on_step(heard) is False:
            self.cancelled = True
        return not self.cancelled


def _standing(fooled: Tensor, merit: Tensor) -> tuple[int, float]:
    """How good a batch is as one: the number fooled, then the mean merit."""
    return int(fooled.sum()), float(merit.mean())
