"""Every defence against two attackers: one who ignores it, and one who knows it and adapts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from meddef_core.attacks import AttackSpec, get_attack, run_attack
from meddef_core.baselines.defended import reset
from meddef_core.data.images import Images
from meddef_core.errors import AttackError
from meddef_core.evaluation import selection
from meddef_core.evaluation.card_numbers import OnStage, summarise
from meddef_core.evaluation.metrics import balanced_accuracy
from meddef_core.text import Text

BATCH = 64
"""Images attacked at a time."""

RANDOMISED_ATTACK = "eot_pgd"
"""What adapts to a defence that draws: PGD on gradients averaged over its draws (Athalye et al. 2018, section 4.2)."""


KINDS = ("clean", "ignoring", "adaptive")
"""What is measured of every contender."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Contender:
    """One row of the comparison: a defence, and the two views that its attackers have of it."""

    id: str
    title: str
    summary: str
    citation: str | None
    weights: tuple[str, ...]
    """sha256 of every weights file in it."""
    network: nn.Module
    """What is scored: the defence exactly as it would be used."""
    ignored: nn.Module
    """What the attacker who ignores the defence makes the images on."""
    adaptive: nn.Module
    """What the attacker who knows the defence makes the images on."""
    randomised: bool = False
    saturated: bool = False
    """Whether its softmax is saturated on purpose, as by distillation. Then the attacker who ignores that follows
    cross-entropy, whose gradient vanishes, and the other the margin of the logits."""


def compare(
    contenders: Sequence[Contender],
    images: Images,
    spec: AttackSpec,
    *,
    classes: Sequence[str],
    kept: Sequence[Mapping[str, Any]] = (),
    on_stage: OnStage | None = None,
) -> dict[str, Any]:
    """Balanced and plain accuracy with 95% intervals of every contender: clean, ignored and adaptively attacked.

    `spec` is the attack of both; its name, loss and `stop_when_fooled` change where a contender needs another (see
    `ignoring_spec` and `adaptive_spec`), and each number says which ran. Upper bounds of robust accuracy, as strong
    as that attack. Who knows a defence may also ignore it, so an image counts as robust against the adaptive attacker
    only if it withstands both attacks; `alone` is the balanced accuracy under the adaptive one by itself. The same
    spec and images give the same numbers, randomised defences included: their draws start from `spec.seed`.
    `kept` are rows of an earlier comparison of these images by this spec: a contender of the same id and weights is
    not attacked again, and rows of ids that are not asked for now follow as they were.
    Raises AttackError for an attack that is not bounded in L-infinity, or of a fixed loss where one is `saturated`.
    """
    info = get_attack(spec.name)
    if info.norm != "linf":
        raise AttackError(
            Text(
                "studies.attack-not-linf",
                "{title} is not bounded in L-infinity: choose an attack that is, such as pgd",
                title=info.title,
            )
        )
    if "loss" not in info.settings and any(contender.saturated for contender in contenders):
        raise AttackError(
            Text(
                "studies.attack-one-loss",
                "{title} has one loss, but a distilled network needs two: choose pgd",
                title=info.title,
            )
        )
    known = {(row["id"], tuple(row["weights_sha256"])): row for row in kept}
    fresh = [contender for contender in contenders if (contender.id, contender.weights) not in known]
    said: dict[tuple[str, int], NDArray[np.int64]] = {}
    for trial in _trials(fresh, spec):
        judges = [fresh[number].network for number in trial.numbers]
        found = _predictions(judges, images, trial, on_stage=on_stage)
        said |= {(trial.kind, number): predictions for number, predictions in zip(trial.numbers, found, strict=True)}
    labels = images.labels.numpy()
    known |= {
        (contender.id, contender.weights): _row(
            contender, spec, labels, *(said[kind, number] for kind in KINDS), classes=classes
        )
        for number, contender in enumerate(fresh)
    }
    rows = [
        {**known[contender.id, contender.weights], "title": contender.title, "summary": contender.summary}
        for contender in contenders
    ]
    asked = {contender.id for contender in contenders}
    rows += [dict(row) for row in kept if row["id"] not in asked]
    return {"n": len(images), "eps": spec.eps, "attack": asdict(spec), "rows": rows}


