"""Records and cards as the pages read them: what is shown is checked, whatever else they hold is passed over.

Shares are in [0, 1], intervals 95%, budgets in the attack's own norm.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Budget = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Checked(BaseModel):
    """Unknown keys are passed over: a newer record stays readable."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Balanced(Checked):
    """Balanced accuracy on one list, and the share of each class that is read right."""

    balanced_accuracy: Fraction
    balanced_interval: tuple[Fraction, Fraction]
    recall: dict[str, Fraction] = {}

    @model_validator(mode="after")
    def _inside(self) -> Self:
        low, high = self.balanced_interval
        if not low - 1e-6 <= self.balanced_accuracy <= high + 1e-6:
            raise ValueError("the balanced accuracy lies outside its own interval")
        return self


class Share(Balanced):
    """Plain and balanced accuracy on one list."""

    accuracy: Fraction
    accuracy_interval: tuple[Fraction, Fraction]


class Spec(Checked):
    """The settings of an attack that a reader is told of."""

    name: str
    eps: Budget
    steps: Count = 0
    restarts: Count = 1
    loss: str | None = None
    target: int | None = None
    theta: float | None = None


class Attacked(Share):
    """A share under one attack, or under a baseline's attacker."""

    spec: Spec
    eps: str = ""
    n: Count | None = None
    attack_success_rate: Fraction | None = None


class Contribution(Checked):
    """One attack of a worst-case set."""

    spec: Spec
    tried: Count = 0
    broken: Count = 0


class WorstRow(Share):
    """The worst case of a set at one budget."""

    eps: str
    budget: Budget
    attack_success_rate: Fraction | None = None
    attacks: tuple[Contribution, ...] = ()


class Measurement(Checked):
    """Of a list: clean, and under attacks each by itself."""

    n: Annotated[int, Field(ge=1)]
    clean: Share
    attacked: tuple[Attacked, ...]


class WorstMeasurement(Checked):
    """Of a list: clean, and in the worst case at each budget."""

    n: Annotated[int, Field(ge=1)]
    clean: Share
    attacked: tuple[WorstRow, ...]


class CardFigures(Measurement):
    """The part `metrics` of a card."""

    protocol: str = "official"
    list: str = "test"


class Model(Checked):
    """Which weights a record is about."""

    key: str
    weights_sha256: str


class ScanList(Checked):
    """Which scans a record is about."""

    protocol: str = "official"
    part: str = "test"
    n: Count | None = None
    limit: Count | None = None
    run: str | None = None


class Head(Checked):
    """What every record begins with."""

    kind: str
    created: str = ""
    model: Model
    data: ScanList | None = None
    seed: int | None = None
    versions: dict[str, str] = {}


class WorstRecord(Head):
    """`worst/<task>/<model>.json`, of `meddef evaluate --attacks worst`."""

    numbers: WorstMeasurement


class PaperRecord(Head):
    """`paper/<task>/<model>.json`, of `meddef evaluate --attacks paper`."""

    numbers: Measurement


class Finding(Checked):
    """What one check of an audit found."""

    group: str
    title: str
    status: Literal["passed", "failed", "not applicable"]
    severity: Literal["red", "amber"] | None = None
    sentence: str


class AuditNumbers(Checked):
    """An audit's verdict and all its findings."""

    verdict: Literal["green", "amber", "red"]
    meaning: str
    eps: Budget
    n: Annotated[int, Field(ge=1)]
    clean: Count
    robust: Count
    robust_interval: tuple[Fraction, Fraction]
    findings: tuple[Finding, ...]


class AuditRecord(Head):
    """`audit/<task>/<model>.json`, of `meddef audit`."""

    numbers: AuditNumbers


class BaselineRow(Checked):
    """One defence: clean, against who ignores it, and against who adapts."""

    id: str
    title: str
    summary: str = ""
    citation: str | None = None
    clean: Share
    ignoring: Attacked
    adaptive: Attacked


class BaselineNumbers(Checked):
    """All defences of one comparison."""

    n: Annotated[int, Field(ge=1)]
    eps: str
    attack: Spec
    rows: tuple[BaselineRow, ...]


class BaselineRecord(Head):
    """`baselines/<task>.json`, of `meddef baselines`."""

    numbers: BaselineNumbers


class PruneRow(Measurement):
    """One level of pruning. `answers`: share of clean scans read as each class."""

    sparsity: Fraction
    nonzero: Count
    answers: dict[str, Fraction] = {}


class PruneNumbers(Checked):
    """Every level of one sweep."""

    method: str
    prunable: Count
    rows: Annotated[tuple[PruneRow, ...], Field(min_length=1)]


class PruneRecord(Head):
    """`pruning/<task>/<name>.json`, of `meddef prune --sweep`."""

    numbers: PruneNumbers


class Reported(Checked):
    """One row of the paper's tables, in percent."""

    task: str
    model: str
    eps: Budget
    clean: Annotated[float, Field(ge=0, le=100)]
    fgsm: Annotated[float, Field(ge=0, le=100)]
    pgd: Annotated[float, Field(ge=0, le=100)]
    bim: Annotated[float, Field(ge=0, le=100)]
    jsma: Annotated[float, Field(ge=0, le=100)]


class ReportedTable(Checked):
    """`reported.json`: what the paper says."""

    source: str
    rows: tuple[Reported, ...]


class Trained(Checked):
    """One trained network of an ablation."""

    seed: int
    clean: Share
    attacked: Attacked


class AblationRow(Checked):
    """One variant of the network, trained once for each seed by the same recipe."""

    variant: str
    title: str
    parameters: Count | None = None
    seeds: Annotated[tuple[Trained, ...], Field(min_length=1)]


class Pair(Checked):
    """Two variants on the same scans: how many only one of them holds under the attack, summed over the seeds that
    both have. McNemar's p follows."""

    first: str
    second: str
    seeds: tuple[int, ...]
    only_first: Count
    only_second: Count


class AblationNumbers(Checked):
    """Every variant; `verdict` is the honest sentence about what the comparison shows."""

    n: Annotated[int, Field(ge=1)]
    eps: str
    rows: Annotated[tuple[AblationRow, ...], Field(min_length=1)]
    pairs: tuple[Pair, ...] = ()
    verdict: str = ""


class AblationRecord(Checked):
    """`ablation/<task>.json`."""

    kind: Literal["ablation"] = "ablation"
    data: ScanList | None = None
    numbers: AblationNumbers
