"""A registry entry: what a reader needs to know about a defence, and the function that puts it around a network."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from meddef_core.errors import ModelError
from meddef_core.text import Text


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One defence from the literature."""

    name: str
    title: str
    one_line: str
    """What it does, for a reader who is no expert."""
    citation: str
    randomised: bool
    """Whether two calls on one image may differ: attack such a defence with gradients averaged over calls (EOT)."""
    wrap: Callable[..., nn.Module]
    """Takes one network, or any number where `of_several`."""
    of_several: bool = False
    """Whether the defence is made of several networks, each given to `build`."""

    def build(self, network: nn.Module, *others: nn.Module) -> nn.Module:
        """The defended network, in eval mode: `(B, C, H, W)` in [0, 1] to logits `(B, K)`; it shares the networks.

        Raises ModelError for one network where several are needed, and the other way round.
        """
        if self.of_several and not others:
            raise ModelError(
                Text(
                    "baseline.needs-two",
                    "{title} needs at least two networks; give the others as well.",
                    title=self.title,
                )
            )
        if others and not self.of_several:
            raise ModelError(
                Text("baseline.one-network", "{title} goes around one network; give only that one.", title=self.title)
            )
        return self.wrap(network, *others).eval()