def ignoring_spec(contender: Contender, spec: AttackSpec) -> AttackSpec:
    """The attack of who ignores the defence: driven to the end, because images that only just fool do not transfer."""
    return replace(spec, stop_when_fooled=False, loss="ce" if contender.saturated else spec.loss)


def adaptive_spec(contender: Contender, spec: AttackSpec) -> AttackSpec:
    """The attack of who knows it: averaged over draws where there are any, on the margin where softmax saturates."""
    if contender.randomised:
        usual = {**get_attack(RANDOMISED_ATTACK).defaults, "stop_when_fooled": False}
        return replace(spec, name=RANDOMISED_ATTACK, **usual)
    return replace(spec, stop_when_fooled=True, loss="margin" if contender.saturated else spec.loss)


def some_of_each_class(images: Images, limit: int) -> Images:
    """`selection.some_of_each_class` as a list of images; raises DataError if a class is left without one."""
    return selection.take(images, selection.some_of_each_class(images, limit))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trial:
    """One pass over the images: made on one network (or left clean), scored by one contender or several."""

    kind: str
    """A member of `KINDS`."""
    numbers: Sequence[int]
    """Positions of the contenders that it scores."""
    title: str
    made_on: nn.Module | None = None
    spec: AttackSpec | None = None


def _trials(contenders: Sequence[Contender], spec: AttackSpec) -> list[_Trial]:
    clean = [_Trial(kind="clean", numbers=[i], title=f"{each.id}, clean") for i, each in enumerate(contenders)]
    # Contenders that are ignored on one network with one attack share the images.
    sharing: dict[tuple[int, AttackSpec], list[int]] = {}
    for i, each in enumerate(contenders):
        sharing.setdefault((id(each.ignored), ignoring_spec(each, spec)), []).append(i)
    ignoring = [
        _Trial(
            kind="ignoring",
            numbers=numbers,
            title=f"{len(numbers)} defences, ignored",
            spec=used,
            made_on=contenders[numbers[0]].ignored,
        )
        for (_, used), numbers in sharing.items()
    ]
    adapted = [
        _Trial(
            kind="adaptive",
            numbers=[i],
            title=f"{each.id}, adaptive",
            spec=adaptive_spec(each, spec),
            made_on=each.adaptive,
        )
        for i, each in enumerate(contenders)
    ]
    return [*clean, *ignoring, *adapted]


def _predictions(
    judges: Sequence[nn.Module], images: Images, trial: _Trial, *, on_stage: OnStage | None
) -> list[NDArray[np.int64]]:
    """What each judge says `(N,)` about the images of a trial."""
    for network in (*judges, *([] if trial.made_on is None else [trial.made_on])):
        reset(network, seed=0 if trial.spec is None else trial.spec.seed)
    found: list[list[NDArray[np.int64]]] = [[] for _ in judges]
    for start in range(0, len(images), BATCH):
        x, y = images.batch(slice(start, start + BATCH))
        if trial.made_on is not None and trial.spec is not None:
            x = run_attack(trial.made_on, x, y, trial.spec).adversarial
        with torch.inference_mode():
            for predictions, judge in zip(found, judges, strict=True):
                predictions.append(judge(x).argmax(dim=1).numpy())
        if on_stage:
            on_stage(trial.title, min(start + BATCH, len(images)), len(images))
    return [np.concatenate(predictions) for predictions in found]


def _row(
    contender: Contender,
    spec: AttackSpec,
    labels: NDArray[np.int64],
    clean: NDArray[np.int64],
    ignored: NDArray[np.int64],
    adapted: NDArray[np.int64],
    *,
    classes: Sequence[str],
) -> dict[str, Any]:
    # For a defence that draws, a second look is a second chance by luck; for any other it is the attacker's choice.
    either = adapted if contender.randomised else np.where(adapted == labels, ignored, adapted)
    return {
        "id": contender.id,
        "title": contender.title,
        "summary": contender.summary,
        "citation": contender.citation,
        "randomised": contender.randomised,
        "weights_sha256": list(contender.weights),
        "clean": summarise(labels, clean, classes=classes),
        "ignoring": summarise(labels, ignored, classes=classes) | {"spec": asdict(ignoring_spec(contender, spec))},
        "adaptive": summarise(labels, either, classes=classes)
        | {
            "spec": asdict(adaptive_spec(contender, spec)),
            "alone": balanced_accuracy(labels, adapted, classes=len(classes)),
        },
    }
