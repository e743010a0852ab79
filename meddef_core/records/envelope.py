"""What every record begins with: what was measured, on what, by which settings, and with which versions.

A record is frozen and strict: an unknown key is refused. Shares are in [0, 1], intervals are 95%, an epsilon is a float
in the attack's own norm. `document` gives back exactly the keys that were given, so that an optional one that nobody
set does not appear as null.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Final = 2
"""Raised whenever a key changes its name or its meaning. `upgrade` reads what older versions wrote.

1: an epsilon beside a share is its display text, "4/255 (0.0157)". 2: it is a float, as everywhere.
"""

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
Budget = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StrictSchema(BaseModel):
    """Frozen; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def replaced(self, **changes: Any) -> Self:
        """The same with other values, checked."""
        return type(self).model_validate(self.model_dump(exclude_unset=True) | changes)


class SiteRef(StrictSchema):
    """The hospital that a model was adjusted for, and the sha256 of the profile that did it."""

    title: str
    sha256: Digest


class ModelRef(StrictSchema):
    """The model that a record names. A record of several models has no weights here: its rows have them.

    `card_sha256` is None for a network that has no card among the models, such as a training run. `site` is the
    hospital that the model was adjusted for, None for a model as it ships.
    """

    key: str
    weights_sha256: Digest | None
    card_sha256: Digest | None = None
    site: SiteRef | None = None

    @property
    def shipped_sha256(self) -> str | None:
        """The weights that ship, as `match` compares them; None where a site profile changed what they give."""
        return None if self.site is not None else self.weights_sha256

    @property
    def task(self) -> str:
        """Key of the task, as the model's key begins with it."""
        return self.key.partition("/")[0]

    @property
    def name(self) -> str:
        """The model's name within its task."""
        return self.key.partition("/")[2]


class ScanRef(StrictSchema):
    """The scan that a record names: bytes, never a file.

    `sample` is the key of a sample that anyone can load, `id` the short id that stood beside the result.
    """

    sha256: Digest
    frame: int | None = None
    window: tuple[float, float] | None = None
    sample: str | None = None
    id: str | None = None


class Spec(StrictSchema):
    """An attack's settings: the fields of `AttackSpec`, which checks what they mean when the attack is run again."""

    name: str
    eps: Budget
    steps: int = 20
    rel_step: float | None = None
    restarts: int = 1
    loss: str = "ce"
    target: int | None = None
    seed: int = 0
    keep: str = "best"
    stop_when_fooled: bool = False
    samples: int = 8
    search_steps: int = 6
    theta: float = 0.1
    engine: str = "meddef"


class ScanList(StrictSchema):
    """The scans that a record is about: of a data set, drawn phantoms, or somebody's own folder (`classes`, `size`).

    `sha256` names the list. `same_list_as_card` says whether it is the one that the card was measured on, `run` the
    training run that was measured instead of a model, `attacks` all that an ablation attacked with.
    """

    protocol: str = "official"
    part: str = "test"
    n: Size | None = None
    sha256: Digest | None = None
    same_list_as_card: bool | None = None
    limit: int | None = None
    run: str | None = None
    attacks: tuple[Spec, ...] = ()
    classes: tuple[str, ...] = ()
    size: int | None = None
    channels: int | None = None


@dataclass(frozen=True)
class Claim:
    """Numbers that stand under a model's name: its key or title, and the sha256 of every weights file behind them."""

    task: str
    names: tuple[str, ...]
    weights: tuple[str, ...]


class Record(StrictSchema):
    """The envelope. `kind` and `numbers` are each kind's own; `population` is whom the model was trained on."""

    schema_version: Literal[2]
    kind: str
    created: str
    model: ModelRef
    population: str | None = None
    scan: ScanRef | None = None
    data: ScanList | None = None
    spec: Spec | None = None
    seed: int | None = None
    versions: dict[str, str]
    numbers: Any
    intended_use: str

    @classmethod
    def kind_name(cls) -> str:
        """What a file calls this kind."""
        (name,) = get_args(cls.model_fields["kind"].annotation)
        return str(name)

    @property
    def task(self) -> str:
        """Key of the task."""
        return self.model.task

    @property
    def scans(self) -> ScanList:
        """The scans it is about; the usual list where it does not say."""
        return self.data or ScanList()

    def claims(self) -> Iterable[Claim]:
        """Every number that it holds under a model's name; a reader asks `match` about each before it shows it."""
        if self.model.weights_sha256 is not None:
            yield Claim(self.task, (self.model.key,), (self.model.shipped_sha256 or "",))

    def document(self) -> dict[str, Any]:
        """The record as JSON values, with the keys that it was built from."""
        return self.model_dump(mode="json", exclude_unset=True)
