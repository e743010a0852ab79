"""The attack that never asks the model for a gradient: images made on another model are shown to it."""

import torch
from torch import Tensor, nn

from meddef_core.attacks.info import AttackInfo
from meddef_core.attacks.methods.momentum import climb_by_momentum
from meddef_core.attacks.search import AttackProblem, Search, input_gradient, logits_of
from meddef_core.errors import AttackError
from meddef_core.text import Text


def transfer(search: Search) -> None:
    """MI-FGSM along the gradients of the source model's loss, each iterate shown to the attacked model.

    Momentum carries images over from model to model better than plain steps do (Dong et al. 2018, arXiv:1710.06081,
    section 4.2). The attacked model only judges which iterate is returned; keep="last" does without that, too.
    """
    source = _source_of(search.problem)

    def look(search: Search, images: Tensor, index: Tensor) -> Tensor:
        search.visit(images.detach(), index=index)
        if not images.requires_grad:
            return torch.zeros_like(images)
        return input_gradient(search.problem.loss(logits_of(source, images), index), images)

    climb_by_momentum(search, look=look)


def _source_of(problem: AttackProblem) -> nn.Module:
    """The source; AttackError unless it tells the same number of classes apart as the attacked model."""
    if problem.source is None:
        raise AttackError(
            Text("attack.transfer-source", "a transfer attack needs a source model to make its images on")
        )
    with torch.no_grad():
        classes = logits_of(problem.source, problem.x[:1]).shape[1]
    expected = problem.clean_logits.shape[1]
    if classes != expected:
        raise AttackError(
            Text(
                "attack.source-model",
                "the source model has {classes} classes and the attacked one {expected}; choose a source that "
                "was trained for the same classes",
                classes=classes,
                expected=expected,
            )
        )
    return problem.source


ATTACKS = (
    AttackInfo(
        name="transfer",
        title=Text("lab.transfer", "Transfer"),
        one_line=Text(
            "attack.fools-another", "Fools another model first, and hopes that the same image fools this one as well."
        ),
        citation="Papernot, McDaniel and Goodfellow 2016, Transferability in machine learning, arXiv:1605.07277; Liu "
        "et al. 2017, Delving into transferable adversarial examples, arXiv:1611.02770",
        threat="black box",
        iterative=True,
        settings=frozenset({"steps", "rel_step", "loss", "target", "keep", "stop_when_fooled"}),
        run=transfer,
        needs_source=True,
    ),
)
