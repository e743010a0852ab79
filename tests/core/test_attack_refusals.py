"""What cannot be attacked gets a sentence: odd models, images that are no images, labels and targets without sense."""

import pytest
import torch
from attack_nets import scans, small_net, spec_of
from refusals import refused_as
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.errors import AttackError


class Odd(nn.Module):
    """A model that answers with whatever `answer` makes of the images."""

    def __init__(self, answer) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.answer = answer
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(x)


def two_logits(x: Tensor) -> Tensor:
    means = x.mean(dim=(1, 2, 3))
    return torch.stack([means, 1 - means], dim=1)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: x.mean(dim=(1, 2, 3)), "must return logits of shape"),
        (lambda x: two_logits(x)[:, :1], "must return logits of shape"),
        (lambda x: two_logits(x).repeat(2, 1), "must return logits of shape"),
        (lambda x: two_logits(x).argmax(dim=1), "floating-point"),
        (lambda x: (two_logits(x),), "floating-point"),
        (lambda x: two_logits(x) / 0, "not finite"),
        (lambda x: two_logits(x.detach()), "passes no gradient"),
        (lambda x: two_logits((x - x) ** 0.5 + x), "gradient is not finite"),
        (lambda x: two_logits(x.detach().sub_(0.5)), "in place"),
    ],
)
def test_models_that_cannot_be_attacked_get_a_sentence(answer, sentence: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AttackError, match=sentence):
        run_attack(Odd(answer), scans(2), torch.tensor([0, 1]), spec_of("pgd"))


def test_a_model_left_in_training_mode_is_refused() -> None:
    net = small_net()
    net[7].train()  # the dropout alone is enough
    with refused_as(AttackError, "attack.training-mode"):
        run_attack(net, scans(), torch.zeros(6, dtype=torch.int64), spec_of("fgsm"))


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (scans()[0], "shape"),
        (scans()[:0], "at least one image"),
        (scans().half(), "float32"),
        ((scans() * 255).to(torch.uint8), "float32"),
        (scans() + 0.5, r"\[0, 1\]"),
        (scans() - 0.5, r"\[0, 1\]"),
        (scans().log(), r"\[0, 1\]"),
        (scans() * torch.nan, r"\[0, 1\]"),
    ],
)
def test_images_that_are_no_images_are_refused(x: Tensor, sentence: str) -> None:
    with pytest.raises(AttackError, match=sentence):
        run_attack(small_net(), x, torch.zeros(len(x), dtype=torch.int64), spec_of("fgsm"))


@pytest.mark.parametrize(
    ("y", "changes", "sentence"),
    [
        (torch.zeros(5, dtype=torch.int64), {}, "labels must be 6"),
        (torch.zeros(6), {}, "int64"),
        (torch.full((6,), 4), {}, "between 0 and 3"),
        (torch.full((6,), -1), {}, "between 0 and 3"),
        (torch.zeros(6, dtype=torch.int64), {"target": 4}, "target 4 does not exist"),
        (torch.zeros(6, dtype=torch.int64), {"target": 0}, "already have the target"),
        (torch.zeros(6, dtype=torch.int64), {"name": "magic"}, "no attack 'magic'; choose one of apgd_ce"),
    ],
)
def test_labels_and_targets_that_make_no_sense_are_refused(y: Tensor, changes: dict, sentence: str) -> None:
    with pytest.raises(AttackError, match=sentence):
        run_attack(small_net(), scans(), y, spec_of("fgsm", **changes))


def test_a_budget_beyond_its_norm_is_refused() -> None:
    net, x = small_net(), scans(2)
    with pytest.raises(AttackError, match="epsilon must lie between 0 and 1 in pixel units"):
        run_attack(net, x, torch.tensor([0, 1]), AttackSpec(name="fgsm", eps=8.0))
