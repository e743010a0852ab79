"""From the slices of a volume to one statement about it, with a correction for their number.

The highest of 49 probabilities is no probability: among many slices of a healthy eye one is likely to look like a
finding. The rule here counts slices. One carries a finding where it is accepted, its output is a finding, and its
probability of any finding is above that of every healthy validation scan, of which there are m. A healthy slice that is
exchangeable with those does so with a probability of at most 1 / (m + 1), whatever the model is worth (Vovk, Gammerman
and Shafer 2005, Algorithmic Learning in a Random World, section 2.2). Of n healthy slices k or more then do so with a
probability of at most n / (k (m + 1)), however alike neighbouring slices are (Rueger 1978, Das maximale
Signifikanzniveau des Tests "Lehne H0 ab, wenn k unter n gegebenen Tests zur Ablehnung fuehren", Metrika 25, 171-178).
The rule asks for the smallest k for which that is at most `ALPHA`.

It is not validated on volumes: none with a known diagnosis was at hand. The healthy validation scans are single B-scans
of one device, most through the fovea, and the model was chosen on them; slices from the edge of a volume are not quite
like them.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from meddef_core.prediction.calibration import calibrate
from meddef_core.prediction.files import Fitted
from meddef_core.prediction.operating import HEALTHY

if TYPE_CHECKING:
    from meddef_core.prediction.prediction import Prediction

ALPHA = 0.1
"""Share of healthy volumes that may be reported. At 0.05 the rule would ask for more than half of all slices, as there
are only some forty healthy validation scans, and no finding of part of the macula would ever be reported."""

LEAST_ACCEPTED = 0.5
"""Share of the slices that must be accepted. On scans of another device nearly every output is wrong, and nearly every
slice is refused or unusual."""

LEAST_SLICES = 5
"""Fewer pictures are no volume."""

Outcome = Literal["finding", "none", "abstains"]

LIMITS = (
    "This is not validated on volumes with a known diagnosis: none was at hand. The validation scans are single "
    "B-scans, most of them through the fovea, and the model was chosen on them."
)


@dataclass(frozen=True, kw_only=True)
class VolumeDecision:
    """What is said of a volume. `flagged` are the numbers of the slices that carry a finding, `counts` their findings.

    `needed` of the `slices` must carry one, because each of a healthy volume does so with a probability of at most
    1 / (`healthy` + 1).
    """

    outcome: Outcome
    slices: int
    accepted: int
    flagged: tuple[int, ...]
    counts: Mapping[str, int]
    needed: int
    healthy: int
    alpha: float = ALPHA

    @property
    def label(self) -> str | None:
        """The finding of most flagged slices; which of them it is, the rule does not control."""
        return max(self.counts, key=lambda name: self.counts[name]) if self.counts else None

    @property
    def sentence(self) -> str:
        """What is said, with its numbers."""
        if self.outcome == "abstains":
            return (
                f"No output for the volume: {self.accepted} of {self.slices} slices are accepted, and at least half "
                "are needed."
            )
        counted = f"{len(self.flagged)} of {self.slices} slices carry a finding, and {self.needed} are needed"
        if self.outcome == "finding":
            return f"Finding reported for the volume, most often as {self.label}: {counted}."
        return (
            f"No finding is reported for the volume: {counted} to exclude chance. A smaller finding is not excluded; "
            "look at the strongest slices."
        )

    @property
    def rule(self) -> str:
        """The rule, what it controls, and what it was not validated on."""
        return (
            "A slice carries a finding if it is accepted, its output is a finding, and its probability of any finding "
            f"exceeds that of all {self.healthy} healthy validation scans. A healthy slice does so at most once in "
            f"{self.healthy + 1}. With at least {self.needed} such slices required, at most {100 * self.alpha:g}% of "
            f"healthy volumes are reported, however alike neighbouring slices are. {LIMITS}"
        )


def needed(slices: int, *, healthy: int, alpha: float = ALPHA) -> int | None:
    """The least number of slices that must carry a finding; None where not even all of them would be enough."""
    least = max(1, math.ceil(slices / ((healthy + 1) * alpha) - 1e-9))
    return least if least <= slices else None


def strength(prediction: "Prediction", fitted: Fitted) -> float:
    """Probability of any finding at the fitted temperature, as it is of the validation scans."""
    shares = calibrate(np.array(prediction.logits), fitted.card.temperature)
    return float(1 - shares[prediction.classes.index(HEALTHY)])


def healthy_strengths(fitted: Fitted, classes: tuple[str, ...]) -> list[float]:
    """The same of every healthy validation scan, strongest first."""
    index = classes.index(HEALTHY)
    logits = fitted.val.logits[fitted.val.labels == index]
    return sorted((1 - calibrate(logits, fitted.card.temperature)[:, index]).tolist(), reverse=True)


def judge(predictions: Mapping[int, "Prediction | None"], fitted: Fitted) -> VolumeDecision | None:
    """The verdict on slices by their number, None where one could not be read; None where no rule can be made."""
    read = {number: each for number, each in predictions.items() if each is not None}
    count = len(predictions)
    if count < LEAST_SLICES or not read:
        return None
    classes = next(iter(read.values())).classes
    healthy = healthy_strengths(fitted, classes)
    least = needed(count, healthy=len(healthy))
    if least is None:
        return None
    accepted = {number: each for number, each in read.items() if each.level == "usual"}
    flagged = {
        number: each.label
        for number, each in accepted.items()
        if each.label != HEALTHY and strength(each, fitted) > healthy[0]
    }
    outcome: Outcome = "finding" if len(flagged) >= least else "none"
    if len(accepted) < LEAST_ACCEPTED * count:
        outcome = "abstains"
    counts = dict(Counter(flagged.values()).most_common())
    return VolumeDecision(
        outcome=outcome, slices=count, accepted=len(accepted), flagged=tuple(flagged), counts=counts, needed=least,
        healthy=len(healthy),
    )  # fmt: skip
