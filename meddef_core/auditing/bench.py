"""What checks work on: the model under audit, its images, and attacks that are run once and shared by many checks."""

import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, default_spec
from meddef_core.attacks.result import DISTANCES
from meddef_core.attacks.search import input_gradient, logits_of, outputs_of
from meddef_core.attacks.spec import Loss
from meddef_core.auditing.finding import Severity
from meddef_core.auditing.subject import AuditPlan, AuditSubject, Harness
from meddef_core.model import MedDef
from meddef_core.model.folded import folded
from meddef_core.text import Text

CHUNK = 32
"""Images asked about at a time."""

NEEDS = {
    "twin": Text("audit.no-undefended", "No undefended counterpart was given."),
    "independent": Text("audit.no-independently", "No independently trained model was given."),
    "copy": "The model cannot be copied, and another implementation needs a copy.",
    "daam": Text("audit.model-no", "The model has no DAAM."),
    "afd": Text("audit.model-no-afd", "The model has no AFD to bypass."),
    "mfe": Text("audit.model-no-mfe", "The model has no MFE to bypass."),
    "msf": Text("audit.model-no-msf", "The model has no MSF to bypass."),
    "attention": Text("audit.model-no-self", "The model has no self-attention to bypass."),
}
"""What a check may need beyond a model and images, and why it is not applicable without."""


@dataclass(frozen=True, eq=False)
class AttackRun:
    """One attack on `m` of the images."""

    index: Tensor
    """`(m,)` positions in the list."""
    moved: Tensor
    """`(m,)`: the largest change of a pixel, measured."""
    logits: Tensor
    """`(m, K)` of the adversarial images, asked anew."""
    fooled: Tensor
    """`(m,)` bool: misread."""
    path: Tensor
    """`(steps, m)` bool: whether the iterate of that step fooled, though another may have been kept."""


