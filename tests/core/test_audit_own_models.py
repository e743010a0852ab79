"""Somebody's own model on the audit's bench: the right verdict, or a refusal whose remedy puts it right."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from audit_nets import honest
from cli_runs import Run, assert_refused
from refusals import refused_as
from torch import Tensor, nn

from meddef_core.attacks import AttackResult, AttackSpec, default_spec, run_attack
from meddef_core.auditing import QUICK, Audit, AuditPlan, AuditSubject, audit
from meddef_core.auditing.broken.nets import Quantiser, SaturatedLogits, Wrapper, k_winners
from meddef_core.auditing.original import as_handed_over, private_copy
from meddef_core.auditing.outputs import check_outputs, choose_channels, wide_inputs
from meddef_core.auditing.subject import Harness
from meddef_core.errors import ModelError

SMALL: AuditPlan = replace(QUICK, steps=8, queries=60, decision_images=2, bypass_images=6)
CLASSES = ("ant", "bee", "cat", "dog")


class As(Wrapper):
    """An honest network whose outputs are changed by a function."""

    def __init__(self, change: Callable[[Tensor], Any], *, name: str = "grey") -> None:
        super().__init__(honest(name).network)
        self.change = change

    def forward(self, x: Tensor) -> Any:
        return self.change(self.network(x))


def examined(
    network: nn.Module, *, name: str = "grey", eps: float = 3 / 255, only: Any = None, harness: Harness = run_attack
) -> Audit:
    trained = honest(name)
    about = {"x": trained.x, "y": trained.y, "classes": trained.classes, "eps": eps, "harness": harness}
    return audit(AuditSubject(network=network, **about), plan=SMALL, only=only)


# -- probabilities are no logits


PROBABILITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda z: z.softmax(dim=1),
    "two independent sigmoids": lambda z: 0.07 + 0.85 * (z / 4).sigmoid(),
    "clipped": lambda z: z.softmax(dim=1).clamp(1e-3, 1 - 1e-3),
    "percentages": lambda z: 100 * z.softmax(dim=1),
    "smoothed": lambda z: 0.9 * z.softmax(dim=1) + 0.025,
}
LOGITS: dict[str, Callable[[Tensor], Tensor]] = {
    "logits": lambda z: z,
    "log softmax": lambda z: z.log_softmax(dim=1),
    "small logits": lambda z: 0.5 + 1e-3 * z,
    "positive logits": lambda z: z.exp(),
    "logits that sum to 1": lambda z: z - z.mean(dim=1, keepdim=True) + 0.25,
}


@pytest.mark.parametrize("name", list(PROBABILITIES))
@pytest.mark.parametrize("network", ["grey", "windows"])
def test_probabilities_are_red_and_told_what_to_return(name: str, network: str) -> None:
    change = PROBABILITIES[name]
    (found,) = examined(As(change, name=network), name=network, only={"outputs_logits"}).findings
    assert found.severity == "red" and "return the values before it" in found.sentence


@pytest.mark.parametrize("name", list(LOGITS))
def test_logits_are_accepted_however_small(name: str) -> None:
    (found,) = examined(As(LOGITS[name]), only={"outputs_logits"}).findings
    assert found.status == "passed", found.sentence


class Strict(Wrapper):
    """Refuses what lies outside [0, 1], as its owner may."""

    def forward(self, x: Tensor) -> Tensor:
        if x.min() < 0 or x.max() > 1:
            raise ValueError("pixels must lie in [0, 1]")
        return super().forward(x)


def test_a_model_that_refuses_scaled_pixels_is_judged_by_the_others() -> None:
    assert examined(Strict(honest("grey").network), only={"outputs_logits"}).verdict == "green"
    probabilities = Strict(As(lambda z: z.softmax(dim=1)))
    assert examined(probabilities, only={"outputs_logits"}).verdict == "red"


def test_wide_inputs_are_images() -> None:
    for size in (1, 3, 32):
        wide = wide_inputs(honest("grey").x[:size])
        assert wide.shape[1:] == honest("grey").x.shape[1:] and wide.dtype == torch.float32
        assert bool(((wide >= 0) & (wide <= 1)).all())


# -- 0% cannot be an overestimate


class SameFarAway(Wrapper):
    """Falls at a small epsilon; images moved much further are read as the ones they came from."""

    def __init__(self, network: nn.Module, x: Tensor, y: Tensor, *, beyond: float) -> None:
        super().__init__(network)
        self.clean, self.labels, self.beyond = x, y, beyond

    def forward(self, x: Tensor) -> Tensor:
        distance = (x[:, None] - self.clean[None]).abs().flatten(2).amax(dim=2)
        nearest = distance.min(dim=1)
        own = 50 * nn.functional.one_hot(self.labels[nearest.indices], 4).float()
        return torch.where((nearest.values > self.beyond)[:, None], own, super().forward(x))


def test_what_falls_at_epsilon_is_not_flagged_for_what_holds_further_away() -> None:
    """Nothing is left at epsilon. At 0.5 PGD's steps jump past that: finer ones from the image itself do not."""
    trained, eps = honest("grey"), 8 / 255
    network = SameFarAway(trained.network, trained.x, trained.y, beyond=1.5 * eps)
    assert (
        run_attack(network, trained.x, trained.y, default_spec("pgd", eps=0.5, steps=8)).success.sum() < 8
    )  # what a coarse attack says
    found = examined(network, eps=eps)
    assert found.robust == 0 and found.verdict != "red", [each for each in found.failing if each.severity == "red"]
    status = {each.check: each.status for each in found.findings}
    assert status["reaches_zero"] == status["falls_with_epsilon"] == "passed"


