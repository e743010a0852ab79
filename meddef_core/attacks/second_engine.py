"""Torchattacks as a second engine: another implementation of our attacks, under the same checks.

torchattacks 3.3.0 (Kim 2020, Torchattacks: a PyTorch repository for adversarial attacks, arXiv:2010.01950) only
proposes images. Our search keeps the best of them, and `run_attack` re-checks budget and prediction as for its own
attacks.
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.search import NO_GRADIENT, Search, logits_of
from meddef_core.attacks.spec import AttackSpec
from meddef_core.errors import AttackError
from meddef_core.text import Text

Settings = Callable[[AttackSpec, int], dict[str, Any]]
"""From a spec and the number of classes: the arguments of a torchattacks class, beside the model."""


class Engine(NamedTuple):
    """How torchattacks runs one of our attacks."""

    title: str
    """Name of the class in torchattacks."""
    settings: Settings
    restarts: bool = False
    """True where we restart it ourselves: the class has one random start, from torch's global generator."""
    further: float = 0.0
    """Share of its change by which an image is carried on, where the class stops right on the decision boundary:
    there rounding decides, and differs between one image and a batch."""


def _stepping(usual: Callable[[int], float], **fixed: Any) -> Settings:
    """Attacks with a step size, whose usual share of epsilon is `usual(steps)` as in our own."""

    def settings(spec: AttackSpec, classes: int) -> dict[str, Any]:
        share = spec.rel_step or usual(spec.steps)
        return {"eps": spec.eps, "alpha": share * spec.eps, "steps": spec.steps, **fixed}

    return settings


def _eot(spec: AttackSpec, classes: int) -> dict[str, Any]:
    return _stepping(lambda steps: 2.5 / steps)(spec, classes) | {"eot_iter": spec.samples}


def _fab(spec: AttackSpec, classes: int) -> dict[str, Any]:
    usual = {"eps": spec.eps, "steps": spec.steps, "n_restarts": spec.restarts, "seed": spec.seed}
    return usual | {"multi_targeted": True, "n_classes": classes}


def _square(spec: AttackSpec, classes: int) -> dict[str, Any]:
    return {"eps": spec.eps, "n_queries": spec.steps, "n_restarts": spec.restarts, "seed": spec.seed}


def _apgd(spec: AttackSpec, classes: int) -> dict[str, Any]:
    return {"eps": spec.eps, "steps": spec.steps, "n_restarts": spec.restarts, "seed": spec.seed, "loss": "ce"}


TORCHATTACKS: dict[str, Engine] = {
    "fgsm": Engine("FGSM", lambda spec, classes: {"eps": spec.eps}),
    "bim": Engine("BIM", _stepping(lambda steps: min(1.0, 1.25 / steps))),
    "pgd": Engine("PGD", _stepping(lambda steps: 2.5 / steps), restarts=True),
    "mi_fgsm": Engine("MIFGSM", _stepping(lambda steps: 1 / steps, decay=1.0)),
    "eot_pgd": Engine("EOTPGD", _eot, restarts=True),
    "deepfool": Engine("DeepFool", lambda spec, classes: {"steps": spec.steps}, further=0.01),
    "fab": Engine("FAB", _fab),
    "square": Engine("Square", _square),
    "apgd_ce": Engine("APGD", _apgd),
}
"""Our attacks that torchattacks 3.3.0 implements within the budget.

Left out: its CW is wrong for negative logits; APGD on DLR, APGDT and AutoAttack fail with two classes.
"""


def check_engine(spec: AttackSpec, info: AttackInfo) -> None:
    """AttackError where torchattacks cannot run what the spec asks for."""
    if spec.engine == "meddef":
        return
    if spec.name not in TORCHATTACKS:
        raise AttackError(
            Text(
                "attack.engine-lacks",
                "torchattacks has no {title} that keeps to epsilon; choose one of {known}, or the engine meddef",
                title=info.title,
                known=", ".join(TORCHATTACKS),
            )
        )
    if spec.target is not None:
        raise AttackError(
            Text(
                "attack.engine-no-target",
                "the engine torchattacks runs without a target; leave the target out or use the engine meddef",
            )
        )
    if "loss" in info.settings and spec.loss != "ce":
        raise AttackError(
            Text(
                "attack.engine-cross-entropy",
                "{title} of torchattacks maximises cross-entropy only; use the loss ce or the engine meddef",
                title=info.title,
            )
        )


def run_torchattacks(search: Search) -> None:
    """Let torchattacks' images compete in `search`, one step for each of our restarts.

    It works on a private, frozen copy of the model, since it changes modes and fills gradients; the global random
    numbers stay as they were. Raises AttackError where the model cannot be copied, or the images are not float32.
    """
    problem = search.problem
    spec, engine = problem.spec, TORCHATTACKS[problem.spec.name]
    if problem.x.dtype != torch.float32:
        raise AttackError(
            Text("attack.engine-float32", "torchattacks takes float32 images; use the engine meddef for float64")
        )
    model = _Private(problem.model, device=problem.x.device)
    total = spec.restarts if engine.restarts else 1
    for restart in range(total):
        index = search.open()
        if len(index) == 0:
            return
        images = _propose(model, problem.x[index], problem.y[index], search, seed=spec.seed + restart)
        search.visit(images, index=index)
        if not search.report(restart + 1, total=total):
            return


def _propose(model: nn.Module, x: Tensor, y: Tensor, search: Search, *, seed: int) -> Tensor:
    """The images `(n, C, H, W)` that torchattacks makes of `x`, within [0, 1] or refused by `run_attack` later."""
    import torchattacks  # its import takes long, and few runs need it

    spec = search.problem.spec
    engine, classes = TORCHATTACKS[spec.name], search.problem.clean_logits.shape[1]
    attack = getattr(torchattacks, engine.title)(model, **engine.settings(spec, classes))
    with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []):
        torch.manual_seed(seed)
        found: Tensor = attack(x.clone(), y.clone()).detach()
    return (found + engine.further * (found - x)).clamp(0, 1) if engine.further else found


class _Private(nn.Module):
    """A frozen copy of the model that checks its logits, and knows its device also without a parameter."""

    def __init__(self, model: nn.Module, *, device: torch.device) -> None:
        super().__init__()
        try:
            self.network = copy.deepcopy(model)
        except Exception as error:  # somebody's own model may hold anything
            raise AttackError(
                Text(
                    "attack.engine-copy",
                    "the model cannot be copied ({kind}), and torchattacks needs a copy; use the engine meddef",
                    kind=type(error).__name__,
                )
            ) from error
        self.placeholder = nn.Parameter(
            torch.zeros((), device=device)
        )  # torchattacks asks the first one for its device
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        logits = logits_of(self.network, x)
        if x.requires_grad and torch.is_grad_enabled() and not logits.requires_grad:
            raise AttackError(NO_GRADIENT)
        return logits
