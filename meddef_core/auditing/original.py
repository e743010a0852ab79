"""Somebody's own model as it was handed over: the audit works on a copy, and the original is compared afterwards."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from meddef_core.errors import ModelError
from meddef_core.text import Text


@dataclass(frozen=True, eq=False)
class Original:
    """A model, and all of it that must not change."""

    model: nn.Module
    state: dict[str, Tensor]
    modes: dict[str, bool]

    def check(self) -> None:
        """Raise ModelError, naming what changed, unless the model is as it was handed over."""
        now = as_handed_over(self.model)
        changed = [name for name, value in now.state.items() if not _same(value, self.state.get(name))]
        changed += [name for name in self.state if name not in now.state]
        changed += [
            Text("audit.mode-of", "the mode of {name}", name=name or Text("audit.the-model", "the model"))
            for name, mode in now.modes.items()
            if self.modes[name] != mode
        ]
        if changed:
            raise ModelError(
                Text(
                    "audit.original-changed",
                    "The audit ran on a copy of the model, and yet {what} of the original changed, so the "
                    "audit belongs to no model; keep no state outside of the model (in globals or class "
                    "attributes).",
                    what=changed[0],
                )
            )


def as_handed_over(model: nn.Module) -> Original:
    """The model with copies of its parameters, buffers and modes."""
    values = (*model.named_parameters(), *model.named_buffers())
    return Original(
        model,
        {name: value.detach().clone() for name, value in values},
        {name: module.training for name, module in model.named_modules()},
    )


def private_copy(model: nn.Module) -> nn.Module:
    """A copy that shares nothing with the model, to be audited in its place; ModelError where it cannot be copied."""
    try:
        return copy.deepcopy(model)
    except Exception as error:  # somebody's own model may hold anything
        raise ModelError(
            Text(
                "audit.cannot-copy",
                "The model cannot be copied ({kind}: {error}), and an audit works on a copy; keep open "
                "files, locks and tensors with gradients out of the model.",
                kind=type(error).__name__,
                error=error,
            )
        ) from error


def _same(one: Tensor, other: Tensor | None) -> bool:
    return other is not None and one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())
