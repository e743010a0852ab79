"""Whether the gradient is there, is right, and says something about the model beyond a single point."""

import torch
from torch import Tensor

from meddef_core.attacks.draws import draw_signs, draw_uniform
from meddef_core.attacks.search import input_gradient
from meddef_core.auditing.bench import CHUNK, Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, Severity, failed, overstated, passed
from meddef_core.model import MedDef
from meddef_core.text import Text

SATURATED_GAP = 16.0
"""Logit gap from which 1 - p is below float32's resolution, so that cross-entropy loses its own label's gradient."""

FINE = {torch.float64: 1e-6, torch.float32: 1e-3}
"""Step of finite differences: small against a pixel, large against rounding."""

COARSE = 1e-4
"""A fortieth of a grey level: honest networks are straight over such a change (1.4 % off at most on small and shipped
ones), networks that jump are not (20 to 100 %)."""

ASIDE = 2e-3
"""How far beside a scan slopes are taken: half a grey level. In regions of one grey max pooling finds ties, at which
there is no slope."""

WRONG = {torch.float64: 0.05, torch.float32: 0.3}
"""Relative error from which a slope counts as wrong. float32 sums of 50,000 pixels over so small a step are coarse."""

BENT = 0.05
"""Mean relative error from which a slope over `COARSE` counts as bent."""

LEAST_COSINE = 0.05
"""Honest networks, also undefended ones, stay above; a shattered gradient is near 0."""

SHUT, OPEN = 0.01, 0.99
"""A gate beyond these passes less than a twenty-fifth of the gradient that it would at 0.5."""