def test_a_lazy_attack_at_a_larger_epsilon_is_amber_where_nothing_is_left() -> None:
    def lazy(model: nn.Module, x: Tensor, y: Tensor, spec: AttackSpec, **more: Any) -> AttackResult:
        return run_attack(model, x, y, replace(spec, eps=min(spec.eps, 0.001)) if spec.eps > 0.04 else spec, **more)

    found = examined(honest("grey").network, eps=8 / 255, harness=lazy)
    assert found.robust == 0 and found.verdict == "amber"
    figures = {each.check: each for each in found.findings}
    assert figures["falls_with_epsilon"].severity == "amber" and figures["reaches_zero"].status == "passed"


def test_a_gradient_flaw_at_zero_is_amber_and_says_why() -> None:
    network = k_winners(honest("grey").network)
    found = examined(network, eps=8 / 255, only={"no_jumps", "beats_noise"})
    assert found.robust == 0 and found.verdict == "amber"
    assert all("0% already" in each.sentence for each in found.failing)


def test_a_contract_flaw_at_zero_stays_red() -> None:
    network = As(lambda z: z.softmax(dim=1))
    found = examined(network, eps=0.5, only={"outputs_logits", "beats_noise"})
    assert found.verdict == "red" and found.failing[0].check == "outputs_logits"


def test_an_overestimate_stays_red() -> None:
    for network in (Quantiser(honest("grey").network), SaturatedLogits(honest("grey").network)):
        assert examined(network, only={"gradient_present"}).verdict == "red"


# -- outputs that are something else than logits


@dataclass
class Output:
    hidden: Tensor
    logits: Tensor


class Named(NamedTuple):
    logits: Tensor
    hidden: Tensor


class Plain:
    def __init__(self, scores: Tensor) -> None:
        self.scores = scores


def _single(z: Tensor) -> Tensor:
    return z[:, 1:2] - z[:, 0:1]


MANY = torch.randn(4, 14, generator=torch.Generator().manual_seed(3))

OTHERS: dict[str, tuple[str, Callable[[Tensor], Any], str, str]] = {
    "dict": ("grey", lambda z: {"features": z.new_zeros(len(z), 7), "logits": z}, "a dict", "out['logits']"),
    "tuple": ("grey", lambda z: (z, z.new_zeros(len(z), 9)), "a tuple", "out[0]"),
    "list": ("grey", lambda z: [z.new_zeros(len(z), 9), z], "a list", "out[1]"),
    "dataclass": ("grey", lambda z: Output(z.new_zeros(len(z), 5), z), "a dataclass", "out.logits"),
    "named tuple": ("grey", lambda z: Named(z, z.new_zeros(len(z), 5)), "a Named", "out.logits"),
    "object": ("grey", Plain, "a Plain", "out.scores"),
    "nested": ("grey", lambda z: {"head": (z,)}, "a dict", "out['head'][0]"),
    "position axes": ("grey", lambda z: z[:, :, None, None], "32 x 4 x 1 x 1 values", "out.reshape(len(out), -1)"),
    "single logit": ("windows", _single, "32 x 1 values", "out * out.new_tensor([0.0, 1.0])"),
    "flat logit": ("windows", lambda z: _single(z)[:, 0], "32 values", "out.reshape(len(out), -1) * out"),
    "single sigmoid": ("windows", lambda z: _single(z).sigmoid(), "32 x 1 values", "out.logit(eps=1e-6) * out"),
    "single in a dict": ("windows", lambda z: {"p": _single(z)}, "a dict", "out['p'] * out['p'].new_tensor"),
    "14 labels": ("grey", lambda z: torch.cat([z, z @ MANY[:, :10]], dim=1), "32 x 14 values", "out[:, [0, 1, 2, 3]]"),
}


