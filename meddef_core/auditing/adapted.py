"""Models that return something other than logits `(B, K)`, and the function that makes logits of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn

from meddef_core.text import Text

IMPORT = "from meddef_core.auditing import Adapted"


class Adapted(nn.Module):
    """A model whose outputs `to_logits` turns into logits `(B, K)`, one column a class; gradients pass through."""

    def __init__(self, model: nn.Module, to_logits: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.to_logits = to_logits
        self.train(model.training)

    def forward(self, x: Tensor) -> Tensor:
        return self.to_logits(self.model(x))


class Advice(NamedTuple):
    """What a model returns instead of logits, as the end of "The model returned", and an expression that fixes it."""

    what: str
    expression: str | None
    """Python that makes logits of `out`; None where no expression does."""

    @property
    def code(self) -> tuple[str, ...]:
        """The two lines that fix it, in the function that builds the model; none where nothing does."""
        return () if self.expression is None else (IMPORT, f"return Adapted(model, lambda out: {self.expression})")


def advise(out: object, *, n: int, classes: tuple[str, ...]) -> Advice:
    """What is wrong with `out`, which is not float logits `(n, len(classes))`, and how to make logits of it."""
    if isinstance(out, Tensor):
        what, expression = _of_tensor(out, "out", n=n, classes=classes)
        return Advice(what, expression)
    what = Text("audit.returned-kind", "a {kind}; it must return logits as one float tensor", kind=_kind(out))
    inner = list(_tensors(out, "out"))
    for place, tensor in inner:
        if _fits(tensor, n=n, classes=classes):
            return Advice(what, place)
    for place, tensor in inner:
        if tensor.is_floating_point() and (expression := _of_tensor(tensor, place, n=n, classes=classes)[1]):
            return Advice(what, expression)
    return Advice(what, None)


def _fits(tensor: Tensor, *, n: int, classes: tuple[str, ...]) -> bool:
    return tensor.is_floating_point() and tensor.shape == (n, len(classes))


def _of_tensor(tensor: Tensor, place: str, *, n: int, classes: tuple[str, ...]) -> tuple[str, str | None]:
    """What a tensor of another kind or shape is, and the expression in `place` that makes logits of it."""
    if not tensor.is_floating_point():
        whole = Text(
            "audit.returned-whole-numbers",
            "whole numbers; it must return logits as one float tensor, before the class is chosen",
        )
        return whole, None
    k = len(classes)
    shape = " x ".join(map(str, tensor.shape)) or "single"
    what = Text(
        "audit.returned-shape",
        "{shape} values for {n} images of {k} classes; it must return logits of shape {n} x {k}, one column a class "
        "folder",
        shape=shape,
        n=n,
        k=k,
    )
    if not (tensor.ndim and len(tensor) == n):
        return what, None
    flat = place if tensor.ndim == 2 else f"{place}.reshape(len({place}), -1)"
    # A sigmoid's inverse gives back what went in; rounding keeps it from being exact at 0 and 1.
    undone = f"{flat}.logit(eps=1e-6)" if _in_unit_interval(tensor) else flat
    outputs = tensor[0].numel()
    if outputs == 1 and k == 2:
        taken = Text(
            "audit.returned-one-output",
            "{what}; its one output is taken for {name}",
            what=what,
            name=classes[1],
        )
        return taken, f"{undone} * {place}.new_tensor([0.0, 1.0])"
    if outputs == k:
        return what, flat
    if outputs > k and tensor.ndim == 2:
        columns = list(range(k))
        named = Text(
            "audit.returned-columns",
            "{what}; name the columns of {names} in place of {columns}",
            what=what,
            names=", ".join(classes),
            columns=columns,
        )
        return named, f"{undone}[:, {columns}]"
    return what, None


def _in_unit_interval(tensor: Tensor) -> bool:
    """Whether all values lie in [0, 1], as those of a sigmoid do."""
    return bool(((tensor >= 0) & (tensor <= 1)).all())


def _tensors(out: object, place: str, *, depth: int = 2) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in nested containers, with the Python that reaches it."""
    if isinstance(out, Tensor):
        yield place, out
    elif depth:
        for step, inner in _items(out):
            yield from _tensors(inner, f"{place}{step}", depth=depth - 1)


def _items(out: object) -> Iterator[tuple[str, object]]:
    if isinstance(out, Mapping):
        yield from ((f"[{key!r}]", value) for key, value in out.items())
    elif hasattr(out, "_fields"):
        yield from ((f".{name}", getattr(out, name)) for name in out._fields)
    elif isinstance(out, tuple | list):
        yield from ((f"[{place}]", value) for place, value in enumerate(out))
    elif is_dataclass(out):
        yield from ((f".{field.name}", getattr(out, field.name)) for field in fields(out))
    elif hasattr(out, "__dict__"):
        yield from ((f".{name}", value) for name, value in vars(out).items())


def _kind(out: object) -> str:
    return "dataclass" if is_dataclass(out) else type(out).__name__