def gradient_present(bench: Bench) -> CheckOutcome:
    """Share of images read rightly whose cross-entropy gradient is zero everywhere."""
    index = bench.where(bench.right)
    if len(index) == 0:
        return failed("amber", "No image is read rightly, so no gradient was looked at.", zero=0, n=0)
    gradient = bench.gradient(bench.x[index], index=index, kind="ce")
    zero = int((gradient.flatten(1).abs().amax(dim=1) == 0).sum())
    if zero:
        severe = zero >= max(2, len(index) // 10)
        return overstated(
            "red" if severe else "amber",
            f"{zero} of {len(index)} images have a gradient that is zero everywhere, so "
            "gradient attacks cannot move from them.",
            zero=zero,
            n=len(index),
        )
    return passed(f"All {len(index)} images have a gradient.", zero=0, n=len(index))


def softmax_open(bench: Bench) -> CheckOutcome:
    """Share of images whose two best logits are so far apart that softmax rounds to 1."""
    best = bench.logits.topk(2, dim=1).values
    closed = int((best[:, 0] - best[:, 1] > SATURATED_GAP).sum())
    words = f"{closed} of {len(bench)} images have a softmax that rounds to 1"
    if closed > len(bench) // 2:
        return failed(
            "amber",
            f"{words}: cross-entropy is flat there; only attacks on the margin of the logits count.",
            saturated=closed,
            n=len(bench),
        )
    return passed(f"{words}.", saturated=closed, n=len(bench))


def finite_differences(bench: Bench) -> CheckOutcome:
    """Slopes of the margin along the gradient's sign and at random, by the gradient and by two forward passes."""
    _, dtype = bench.exact
    # Along random signs a slope is a small difference of large sums: only float64 resolves it.
    draws = (0, 1) if dtype == torch.float64 else ()
    errors = [
        error
        for place in _probes(bench)
        for error in _slope_errors(bench, place, size=FINE[dtype], draws=draws, aside=ASIDE)
    ]
    wrong = sum(error > WRONG[dtype] for error in errors)
    figures = {"wrong": wrong, "slopes": len(errors)}
    words = f"{wrong} of {len(errors)} slopes differ from finite differences"
    if wrong:
        severity: Severity = "red" if wrong > len(errors) // 4 else "amber"
        return overstated(severity, f"{words}: the gradient is not that of the function the model computes.", **figures)
    return passed(f"{words}.", **figures)


def no_jumps(bench: Bench) -> CheckOutcome:
    """Mean relative error of the slope along the gradient's sign over a change far below one grey level."""
    _, dtype = bench.exact
    errors = [_slope_errors(bench, place, size=COARSE, draws=())[0] for place in _probes(bench)]
    error = sum(errors) / max(1, len(errors))
    words = f"Over a change of a fortieth of a grey level, the gradient's prediction is off by {error:.1%}"
    if error > (BENT if dtype == torch.float64 else WRONG[dtype]):
        words = f"{words}: the model is discontinuous, or too curved for any attack to follow."
        return overstated("red", words, error=error)
    return passed(f"{words}.", error=error)


def _probes(bench: Bench) -> list[int]:
    """Positions of some images that are read rightly."""
    return [int(place) for place in bench.some(bench.where(bench.right), bench.plan.probes)]


def _slope_errors(bench: Bench, place: int, *, size: float, draws: tuple[int, ...], aside: float = 0.0) -> list[float]:
    """Relative errors in [0, 1] of an image's slope: along the gradient's sign, then along random signs.

    `aside` moves the image by random noise of that size first, and off the ends of [0, 1].
    """
    network, dtype = bench.exact
    # One image at a time: differences this small would show any neighbour's influence.
    x, label = bench.x[place][None].to(dtype), int(bench.y[place])
    if aside:
        x = x.clamp(2 * aside, 1 - 2 * aside) + aside * draw_uniform(x, seed=bench.subject.seed, draw=0)
    with torch.inference_mode(False), torch.enable_grad():
        leaf = x.clone().requires_grad_()
        logits = network(leaf)
        rival = int(logits[0].index_fill(0, torch.tensor(label), -torch.inf).argmax())
        gradient = input_gradient(logits[:, rival] - logits[:, label], leaf)

    def height(images: Tensor) -> Tensor:
        with torch.no_grad():
            logits: Tensor = network(images)
        return logits[0, rival] - logits[0, label]

    errors: list[float] = []
    for direction in (gradient.sign(), *(draw_signs(x, seed=bench.subject.seed, draw=draw) for draw in draws)):
        measured = (height(x + size * direction) - height(x - size * direction)) / (2 * size)
        foretold = (gradient * direction).sum()
        # Random signs can cancel out to a slope near 0, whose own size is no measure; the gradient's length is.
        least = gradient.norm().clamp(min=torch.finfo(dtype).tiny)
        scale = torch.maximum(measured.abs() + foretold.abs(), least)
        errors.append(float((measured - foretold).abs() / scale))
    return errors


def noise_stability(bench: Bench) -> CheckOutcome:
    """Readings that a random change of a quarter of epsilon turns."""
    index = bench.where(bench.right)
    x = bench.x[index]
    noise = draw_signs(x, seed=bench.subject.seed, draw=0) if len(index) else x
    noisy = (x + bench.subject.eps / 4 * noise).clamp(0, 1)
    turned = int((bench.ask(noisy).argmax(dim=1) != bench.y[index]).sum()) if len(index) else 0
    words = f"Noise of a quarter of epsilon changes {turned} of {len(index)} predictions"
    if turned > max(1, len(index) // 10):
        return failed("amber", f"{words}: the model is unstable around the images.", turned=turned, n=len(index))
    return passed(f"{words}.", turned=turned, n=len(index))


def nearby_gradients(bench: Bench) -> CheckOutcome:
    """Mean cosine between the gradient at an image and at a random image half of epsilon away."""
    index = bench.where(bench.right)[:CHUNK]
    if len(index) == 0:
        return failed("amber", "No image is read rightly, so no gradient was compared.", cosine=0.0)
    x = bench.x[index]
    moved = (x + bench.subject.eps / 2 * draw_uniform(x, seed=bench.subject.seed, draw=0)).clamp(0, 1)
    here, there = (bench.gradient(images, index=index).flatten(1) for images in (x, moved))
    cosine = float(torch.nn.functional.cosine_similarity(here, there, dim=1).mean())
    words = f"The gradient at an image and half of epsilon away have a mean cosine of {cosine:.2f}"
    if cosine < LEAST_COSINE:
        return failed(
            "amber",
            f"{words}: it is not valid beyond a single point, as after catastrophic overfitting.",
            cosine=cosine,
        )
    return passed(f"{words}.", cosine=cosine)


def open_gates(bench: Bench) -> CheckOutcome:
    """Share of AFD gates and channel attention weights that are nearly shut or fully open."""
    assert isinstance(bench.network, MedDef)
    with torch.no_grad():
        maps = bench.network.trace(bench.x[:CHUNK]).daam
    shares = {
        name: float(((gate < SHUT) | (gate > OPEN)).float().mean())
        for name, gate in (("afd", maps.afd_gate), ("channel_attention", maps.channel_attention))
        if gate is not None
    }
    worst = max(shares, key=lambda name: shares[name])
    title = {"afd": "AFD gates", "channel_attention": "channel attention weights"}[worst]
    words = f"{shares[worst]:.0%} of the {title} are saturated"
    if shares[worst] > 0.5:
        return failed("amber", f"{words}, and pass almost no gradient.", **shares)
    return passed(f"{words}.", **shares)


ORDER = 40
CHECKS = (
    Check(
        group="gradients",
        name="gradient_present",
        title=Text("audit.gradients-exist", "Gradients exist"),
        severity="red",
        run=gradient_present,
        raised_if="Raised if the loss gradient of an image is missing, or zero at every pixel.",
    ),
    Check(
        group="gradients",
        name="softmax_open",
        title=Text("audit.softmax-not", "Softmax not saturated"),
        severity="amber",
        run=softmax_open,
        raised_if="Raised if softmax rounds to 1 on more than half of the images.",
    ),
    Check(
        group="gradients",
        name="finite_differences",
        title=Text("audit.finite-differences", "Finite differences agree"),
        severity="red",
        run=finite_differences,
        raised_if="Raised if the gradient's slope differs from the one that two forward passes measure.",
    ),
    Check(
        group="gradients",
        name="no_jumps",
        title=Text("audit.no-jumps", "No jumps"),
        severity="red",
        run=no_jumps,
        raised_if="Raised if the gradient does not predict the effect of a fortieth of a grey level.",
    ),
    Check(
        group="gradients",
        name="noise_stability",
        title=Text("audit.stable-under", "Stable under small noise"),
        severity="amber",
        run=noise_stability,
        raised_if="Raised if random noise of a quarter of epsilon changes over a tenth of the predictions.",
    ),
    Check(
        group="gradients",
        name="nearby_gradients",
        title=Text("audit.gradient-valid", "Gradient valid nearby"),
        severity="amber",
        run=nearby_gradients,
        raised_if="Raised if the gradients at an image and close to it point in unrelated directions.",
    ),
    Check(
        group="gradients",
        name="open_gates",
        title=Text("audit.gates-not", "Gates not saturated"),
        severity="amber",
        run=open_gates,
        needs=("daam",),
        raised_if="Raised if more than half of the gates of AFD or of the channel attention are saturated.",
    ),
)
