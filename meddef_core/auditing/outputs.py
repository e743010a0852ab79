"""Whether somebody's own model takes images and returns logits, asked before any check: each refusal has its remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from meddef_core.attacks.search import IN_PLACE, outputs_of
from meddef_core.auditing.adapted import advise
from meddef_core.auditing.remedies import weights_remedy, words_of
from meddef_core.errors import AttackError, ModelError
from meddef_core.text import Text

CHANNELS = (1, 3)

CHANGES_INPUT = Text(
    "audit.changes-input",
    "The model changes its input in place (`x -= mean`, or `inplace=True` on its first layer), so the scan itself "
    "changes; write `x = x - mean` instead.",
)


def choose_channels(model: nn.Module, *, size: int) -> int:
    """The channels, 1 or 3, of the images that the model takes; raises ModelError if it takes neither."""
    problems: list[str] = []
    for channels in CHANNELS:
        try:
            _ask(model, torch.full((2, channels, size, size), 0.5))
        except AttackError as error:
            raise ModelError(CHANGES_INPUT) from error
        except Exception as error:  # a refusal may have any type
            problems.append(words_of(error))
        else:
            return channels
    remedy = weights_remedy(model)
    raise ModelError(
        Text(
            "audit.neither-grey-colour",
            "The model takes neither grey nor colour images of {size} x {size} pixels ({problem}); {remedy}.",
            size=size,
            problem=problems[-1],
            remedy=remedy or Text("audit.set-size", "set --size"),
        )
    )


def check_outputs(model: nn.Module, x: Tensor, *, classes: tuple[str, ...]) -> None:
    """Raise ModelError unless the model returns finite logits `(B, len(classes))` for images `(B, C, H, W)`.

    Where a wrapper makes logits of what it returns, the error holds its code. The images stay as they are.
    """
    out = _ask_whole(model, x)
    fits = isinstance(out, Tensor) and out.is_floating_point() and out.shape == (len(x), len(classes))
    if not fits:
        advice = advise(out, n=len(x), classes=classes)
        # Scans alone may hide that values leave [0, 1], which tells a logit from a sigmoid.
        wide = wide_inputs(x)
        code = advise(_ask_whole(model, wide), n=len(wide), classes=classes).code
        raise ModelError(Text("audit.model-returned", "The model returned {what}.", what=advice.what), code=code)
    assert isinstance(out, Tensor)
    if not bool(torch.isfinite(out).all()):
        raise ModelError(
            Text(
                "audit.nan-outputs",
                "The model returned NaN or infinity for ordinary images; nothing can be measured on it.",
            )
        )
    if out.dtype in (torch.float16, torch.bfloat16):
        dtype = str(out.dtype).removeprefix("torch.")
        raise ModelError(
            Text(
                "audit.half-precision",
                "The model computes in {dtype}, which rounds the small steps of an attack away; return "
                "model.float() and leave out autocast.",
                dtype=dtype,
            )
        )


def wide_inputs(x: Tensor) -> Tensor:
    """`(m, C, H, W)` unlike scans, all in [0, 1]: noise, stripes, single greys, and `x` inverted and stretched."""
    shape = x[:4].shape
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(shape, generator=generator)
    stripes = torch.zeros_like(x[:2])
    stripes[0, :, ::2], stripes[-1, :, :, ::2] = 1.0, 1.0
    greys = torch.stack([torch.full_like(x[0], level) for level in (0.0, 0.5, 1.0)])
    low, high = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
    stretched = (x - low) / (high - low).clamp(min=1e-6)
    return torch.cat([noise.to(x.dtype), noise.round().to(x.dtype), stripes, greys, 1 - x, stretched])


def _ask(model: nn.Module, x: Tensor) -> object:
    """What the model returns in eval mode; AttackError if it changes its input, be it past autograd (`x.data`)."""
    with torch.inference_mode(False), torch.no_grad(), _in_eval_mode(model):
        given = x.clone()
        out = outputs_of(model, given)
        if not torch.equal(given, x):
            raise AttackError(IN_PLACE)
        return out


def _ask_whole(model: nn.Module, x: Tensor) -> object:
    """As `_ask`; ModelError for whatever the model raises."""
    try:
        return _ask(model, x)
    except AttackError as error:
        raise ModelError(CHANGES_INPUT) from error
    except Exception as error:  # somebody's own code may fail in any way
        shape = " x ".join(map(str, x[0].shape))
        remedy = weights_remedy(model)
        failed = Text(
            "audit.model-failed",
            "The model failed on {count} images of {shape}: {error}",
            count=len(x),
            shape=shape,
            error=words_of(error),
        )
        if remedy is None:
            raise ModelError(Text("audit.failed", "{failed}.", failed=failed)) from error
        raise ModelError(Text("audit.failed-remedy", "{failed}; {remedy}.", failed=failed, remedy=remedy)) from error


@contextmanager
def _in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Eval mode for a while: a batch norm in training mode would learn from the question."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
