"""Whether the model is what an attack takes it for: pixels in, logits out, one function that never changes."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from meddef_core.auditing.bench import Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, Severity, failed, passed
from meddef_core.evaluation.metrics import mcnemar
from meddef_core.text import Text

FEW = 8
"""Images that show whether the model is a function of one image: enough, since it is that on all or on none."""

ROUNDING = 1e-3
"""Share of the largest logit by which arithmetic in another order may change a logit."""

SIGNIFICANT = 0.05
"""Level of the test over all ways in which images might have to be scaled."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def eval_mode(bench: Bench) -> CheckOutcome:
    """Training mode before, or anything of the model changed after a forward pass."""
    if bench.in_training:
        return failed(
            "red",
            f"{bench.in_training[0]} was handed over in training mode, so dropout and batch norm would act as "
            "in training; call eval().",
            modules_in_training=len(bench.in_training),
        )
    before = dict(_state(bench.network))
    bench.ask(bench.x[:FEW])
    changed = [name for name, value in _state(bench.network) if not torch.equal(value, before[name])]
    training = [name for name, module in bench.network.named_modules() if module.training]
    bench.network.eval()
    if changed or training:
        what = f"{changed[0]} has changed" if changed else f"{training[0] or 'it'} is in training mode"
        return failed("red", f"After one forward pass of the model, {what}.", changed=len(changed) + len(training))
    return passed(Text("audit.model-eval", "The model is in eval mode, and inference does not change it."), changed=0)