class Bench:
    """A subject on the bench. Everything is computed when first asked for, and kept."""

    def __init__(self, subject: AuditSubject, plan: AuditPlan) -> None:
        self.subject = subject
        self.plan = plan
        self.network = subject.network
        # Own, ordinary tensors: the caller may be in inference mode.
        with torch.inference_mode(False):
            self.x, self.y = subject.x.detach().clone(), subject.y.detach().clone()
        self.in_training = [name or "the model" for name, module in self.network.named_modules() if module.training]
        for network in subject.networks:
            network.eval()
        self.broken = torch.zeros(len(self.x), dtype=torch.bool)
        """`(n,)`: images that any attack of this audit broke within `eps`."""
        self._runs: dict[Any, AttackRun] = {}

    def __len__(self) -> int:
        return len(self.x)

    def has(self, need: str) -> bool:
        """Whether this subject has what a check needs, a key of `NEEDS`."""
        if need in ("twin", "independent"):
            return getattr(self.subject, need) is not None
        if need == "copy":
            return self._copyable
        part = self.network if need in ("daam", "attention") else getattr(self.network, "daam", None)
        return isinstance(self.network, MedDef) and getattr(part, need, None) is not None

    @cached_property
    def _copyable(self) -> bool:
        try:
            copy.deepcopy(self.network)
        except Exception:  # somebody's own model may hold anything
            return False
        return True

    # -- the model, asked

    @cached_property
    def fast(self) -> nn.Module:
        """The same function to attack; a folded copy where we know the network."""
        return folded(self.network) if isinstance(self.network, MedDef) else self.network

    @cached_property
    def exact(self) -> tuple[nn.Module, torch.dtype]:
        """A float64 copy and that dtype, or the network itself and float32 where no such copy works."""
        try:
            copied = copy.deepcopy(self.network).double()
            with torch.no_grad():
                works = copied(self.x[:1].double()).dtype == torch.float64
        except Exception:  # somebody's own code may fail in any way on another type; float32 then has to do
            works = False
        return (copied, torch.float64) if works else (self.network, torch.float32)

    def ask(self, images: Tensor) -> Tensor:
        """Logits `(m, K)` as they come, without a graph."""
        with torch.no_grad():
            return torch.cat([outputs_of(self.network, chunk.clone()) for chunk in images.split(CHUNK)]).float()

    @cached_property
    def logits(self) -> Tensor:
        """`(n, K)` of the clean images; AttackError unless they are finite and of that shape."""
        with torch.no_grad():
            return torch.cat([logits_of(self.network, chunk) for chunk in self.x.split(CHUNK)])

    @cached_property
    def right(self) -> Tensor:
        """`(n,)` bool: clean images that are read rightly. Only these can be broken."""
        return self.logits.argmax(dim=1) == self.y

    def gradient(self, images: Tensor, *, index: Tensor, kind: Loss = "margin") -> Tensor:
        """Input gradient `(m, C, H, W)` of the loss "ce" or "margin" at `images`, whose places are `index`."""
        found: list[Tensor] = []
        with torch.inference_mode(False), torch.enable_grad():
            for chunk, labels in zip(images.split(CHUNK), self.y[index].split(CHUNK), strict=True):
                leaf = chunk.detach().clone().requires_grad_()
                logits = logits_of(self.fast, leaf)
                loss = margin(logits, labels) if kind == "margin" else F.cross_entropy(logits, labels, reduction="none")
                found.append(input_gradient(loss, leaf))
        return torch.cat(found)

    # -- the model, attacked

    def attack(
        self, name: str, *, index: Tensor | None = None, source: nn.Module | None = None, **changes: Any
    ) -> AttackRun:
        """The harness on the subject at `index` (else all images read rightly), run once for the same arguments."""
        index = self.where(self.right) if index is None else index
        spec = self.spec(name, **changes)
        key = (spec, id(source), tuple(index.tolist()))
        if key not in self._runs:
            self._runs[key] = self.run(self.fast, spec, index=index, source=source)
        return self._runs[key]

    def spec(self, name: str, **changes: Any) -> AttackSpec:
        """An attack at the audit's budget and seed, with the plan's steps where it takes gradient steps."""
        usual: dict[str, Any] = {"eps": self.subject.eps, "seed": self.subject.seed, "steps": self.plan.steps}
        return default_spec(name, **{**usual, **changes})

    def run(
        self,
        network: nn.Module,
        spec: AttackSpec,
        *,
        index: Tensor,
        source: nn.Module | None = None,
        harness: Harness | None = None,
    ) -> AttackRun:
        """The harness (the subject's, if not given) on any network that takes these images."""
        if len(index) == 0:
            none = torch.zeros(0, dtype=torch.bool)
            return AttackRun(index, none.float(), self.logits[index], none, none.view(0, 0))
        network.eval()
        ask = partial(harness or self.subject.harness, **({} if source is None else {"source": source}))
        runs = [self._run_chunk(network, spec, chunk, ask) for chunk in index.split(CHUNK)]
        steps = max(len(run.path) for run in runs)
        return AttackRun(
            index,
            torch.cat([run.moved for run in runs]),
            torch.cat([run.logits for run in runs]),
            torch.cat([run.fooled for run in runs]),
            # Chunks whose images were all broken early have shorter paths.
            torch.cat([F.pad(run.path.int(), (0, 0, 0, steps - len(run.path))).bool() for run in runs], dim=1),
        )

    def _run_chunk(self, network: nn.Module, spec: AttackSpec, index: Tensor, harness: Harness) -> AttackRun:
        x, y = self.x[index], self.y[index]
        result = harness(network, x, y, spec)
        path = [line.probabilities.argmax(dim=1) != y for line in result.trace]
        with torch.no_grad():
            logits = logits_of(network, result.adversarial)  # not what the harness says of them
        moved = DISTANCES["linf"](result.adversarial, x)
        stacked = torch.stack(path) if path else torch.zeros(0, len(y), dtype=torch.bool)
        return AttackRun(index, moved, logits, logits.argmax(dim=1) != y, stacked)

    def count(self, run: AttackRun) -> AttackRun:
        """Enter what a run at the audit's budget broke into `broken`."""
        self.broken[run.index[run.fooled]] = True
        return run

    # -- runs that many checks share

    @cached_property
    def base(self) -> AttackRun:
        """PGD on cross-entropy from one random start, driven to its last step, on all images read rightly."""
        return self.count(self.attack("pgd"))

    @property
    def robust(self) -> Tensor:
        """`(n,)` bool: read rightly, and broken by nothing so far, PGD at the least."""
        self.count(self.base)
        return self.right & ~self.broken

    @cached_property
    def survivors(self) -> Tensor:
        """Positions of the images read rightly that `base` did not break."""
        return self.base.index[~self.base.fooled]

    def again(self, **changes: Any) -> AttackRun:
        """PGD with other settings on the survivors of `base`."""
        return self.count(self.attack("pgd", index=self.survivors, stop_when_fooled=True, **changes))

    def reseeded(self, draw: int) -> AttackRun:
        """`base` from another random start."""
        return self.count(self.attack("pgd", stop_when_fooled=True, seed=self.subject.seed + draw))

    @cached_property
    def hardest(self) -> Tensor:
        """Positions that none of four white-box runs broke: PGD, twice its steps, another start, the margin."""
        held = torch.zeros(len(self), dtype=torch.bool)
        held[self.survivors] = True
        runs = (self.again(steps=2 * self.plan.steps), self.reseeded(1), self.again(loss="margin"))
        for run in runs:
            held[run.index[run.fooled]] = False
        return self.where(held)

    # -- counting

    @staticmethod
    def where(mask: Tensor) -> Tensor:
        """Positions at which `mask` `(n,)` is true."""
        return mask.nonzero().squeeze(1)

    @staticmethod
    def some(index: Tensor, most: int) -> Tensor:
        """At most so many of the positions, evenly spread, so that every class has its share."""
        if len(index) <= most:
            return index
        return index[torch.arange(most) * len(index) // most]

    @property
    def tolerance(self) -> int:
        """Images by which two equally good runs may differ: half a point, and at least one image."""
        return max(1, len(self) // 200)

    @property
    def many(self) -> int:
        """Images that are no accident any more: a tenth of the list, and at least three."""
        return max(3, len(self) // 10)

    def severity(self, images: int) -> Severity:
        """Red for a discrepancy of so many images as no accident explains, else amber."""
        return "red" if images >= self.many else "amber"


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """`(m,)`: the best other class's logit minus the label's, positive exactly where the image is misread."""
    own = logits.gather(1, labels[:, None])
    return (logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1, keepdim=True) - own).squeeze(1)
