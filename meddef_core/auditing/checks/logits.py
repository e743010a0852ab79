"""Whether the outputs are logits: asked with images unlike any scan, as on scans small logits may be in [0, 1] too."""

from contextlib import suppress

import torch
from torch import Tensor

from meddef_core.auditing.bench import CHUNK, Bench
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, failed, passed
from meddef_core.auditing.outputs import wide_inputs
from meddef_core.text import Text

FEW = 8
"""Scans that are scaled."""

SCALES = (20.0, -20.0, 1000.0)
"""Contrast at which logits leave [0, 1], however small they are on scans."""


def outputs_logits(bench: Bench) -> CheckOutcome:
    """Outputs on scans and on images unlike any scan: all in [0, 1], or shares of a constant sum, are no logits."""
    rows = _wide_outputs(bench)
    inside = bool((rows >= 0).all() and (rows <= 1).all())
    sums = rows.sum(dim=1)
    spread = float((sums.max() - sums.min()) / sums.abs().max().clamp(min=torch.finfo(rows.dtype).tiny))
    shares = bool((rows >= 0).all()) and spread < 1e-3
    figures = {"lowest": float(rows.min()), "highest": float(rows.max()), "spread_of_sums": spread, "n": len(rows)}
    if inside or shares:
        what = "lie in [0, 1]" if inside else f"are positive and sum to {float(sums.mean()):.4g}"
        return failed(
            "red",
            f"All outputs {what} on {len(rows)} images, noise and stretched contrast among them: these are "
            "probabilities of a softmax or sigmoid, not logits. Another softmax on top flattens the loss, and with it "
            "every attack; return the values before it.",
            **figures,
        )
    return passed("The outputs leave [0, 1], so they are logits and no probabilities.", **figures)


def _wide_outputs(bench: Bench) -> Tensor:
    """`(m, K)`: finite outputs on scans, on images unlike any, and on scans scaled out of [0, 1] if the model takes it.

    Small logits may lie in [0, 1] on scans by chance; only probabilities stay there whatever they are given.
    """
    few = bench.x[:FEW]
    rows = [bench.ask(bench.x[:CHUNK]), bench.ask(wide_inputs(bench.x))]
    for scale in SCALES:
        with suppress(Exception):  # a refusal of pixels outside [0, 1] may have any type
            rows.append(bench.ask(scale * (few - 0.5)))
    found = torch.cat([each for each in rows if each.ndim == 2 and each.shape[1] == rows[0].shape[1]])
    return found[torch.isfinite(found).all(dim=1)]


ORDER = 20
CHECKS = (
    Check(
        group="contract",
        name="outputs_logits",
        title=Text("audit.outputs-logits", "Outputs are logits"),
        severity="red",
        run=outputs_logits,
        raised_if="Raised if all outputs lie in [0, 1], or are shares of one sum, on scans, noise and scaled images.",
    ),
)
