"""The one way to run an attack: check what came in, search, check and re-classify what comes out."""

import torch
from torch import Tensor, nn

from meddef_core.attacks.registry import get_attack
from meddef_core.attacks.result import AttackResult, check_adversarial, measure
from meddef_core.attacks.search import AttackProblem, Search, logits_of
from meddef_core.attacks.second_engine import check_engine, run_torchattacks
from meddef_core.attacks.spec import AttackSpec, OnStep
from meddef_core.eps import check_budget
from meddef_core.errors import AttackError
from meddef_core.text import Text


def run_attack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    spec: AttackSpec,
    *,
    source: nn.Module | None = None,
    on_step: OnStep | None = None,
    iterates: bool = False,
) -> AttackResult:
    """Attack images `x` `(B, C, H, W)` in [0, 1], float32 (or float64), of labels `y` `(B,)` int64.

    The model takes such images, returns logits, and is in eval mode. Its parameters, gradients, buffers and modes are
    left as found, also when the model or `on_step` raises; what they raise is passed on. The result is the same for
    an image alone and in any batch, up to the rounding of the model's own arithmetic, which depends on batch size
    (attacks whose `AttackInfo.batchwise` is True excepted). `source` is the model whose gradients a transfer attack
    uses; it is treated like `model`. With `iterates`, `on_step` also gets the images of each step.

    Raises AttackError if the input is not as above, if the model returns anything but finite logits, or if the
    adversarial images fail the final check. A failed attack is a result with `success` False, never an error.
    """
    info = get_attack(spec.name)
    check_budget(spec.eps, norm=info.norm)
    check_engine(spec, info)
    if info.needs_source and source is None:
        raise AttackError(
            Text("attack.title-needs", "{title} needs a source model to make its images on", title=info.title)
        )
    for asked in (model, source):
        check_model(asked)
    _check_images(x, y)
    # Plain tensors of our own, whatever gradient or inference mode the caller is in.
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
        x, y = x.detach().clone(), y.detach().to(x.device, copy=True)
        with torch.no_grad():
            clean_logits = logits_of(model, x)
        _check_labels(y, spec, classes=clean_logits.shape[1])
        problem = AttackProblem(
            model=model,
            x=x,
            y=y,
            spec=spec,
            info=info,
            clean_logits=clean_logits,
            source=source if info.needs_source else None,
        )
        search = Search(problem, on_step=on_step, iterates=iterates)
        run = info.run if spec.engine == "meddef" else run_torchattacks
        run(search)
        adversarial = search.best.detach()
        check_adversarial(adversarial, x, eps=spec.eps, norm=info.norm)
        with torch.no_grad():
            logits = logits_of(model, adversarial)
            everyone = torch.arange(len(x), device=x.device)
            return AttackResult(
                spec=spec,
                adversarial=adversarial,
                success=problem.fooled(logits, everyone),
                clean_logits=clean_logits,
                adversarial_logits=logits,
                **measure(adversarial, x)._asdict(),
                first_fooled=search.first_fooled,
                trace=tuple(search.trace),
                cancelled=search.cancelled,
            )


def check_model(model: nn.Module | None) -> None:
    """AttackError for a model in training mode: asking it would change what it has learnt."""
    if model is not None and any(module.training for module in model.modules()):
        raise AttackError(
            Text("attack.training-mode", "the model is in training mode; call model.eval() before attacking it")
        )


def _check_images(x: Tensor, y: Tensor) -> None:
    if x.ndim != 4 or 0 in x.shape:
        raise AttackError(
            Text(
                "attack.images-shape",
                "images must have the shape (B, C, H, W) with at least one image, not {shape}",
                shape=tuple(x.shape),
            )
        )
    if x.dtype not in (torch.float32, torch.float64):
        raise AttackError(
            Text(
                "attack.images-float",
                "images must be float32 (or float64), not {dtype}",
                dtype=str(x.dtype).removeprefix("torch."),
            )
        )
    # Written so that NaN fails it too.
    if not bool(((x >= 0) & (x <= 1)).all()):
        raise AttackError(
            Text(
                "attack.images-pixels",
                "images must hold finite pixels in [0, 1]; normalisation belongs inside the model",
            )
        )
    if y.dtype != torch.int64 or y.shape != x.shape[:1]:
        raise AttackError(
            Text("attack.labels-int64", "labels must be {count} int64 class numbers, one an image", count=len(x))
        )


def _check_labels(y: Tensor, spec: AttackSpec, *, classes: int) -> None:
    if bool((y < 0).any()) or bool((y >= classes).any()):
        raise AttackError(
            Text(
                "attack.labels-range",
                "labels must lie between 0 and {last}: the model has {classes} classes",
                last=classes - 1,
                classes=classes,
            )
        )
    if spec.target is not None and spec.target >= classes:
        raise AttackError(
            Text(
                "attack.target-target",
                "target {target} does not exist: the model has {classes} classes, counted from 0",
                target=spec.target,
                classes=classes,
            )
        )
    if spec.target is not None and bool((y == spec.target).any()):
        raise AttackError(
            Text(
                "attack.some-images",
                "some images already have the target {target} as their label: choose another target",
                target=spec.target,
            )
        )
