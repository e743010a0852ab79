"""Deliberately broken defences: each makes an honest network look robust, and an audit must see through it.

They are what the audit is tested with, and what its mistakes are taught with.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from meddef_core.attacks import run_attack
from meddef_core.auditing.broken import attacks, nets
from meddef_core.auditing.subject import Harness
from meddef_core.baselines import get_baseline
from meddef_core.errors import ModelError
from meddef_core.text import Text


@dataclass(frozen=True, kw_only=True)
class BrokenDefence:
    """One way to a robustness number that means nothing."""

    name: str
    title: str
    one_line: str
    """What it does, for a reader who is no expert."""
    flaw: str
    """Why the number it gives means nothing."""
    citation: str
    caught_by: tuple[str, ...]
    """Names of the checks of which at least one must fail, because they look for this flaw."""
    build: Callable[[nn.Module], nn.Module]
    """Takes an honest network in eval mode, returns the broken one in eval mode; the network itself stays as it is."""
    harness: Harness = run_attack
    """The attack code, where the flaw is in that."""


ATHALYE = "Athalye, Carlini and Wagner 2018, Obfuscated gradients give a false sense of security, arXiv:1802.00420 "
CARLINI = "Carlini et al. 2019, On evaluating adversarial robustness, arXiv:1902.06705 "
PINTOR = "Pintor et al. 2022, Indicators of attack failure, arXiv:2106.09947 "


def _itself(network: nn.Module) -> nn.Module:
    return network


_DEFENCES = (
    BrokenDefence(
        name="quantiser",
        title=Text("audit.quantiser", "Quantiser"),
        build=nets.Quantiser,
        caught_by=("gradient_present",),
        one_line=Text("audit.rounds-every", "Rounds every pixel to one of 16 grey levels before the network sees it."),
        flaw=Text("audit.rounding-gradient", "Rounding has a gradient of zero, so a gradient attack stands still."),
        citation=ATHALYE + "(section 5.2)",
    ),
    BrokenDefence(
        name="jpeg",
        title="JPEG",
        build=get_baseline("jpeg").build,
        caught_by=("gradient_present",),
        one_line="Compresses the image as JPEG before the network sees it.",
        flaw="The compression passes no gradient at all, so a gradient attack cannot run; it can be bypassed.",
        citation=ATHALYE + "(section 5.2)",
    ),
    BrokenDefence(
        name="detached",
        title="Detached gradient",
        build=nets.Detached,
        caught_by=("gradient_present",),
        one_line="Cuts the graph, and puts zeros where the gradient would be, so that nothing raises.",
        flaw="The gradient is zero by construction, not because the network is robust.",
        citation=ATHALYE + "(section 3)",
    ),
    BrokenDefence(
        name="saturated_logits",
        title=Text("audit.saturated-logits", "Saturated logits"),
        build=nets.SaturatedLogits,
        caught_by=("gradient_present", "softmax_open"),
        one_line=Text("audit.multiplies-logits", "Multiplies the logits by 1000; every reading stays the same."),
        flaw=Text(
            "audit.softmax-rounds",
            "Softmax rounds to 0 and 1, so that cross-entropy has no gradient left; the margin has.",
        ),
        citation="Carlini and Wagner 2017, Towards evaluating the robustness of neural networks, arXiv:1608.04644 "
        "(section 4)",
    ),
    BrokenDefence(
        name="wrong_gradient",
        title="Wrong gradient",
        build=nets.WrongGradient,
        caught_by=("finite_differences",),
        one_line="Computes the right logits, but passes random signs on as their gradient.",
        flaw="The attack walks at random, so all that holds against it is noise of its size.",
        citation=PINTOR + "(section 3)",
    ),
    BrokenDefence(
        name="rippled",
        title="Rippled surface",
        build=nets.Rippled,
        caught_by=("no_jumps", "nearby_gradients", "beats_noise", "square"),
        one_line="Adds a ripple to every pixel, too low to be seen and far too steep to be climbed over.",
        flaw="The gradient is that of the ripple, as after catastrophic overfitting: it holds at one point only.",
        citation="Andriushchenko and Flammarion 2020, Understanding and improving fast adversarial training, "
        "arXiv:2007.02617 (section 4)",
    ),
    BrokenDefence(
        name="k_winners",
        title="k winners take all",
        build=nets.k_winners,
        caught_by=("no_jumps",),
        one_line="Replaces every activation by one that keeps only the largest tenth of its values.",
        flaw="The network jumps wherever another value wins, so gradients lead nowhere; other attacks do.",
        citation="Xiao, Zhong and Zheng 2020, Enhancing adversarial defense by k-winners-take-all, arXiv:1905.10510; "
        "broken by Tramer et al. 2020, On adaptive attacks to adversarial example defenses, arXiv:2002.08347 "
        "(section 5)",
    ),
    BrokenDefence(
        name="random_resize",
        title="Random resize and pad",
        build=nets.RandomResize,
        caught_by=("forwards_agree",),
        one_line="Shrinks every image by a random amount and puts it at a random place.",
        flaw="Each call is another network: an image made for one draw meets another. Gradients must be averaged.",
        citation="Xie et al. 2018, Mitigating adversarial effects through randomization, arXiv:1711.01991; broken by "
        + ATHALYE
        + "(section 5.3)",
    ),
    BrokenDefence(
        name="noisy_logits",
        title="Noise on the logits",
        build=nets.NoisyLogits,
        caught_by=("forwards_agree",),
        one_line="Adds random noise to the logits, so that close calls fall now here, now there.",
        flaw="Whether an image fools is a matter of luck, and the attack's best image need not fool the next time.",
        citation=CARLINI + "(section 3.4)",
    ),
    BrokenDefence(
        name="constant",
        title="Constant network",
        build=nets.ConstantClassifier,
        caught_by=("several_classes",),
        one_line="Names one class, whatever the image; its images of that class can never be broken.",
        flaw="It reads nothing: robust accuracy is the share of the class it always names.",
        citation=CARLINI + "(section 3.2)",
    ),
    BrokenDefence(
        name="probabilities",
        title="Probabilities as logits",
        build=nets.Probabilities,
        caught_by=("outputs_logits",),
        one_line="Returns softmax probabilities where logits are expected.",
        flaw="The loss takes softmax of a softmax: it is flat, and gradients are too small to follow.",
        citation=CARLINI + "(section 4.3)",
    ),
    BrokenDefence(
        name="normalised_inputs",
        title="Normalisation outside",
        build=nets.NormalisedInputs,
        caught_by=("pixel_range", "better_than_guessing"),
        one_line="Expects images that were normalised beforehand, to mean 0 and deviation 1.",
        flaw="An epsilon for pixels is another epsilon to it: 4/255 is meant as 1/255, or the other way round.",
        citation=CARLINI + "(section 4.4)",
    ),
    BrokenDefence(
        name="normalised_epsilon",
        title=Text("audit.epsilon-normalised", "Epsilon in normalised units"),
        build=_itself,
        harness=attacks.normalised_epsilon,
        caught_by=("pixel_budget", "known_optimum"),
        one_line=Text(
            "audit.attack-moves",
            "The attack moves normalised pixels by epsilon, which is a quarter of epsilon in the image.",
        ),
        flaw=Text("audit.budget-reported", "The reported attack strength was never used."),
        citation=CARLINI + "(section 4.4)",
    ),
    BrokenDefence(
        name="swallowed_exception",
        title=Text("audit.swallowed-exception", "Swallowed exception"),
        build=nets.RaisesUnderGradient,
        harness=attacks.swallowing,
        caught_by=("harness_tells_errors", "errors_show"),
        one_line=Text(
            "audit.network-raises",
            "The network raises as soon as a gradient is wanted, and the attack returns the image it was given.",
        ),
        flaw=Text("audit.images-never", "Images that were never attacked count as robust."),
        citation=PINTOR + "(section 3)",
    ),
    BrokenDefence(
        name="clean_images",
        title="Attack that does nothing",
        build=_itself,
        harness=attacks.clean_images,
        caught_by=("pixel_budget", "known_optimum", "beats_noise"),
        one_line="The attack reports success or failure on the images it was given.",
        flaw="Robust accuracy is clean accuracy.",
        citation=PINTOR + "(section 3)",
    ),
    BrokenDefence(
        name="nan_under_attack",
        title="NaN under attack",
        build=nets.NaNUnderAttack,
        caught_by=("errors_show",),
        one_line="Returns NaN for pixels that are no multiple of 1/255, which clean images have and attacked ones not.",
        flaw="A NaN compares as smaller than everything, and the first class is named: no attack seems to succeed.",
        citation=PINTOR + "(section 3)",
    ),
    BrokenDefence(
        name="training_batch_norm",
        title="Batch norm in training mode",
        build=nets.TrainingBatchNorm,
        caught_by=("batch_neighbours", "eval_mode"),
        one_line="Normalises by the statistics of the batch, also when it is asked for a reading.",
        flaw="An image made in one batch meets other statistics in another, and no longer fools.",
        citation=CARLINI + "(section 4.3)",
    ),
    BrokenDefence(
        name="batch_neighbours",
        title="Looks at its neighbours",
        build=nets.BatchNeighbours,
        caught_by=("batch_neighbours",),
        one_line="Subtracts from every image's logits what the batch has in common.",
        flaw="It is no function of an image: attacked together, images undo each other.",
        citation=CARLINI + "(section 4.3)",
    ),
)

BROKEN: dict[str, BrokenDefence] = {each.name: each for each in _DEFENCES}


def get_broken(name: str) -> BrokenDefence:
    """The broken defence of that name; ModelError naming those there are."""
    try:
        return BROKEN[name]
    except KeyError:
        raise ModelError(
            Text(
                "audit.no-broken-defence",
                "There is no broken defence {name}; choose one of {known}.",
                name=repr(name),
                known=", ".join(BROKEN),
            )
        ) from None
