"""Several networks, one answer: an attack must fool most of them at once."""

import torch
from torch import Tensor, nn

from meddef_core.baselines.baseline import Baseline
from meddef_core.text import Text


class Ensemble(nn.Module):
    """The mean of the members' logits, `(B, K)`.

    The paper averages probabilities. Where confident members disagree, that mean no longer changes with the image,
    and the ensemble would look robust only because it has no gradient; the mean of logits always has one.
    """

    def __init__(self, *members: nn.Module) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([member(x) for member in self.members]).mean(dim=0)


BASELINES = (
    Baseline(
        name="ensemble",
        title=Text("baseline.ensemble", "Ensemble"),
        one_line=Text("baseline.averages-outputs", "Averages the outputs of several networks trained on clean scans."),
        citation="Strauss et al. 2017, Ensemble methods as a defense to adversarial perturbations against deep neural "
        "networks, arXiv:1709.03423",
        randomised=False,
        wrap=Ensemble,
        of_several=True,
    ),
)