def _state(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, value in (*network.named_parameters(), *network.named_buffers()):
        yield name, value.detach().clone()


def batch_neighbours(bench: Bench) -> CheckOutcome:
    """An image's logits alone against those in a batch."""
    few = bench.x[:FEW]
    together = bench.ask(few)
    alone = torch.cat([bench.ask(image[None]) for image in few])
    gap = _relative_gap(alone, together)
    words = f"An image's logits differ by {gap:.2g} of the largest logit between alone and in a batch"
    if gap > ROUNDING:
        return failed("red", f"{words}: they depend on the other images, so attacks on batches are not valid.", gap=gap)
    return passed(f"{words}, which is rounding.", gap=gap)


def forwards_agree(bench: Bench) -> CheckOutcome:
    """Four forward passes without a graph and one with, on the same images."""
    few = bench.x[:FEW]
    first = bench.ask(few)
    with torch.inference_mode(False), torch.enable_grad():
        recorded = bench.network(few.clone().requires_grad_()).detach().float()
    gap = max(_relative_gap(other, first) for other in (*(bench.ask(few) for _ in range(3)), recorded))
    words = f"Five forward passes on the same images differ by {gap:.2g} of the largest logit"
    if gap > ROUNDING:
        return failed("red", f"{words}: the model is random, or its output changes when gradients are taken.", gap=gap)
    return passed(f"{words}.", gap=gap)


def _relative_gap(one: Tensor, other: Tensor) -> float:
    scale = torch.maximum(one.abs().max(), other.abs().max()).clamp(min=torch.finfo(one.dtype).tiny)
    return float((one - other).abs().max() / scale)


def no_hidden_gradients(bench: Bench) -> CheckOutcome:
    """Whether a forward pass in no-gradient mode builds a graph all the same."""
    kept = 0

    def note(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += 1
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        bench.ask(bench.x[:2])
    if kept:
        return failed(
            "red",
            f"The model keeps {kept} tensors for gradients of its own during inference: it adapts to its "
            "input, so a gradient through it is not the gradient of what it does.",
            tensors=kept,
        )
    return passed(Text("audit.model-takes", "The model takes no gradient of its own during inference."), tensors=0)


def class_count(bench: Bench) -> CheckOutcome:
    """Outputs of the model against classes of the data."""
    outputs, classes = bench.logits.shape[1], bench.subject.classes
    if outputs != classes:
        return failed(
            "red",
            f"The model has {outputs} outputs and the data {classes} classes, so labels and outputs need not "
            "belong together.",
            outputs=outputs,
            classes=classes,
        )
    return passed(f"The model has {outputs} outputs for {classes} classes.", outputs=outputs, classes=classes)


def pixel_range(bench: Bench) -> CheckOutcome:
    """Accuracy on pixels in [0, 1] against pixels normalised outside of the model, in the usual ways."""
    hits = bench.right
    plain = int(hits.sum())
    found, best, least = "", plain, 1.0
    ways = dict(_other_ranges(bench.x))
    for name, images in ways.items():
        other = bench.ask(images).argmax(dim=1) == bench.y
        p = mcnemar(int((other & ~hits).sum()), int((hits & ~other).sum()))
        if int(other.sum()) > best and p < SIGNIFICANT / len(ways):
            found, best, least = name, int(other.sum()), p
    figures = {"right": plain, "right_otherwise": best, "n": len(bench), "p": least}
    if found:
        # Above guessing, poor contrast of the images could be the reason as well.
        severity: Severity = "red" if plain <= int(bench.y.bincount().max()) else "amber"
        return failed(
            severity,
            f"The model classifies {plain} of {len(bench)} images correctly, but {best} once their pixels are "
            f"{found}: it expects them so, and an epsilon in pixel units is another one for it; put the scaling "
            "inside.",
            **figures,
        )
    return passed(
        Text("audit.model-works", "The model works best on pixels in [0, 1]: normalisation, if any, is inside it."),
        **figures,
    )


def _other_ranges(x: Tensor) -> Iterator[tuple[str, Tensor]]:
    centred = x - x.mean(dim=(0, 2, 3), keepdim=True)
    yield "normalised by their own mean and deviation", centred / centred.std(dim=(0, 2, 3), keepdim=True).clamp(1e-6)
    yield "shifted to [-1, 1]", (x - 0.5) / 0.5
    yield "normalised by mean 0.5 and deviation 0.25", (x - 0.5) / 0.25
    yield "scaled to [0, 255]", x * 255
    if x.shape[1] == 3:
        mean, std = (torch.tensor(values, dtype=x.dtype).view(1, 3, 1, 1) for values in IMAGENET)
        yield "normalised as for ImageNet", (x - mean) / std


def better_than_guessing(bench: Bench) -> CheckOutcome:
    """Clean accuracy against always naming the most frequent class."""
    hits, most = int(bench.right.sum()), int(bench.y.bincount().max())
    figures = {"right": hits, "most_frequent_class": most, "n": len(bench)}
    if hits <= most:
        return failed(
            "amber",
            f"The model classifies {hits} of {len(bench)} clean images correctly, and always predicting one class "
            f"would give {most}: check that the classes are in the model's order and the images prepared as it needs.",
            **figures,
        )
    return passed(f"The model classifies {hits} of {len(bench)} clean images correctly.", **figures)


def errors_show(bench: Bench) -> CheckOutcome:
    """Logits and gradients at the corners of the ball and of a large one; what raises is raised."""
    few = torch.arange(min(FEW, len(bench)))
    x = bench.x[few]
    signs = torch.where(torch.arange(x[0].numel()).view_as(x[0]) % 2 == 0, 1.0, -1.0)
    places = [x, *((x + size * signs).clamp(0, 1) for size in (bench.subject.eps, 0.5))]
    for images in places:
        bench.gradient(images, index=few, kind="ce")
    return passed(
        Text("audit.logits-gradients", "Logits and gradients are finite on clean and on noisy images."),
        images=len(places) * len(few),
    )


def nan_propagates(bench: Bench) -> CheckOutcome:
    """One NaN pixel in, something that is not finite out."""
    image = bench.x[:1].clone()
    image[..., image.shape[2] // 2, image.shape[3] // 2] = torch.nan
    finite = bool(torch.isfinite(bench.ask(image)).all())
    if finite:
        return failed(
            "amber",
            "The model gives ordinary logits for an image with a NaN in it, so a fault on the way to it would "
            "not be seen.",
            hidden=1,
        )
    return passed(Text("audit.nan-image", "A NaN in the image gives NaN logits."), hidden=0)


ORDER = 10
CHECKS = (
    Check(
        group="contract",
        name="eval_mode",
        title=Text("audit.eval-mode", "Eval mode before and after"),
        severity="red",
        run=eval_mode,
        raised_if="Raised if the model is handed over in training mode, or a forward pass changes its mode, its "
        "weights or its statistics.",
    ),
    Check(
        group="contract",
        name="batch_neighbours",
        title=Text("audit.independent-batch", "Independent of batch neighbours"),
        severity="red",
        run=batch_neighbours,
        raised_if="Raised if an image's logits change between alone and in a batch.",
    ),
    Check(
        group="contract",
        name="forwards_agree",
        title=Text("audit.five-forward", "Five forward passes agree"),
        severity="red",
        run=forwards_agree,
        raised_if="Raised if forward passes on the same image differ, with or without gradients recorded.",
    ),
    Check(
        group="contract",
        name="no_hidden_gradients",
        title=Text("audit.no-gradient", "No gradient inside inference"),
        severity="red",
        run=no_hidden_gradients,
        raised_if="Raised if the model computes gradients of its own during inference.",
    ),
    Check(
        group="contract",
        name="class_count",
        title=Text("audit.class-count", "Class count"),
        severity="red",
        run=class_count,
        raised_if="Raised if the number of outputs differs from the number of classes.",
    ),
    Check(
        group="contract",
        name="pixel_range",
        title=Text("audit.pixels-0", "Pixels in [0, 1], normalisation inside"),
        severity="red",
        run=pixel_range,
        raised_if="Raised if clean accuracy rises clearly when the pixels are normalised beforehand.",
    ),
    Check(
        group="contract",
        name="better_than_guessing",
        title=Text("audit.better-than", "Better than guessing"),
        severity="amber",
        run=better_than_guessing,
        raised_if="Raised if clean accuracy is no higher than always predicting the most frequent class.",
    ),
    Check(
        group="contract",
        name="errors_show",
        title=Text("audit.no-error", "No error, no NaN near the images"),
        severity="red",
        run=errors_show,
        raised_if="Raised if the model raises, or logits or gradients are not finite, on clean or noisy images.",
    ),
    Check(
        group="contract",
        name="nan_propagates",
        title=Text("audit.nan-propagates", "NaN propagates"),
        severity="amber",
        run=nan_propagates,
        raised_if="Raised if an image with a NaN in it gives ordinary logits.",
    ),
)
