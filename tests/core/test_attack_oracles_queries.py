"""Square and HopSkipJump: what they ask, what they may know, and how near they come to what is known or others find."""

import foolbox
import pytest
import torch
from attack_nets import LinearNet, Recorder, own_labels, scans, small_net
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, default_spec, run_attack
from meddef_core.attacks.methods.square import square_side

EPS = 8 / 255


class Labels(nn.Module):
    """`net` with all but the predicted label taken from its logits."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        logits = self.net(x)
        return nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1]).to(x.dtype)


class WhiteNoiseIsOne(nn.Module):
    """Class 1 unless the image changes little from pixel to pixel and is dark, as a net sees that knows no noise."""

    def forward(self, x: Tensor) -> Tensor:
        rough = (x[:, :, :, 1:] - x[:, :, :, :-1]).abs().mean(dim=(1, 2, 3))
        dark = 0.3 - x.mean(dim=(1, 2, 3))
        return torch.stack([torch.minimum(dark, 0.1 - rough), torch.zeros_like(dark)], dim=1)


# -- Square


@pytest.mark.parametrize("channels", [1, 3])
def test_each_query_paints_one_square_into_the_best_image_so_far(channels: int) -> None:
    """And changes something there: grey squares that lay over others of the same sign would be asked about twice."""
    net, x = small_net(channels=channels, dtype=torch.float64), scans(1, channels=channels, dtype=torch.float64)
    y, steps = own_labels(net, x), 80
    recorder = Recorder(net)
    run_attack(recorder, x, y, AttackSpec(name="square", eps=EPS, steps=steps))
    asked = recorder.seen[1:-1]  # the first is the clean scan, the last the result
    assert len(asked) == steps
    low, high = (x - EPS).clamp(min=0), (x + EPS).clamp(max=1)
    best, margin = asked[0], margin_of(net(asked[0]), y)
    for query, image in enumerate(asked[1:], start=1):
        side = square_side(query, queries=steps, height=16, width=16)
        rows, columns = (image != best).any(dim=1)[0].nonzero().unbind(dim=1)
        assert len(rows) > 0
        assert rows.max() - rows.min() < side and columns.max() - columns.min() < side
        assert ((image == low) | (image == high)).all()
        if margin_of(net(image), y) > margin:
            best, margin = image, margin_of(net(image), y)


def margin_of(logits: Tensor, y: Tensor) -> float:
    rest = logits.scatter(1, y[:, None], -torch.inf).amax(dim=1)
    return float((rest - logits.gather(1, y[:, None]).squeeze(1)).detach())


def test_the_first_query_is_vertical_stripes() -> None:
    net, x = small_net(), scans(5)
    recorder = Recorder(net)
    run_attack(recorder, x, own_labels(net, x), AttackSpec(name="square", eps=EPS, steps=1))
    up = recorder.seen[1] > x
    down = recorder.seen[1] < x
    assert ((x == 1) | up | down | (x == 0)).all()
    assert not (up.any(dim=2) & down.any(dim=2)).any()  # one direction a column
    assert up.any() and down.any() and not torch.equal(up[0].any(dim=1), up[1].any(dim=1))


def test_it_ends_near_the_worst_case_of_a_linear_model() -> None:
    """Whose worst image has each pixel at the end of its range that the weights favour; here they favour patches."""
    net, x = LinearNet(pixels=144, seed=2), scans(8, size=12)
    patches = net.weight.data.reshape(2, 3, 4, 3, 4).mean(dim=(2, 4), keepdim=True).expand(2, 3, 4, 3, 4)
    net.weight.data = patches.reshape(2, 144).clone()
    y = own_labels(net, x)
    result = run_attack(net, x, y, AttackSpec(name="square", eps=0.005, steps=500))
    direction = (net.weight[1 - y] - net.weight[y]).reshape(x.shape).detach()
    ends = torch.where(direction > 0, (x + 0.005).clamp(max=1), (x - 0.005).clamp(min=0))
    most = (direction * (ends - x)).flatten(1).sum(dim=1)
    gained = (direction * (result.adversarial - x)).flatten(1).sum(dim=1)
    assert (gained > 0.9 * most).all() and (gained <= most + 1e-4).all()


# -- HopSkipJump


def test_the_label_is_all_it_uses() -> None:
    net, x = small_net(dtype=torch.float64), scans(4, dtype=torch.float64)
    y = own_labels(net, x)
    spec = default_spec("hop_skip_jump", eps=0.2, steps=3, samples=30)
    with_logits, without = run_attack(net, x, y, spec), run_attack(Labels(net), x, y, spec)
    assert torch.equal(with_logits.adversarial, without.adversarial) and with_logits.success.all()


@pytest.mark.parametrize("classes", [2, 4])
def test_it_comes_as_near_as_foolbox(classes: int) -> None:
    """In as many steps, with no more queries an image."""
    net, x = small_net(classes=classes), scans(7)
    y = own_labels(net, x)
    mine, theirs = Recorder(net), Recorder(net)
    result = run_attack(mine, x, y, default_spec("hop_skip_jump", eps=1.0, steps=4, samples=60))
    attack = foolbox.attacks.HopSkipJumpAttack(steps=4, initial_gradient_eval_steps=60, constraint="linf")
    found = attack.run(foolbox.PyTorchModel(theirs, (0, 1)), x, y)
    distance = (found - x).abs().flatten(1).amax(dim=1)
    assert result.success.all()
    assert result.linf.median() <= 1.3 * distance.median()  # two random searches on few images
    assert sum(map(len, mine.seen)) <= sum(map(len, theirs.seen))


def test_it_nears_the_boundary_of_a_linear_model() -> None:
    """Which lies |margin| over the L1 norm of the difference of the rows away, where the pixel range does not bind."""
    net = LinearNet(pixels=64)
    x = 0.5 + 0.02 * torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = own_labels(net, x)
    result = run_attack(net, x, y, default_spec("hop_skip_jump", eps=1.0, steps=10, samples=200))
    closed = (net(x)[:, 0] - net(x)[:, 1]).abs() / (net.weight[0] - net.weight[1]).abs().sum()
    assert result.success.all()
    assert (result.linf >= closed * (1 - 1e-4)).all() and (result.linf < 1.5 * closed).all()


def test_it_starts_where_all_white_noise_is_of_the_scans_class() -> None:
    """And gives up, unfooled, where no noise of any grain is of another."""
    x, net = 0.9 * scans(3, dtype=torch.float64) + 0.1, WhiteNoiseIsOne().eval()
    spec = default_spec("hop_skip_jump", eps=1.0, steps=2, samples=10)
    result = run_attack(net, x, torch.ones(3, dtype=torch.int64), spec)
    assert result.success.all()
    constant = LinearNet(pixels=256, classes=3)
    constant.weight.data.zero_()
    result = run_attack(constant, scans(2), torch.zeros(2, dtype=torch.int64), spec)
    assert not result.success.any() and result.steps_run == 2 and (result.linf == 0).all()
