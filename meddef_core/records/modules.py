"""Records of what parts of the network contribute: networks trained without them, and one network that loses them."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from meddef_core.records.envelope import Budget, Claim, Count, Digest, Fraction, Record, Size, Spec, StrictSchema
from meddef_core.records.match import Shipped
from meddef_core.records.shares import Accuracy, Balanced, Outlasted
from meddef_core.text import Text

FULL_TITLE = Text("record.full-network", "Full network")
"""What an ablation calls the variant with every part: its networks are not the model that ships as MedDef."""


class HeldUnderAttack(Outlasted):
    """A trained network in the worst case of the ablation's attacks; `spec` is the last of them."""

    spec: Spec
    n: Size


class TrainedNetwork(StrictSchema):
    """One trained network of an ablation; `holds` says of each scan whether nothing broke it."""

    seed: int
    run: str
    weights_sha256: Digest
    clean: Accuracy
    attacked: HeldUnderAttack
    holds: tuple[bool, ...]


class Spread(StrictSchema):
    """Balanced accuracy over seeds; one alone has no deviation."""

    mean: Fraction
    standard_deviation: Fraction | None


class AblationRow(StrictSchema):
    """One variant of the network, trained once for each seed by the same recipe."""

    variant: str
    title: str
    parameters: Count
    seeds: Annotated[tuple[TrainedNetwork, ...], Field(min_length=1)]
    clean: Spread
    attacked: Spread


class Pair(StrictSchema):
    """Two variants on the same scans: how many only one of them holds under attack, summed over the seeds that both
    have, and McNemar's p.
    """

    first: str
    second: str
    seeds: tuple[int, ...]
    only_first: Count
    only_second: Count
    p: Fraction


class AblationNumbers(StrictSchema):
    """Every variant; `recipe` trained them all, `verdict` is the honest sentence about what the comparison shows."""

    n: Size
    eps: Budget
    recipe: dict[str, Any]
    rows: Annotated[tuple[AblationRow, ...], Field(min_length=1)]
    pairs: tuple[Pair, ...] = ()
    verdict: str = ""


class AblationRecord(Record):
    """`ablation/<task>.json`, of `meddef ablation`.

    Its networks were trained for the comparison and stand under the names of their variants, never under a model's.
    """

    kind: Literal["ablation"]
    numbers: AblationNumbers

    def shipped_as(self, models: Sequence[Shipped]) -> tuple[tuple[AblationRow, TrainedNetwork, str], ...]:
        """Those of its networks whose weights ship, each with its variant and the key of the model."""
        keys = {model.weights: model.key for model in models}
        return tuple(
            (row, each, keys[each.weights_sha256])
            for row in self.numbers.rows
            for each in row.seeds
            if each.weights_sha256 in keys
        )

    def claims(self) -> Iterable[Claim]:
        for row in self.numbers.rows:
            yield Claim(self.task, (row.title,), tuple(each.weights_sha256 for each in row.seeds))


class GateSpread(StrictSchema):
    """Where a gate stands: its mean, its deviation from scan to scan, and the shares of it that are decided."""

    mean: Fraction
    between_scans: Budget
    shut: Fraction
    open: Fraction


class NoiseGate(GateSpread):
    """AFD's gate: also its mean change under attack, and how well it detects attacked scans (ROC area)."""

    moved: Fraction
    detects: Fraction


class Gates(StrictSchema):
    """Around the DAAM, as shares of the features' norm: what it adds, and what an attack moves before and after it."""

    added: Budget
    moved_before: Budget
    moved_after: Budget
    channel_attention: GateSpread
    noise_gate: NoiseGate | None


class LesionRow(StrictSchema):
    """The network after one module is removed; `title` is English words. `p` is McNemar's against the whole network."""

    lesion: str
    title: str
    clean: Balanced
    attacked: Balanced
    read_otherwise: Count
    only_intact: Count
    only_lesioned: Count
    p: Fraction


class DissectionNumbers(StrictSchema):
    """The gates of one network, and its accuracy after each removal."""

    n: Size
    eps: Budget
    gates: Gates
    lesions: Annotated[tuple[LesionRow, ...], Field(min_length=1)]


class DissectionRecord(Record):
    """`dissection/<task>/<model>.json`, of `meddef dissect`."""

    kind: Literal["dissection"]
    spec: Spec
    numbers: DissectionNumbers