@pytest.mark.parametrize("name", list(OTHERS))
def test_other_outputs_get_a_sentence_and_two_lines_that_fix_them(name: str) -> None:
    below, change, what, expression = OTHERS[name]
    trained = honest(below)
    classes = CLASSES[: trained.classes]
    model = As(change, name=below)
    with pytest.raises(ModelError) as caught:
        check_outputs(model, trained.x, classes=classes)
    sentence, code = str(caught.value), caught.value.code
    assert f"returned {what}" in sentence and "\n" not in sentence and sentence.endswith(".")
    assert len(code) == 2 and expression in code[1]
    # The code itself, as its owner would write it into the function that builds the model.
    scope: dict[str, Any] = {}
    exec("def build(model):\n    " + "\n    ".join(code), scope)
    adapted = scope["build"](model)
    check_outputs(adapted, trained.x, classes=classes)
    assert not any(module.training for module in adapted.modules())
    with torch.no_grad():
        assert torch.equal(adapted(trained.x).argmax(dim=1), trained.network(trained.x).argmax(dim=1))
    found = examined(adapted, name=below, only={"outputs_logits", "gradient_present", "finite_differences"})
    assert found.verdict == "green", found.failing


def test_a_small_logit_is_not_taken_for_a_sigmoid() -> None:
    """On these scans it lies in [0, 1]; elsewhere it does not."""
    trained = honest("windows")
    with torch.no_grad():
        z = _single(trained.network(trained.x))
    low, span = float(z.min()), float(z.max() - z.min())
    with pytest.raises(ModelError) as caught:
        check_outputs(As(lambda z: (_single(z) - low) / span, name="windows"), trained.x, classes=CLASSES[:2])
    assert "logit" not in caught.value.code[1]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda z: z.argmax(dim=1), "whole numbers"),
        (lambda z: z[:, :2], "32 x 2 values for 32 images of 4 classes"),
        (lambda z: z.mean(), "single values"),
        (lambda z: "cat", "a str"),
        (lambda z: {"names": ["cat"]}, "a dict"),
        (lambda z: z.numpy(), "a ndarray"),
        (lambda z: z * torch.nan, "returned NaN"),
        (lambda z: z.bfloat16(), "return model.float()"),
        (lambda z: z.half(), "computes in float16"),
    ],
)
def test_what_no_wrapper_mends_gets_a_sentence_alone(change: Callable[[Tensor], Any], part: str) -> None:
    with pytest.raises(ModelError) as caught:
        check_outputs(As(change), honest("grey").x, classes=CLASSES)
    assert part in str(caught.value) and "\n" not in str(caught.value) and caught.value.code == ()


# -- a model that is not as the bench needs it


class SubtractsInPlace(Wrapper):
    def forward(self, x: Tensor) -> Tensor:
        x -= 0.1
        return super().forward(x)


class PastAutograd(Wrapper):
    def forward(self, x: Tensor) -> Tensor:
        x.data.mul_(0.9)
        return super().forward(x)


def _with_relu() -> nn.Module:
    return nn.Sequential(nn.ReLU(inplace=True), honest("grey").network).eval()


@pytest.mark.parametrize(
    "build",
    [lambda: SubtractsInPlace(honest("grey").network), lambda: PastAutograd(honest("grey").network), _with_relu],
)
def test_a_model_that_changes_its_input_is_told_how_not_to(build: Callable[[], nn.Module]) -> None:
    model, x = build(), honest("grey").x.clone()
    for ask in (lambda: choose_channels(model, size=16), lambda: check_outputs(model, x, classes=CLASSES)):
        with pytest.raises(ModelError) as caught:
            ask()
        assert "in place" in str(caught.value) and "x = x - mean" in str(caught.value)
    assert torch.equal(x, honest("grey").x)


@pytest.mark.parametrize(
    ("move", "remedy"),
    [
        (lambda net: net.bfloat16(), "is bfloat16 and the images are float32: return model.float()"),
        (lambda net: net.half(), "is float16 and the images are float32: return model.float()"),
        (lambda net: net.double(), "is float64 and the images are float32: return model.float()"),
        (lambda net: net.to("meta"), "holds no values (device meta): load the weights"),
    ],
)
def test_weights_of_another_kind_are_named_with_their_remedy(
    move: Callable[[nn.Module], nn.Module], remedy: str
) -> None:
    model = move(private_copy(honest("grey").network))
    with pytest.raises(ModelError) as caught:
        choose_channels(model, size=16)
    assert remedy in str(caught.value) and "--size" not in str(caught.value)
    with pytest.raises(ModelError) as caught:
        check_outputs(model, honest("grey").x, classes=CLASSES)
    assert remedy in str(caught.value)
    found = examined(model, only={"batch_neighbours", "gradient_present"})
    assert found.verdict == "red" and all(remedy in each.sentence for each in found.findings)


def test_a_model_that_converts_its_input_keeps_its_weights() -> None:
    class Double(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = private_copy(honest("grey").network).double()

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x.double())

    model = Double().eval()
    assert choose_channels(model, size=16) == 1
    check_outputs(model, honest("grey").x, classes=CLASSES)
    assert examined(model, only={"finite_differences", "pixel_budget", "outputs_logits"}).verdict == "green"


def test_a_size_that_does_not_fit_still_asks_for_the_size() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)).eval()
    with refused_as(ModelError, "audit.neither-grey-colour"):
        choose_channels(model, size=16)


# -- the original


def test_the_original_is_compared_by_value_shape_and_mode() -> None:
    model = private_copy(honest("grey").network)
    original = as_handed_over(model)
    original.check()
    model.train()
    with refused_as(ModelError, "audit.original-changed"):
        original.check()
    model.eval()
    original.check()
    with torch.no_grad():
        next(model.parameters())[0] += 1
    with pytest.raises(ModelError, match=r"1\.weight of the original changed"):
        original.check()


def test_a_model_that_cannot_be_copied_is_refused() -> None:
    model = private_copy(honest("grey").network)
    model.stream = (value for value in ())  # type: ignore[assignment]
    with refused_as(ModelError, "audit.cannot-copy"):
        private_copy(model)
    (found,) = examined(model, only={"other_implementation"}).findings
    assert found.status == "not applicable" and "cannot be copied" in found.sentence


SOURCE = """
import torch
from torch import nn

SHARED = torch.zeros(1)

def net(classes=3):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, classes)
    ).eval()

class Wraps(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.net = net(classes)

class Leaks(Wraps):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", SHARED)
    def __deepcopy__(self, memo):
        return self
    def forward(self, x):
        SHARED.add_(1)
        return self.net(x)

class Dictionary(Wraps):
    def forward(self, x): return {"logits": self.net(x)}

class Fourteen(Wraps):
    def __init__(self): super().__init__(14)
    def forward(self, x): return self.net(x)

class InPlace(Wraps):
    def forward(self, x):
        x -= 0.5
        return self.net(x)

def brain(): return net().bfloat16()
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A module and a folder of three classes of noise."""
    import numpy as np
    from PIL import Image

    root = tmp_path_factory.mktemp("own")
    (root / "mine.py").write_text(SOURCE)
    rng = np.random.default_rng(0)
    for name in CLASSES[:3]:
        (root / "images" / name).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(
                root / "images" / name / f"{number}.png"
            )
    return root / "mine.py", root / "images"


def _audited(run: Run, own: tuple[Path, Path], name: str) -> Any:
    return run("audit", "--module", f"{own[0]}:{name}", "--data", own[1], "--size", 16, "--images", 9, "--eps", "2/255")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("InPlace", "in place"),
        ("brain", "return model.float()"),
        ("Leaks", "calls of the original changed"),
    ],
)
def test_refusals_on_the_command_line_are_one_sentence(run: Run, own: tuple[Path, Path], name: str, part: str) -> None:
    assert_refused(_audited(run, own, name), part)


@pytest.mark.parametrize(("name", "expression"), [("Dictionary", "out['logits']"), ("Fourteen", "out[:, [0, 1, 2]]")])
def test_two_lines_of_code_follow_the_sentence(run: Run, own: tuple[Path, Path], name: str, expression: str) -> None:
    result = _audited(run, own, name)
    assert result.code == 2 and result.out == ""
    sentence, *code = result.err.splitlines()
    assert sentence.startswith("The model returned ") and sentence.endswith(".")
    assert code == [
        "    from meddef_core.auditing import Adapted",
        f"    return Adapted(model, lambda out: {expression})",
    ]


def test_the_head_names_flaws_scans_robust_accuracy_and_epsilon(run: Run, own: tuple[Path, Path]) -> None:
    head, numbers, *_ = _audited(run, own, "net").out.splitlines()
    assert "mine.py:net at 2/255 (0.0078): " in head
    assert " on 9 scans. Robust accuracy is at most " in numbers and " of 9, 95% interval " in numbers
    assert "at 2/255 (0.0078); clean accuracy is " in numbers
