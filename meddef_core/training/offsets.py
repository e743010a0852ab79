"""Constants on the logits, chosen on validation patients, so that no class is answered too readily.

Adversarial training leaves the rarer class with the wider margin: read at zero, a network then answers it too often,
and its accuracy says more about the offset than about what it has learnt. A constant a class, added to the bias of the
last layer, moves the boundary and nothing else (post-hoc logit adjustment: Menon et al. 2021, Long-tail learning via
logit adjustment, arXiv:2007.07314, section 4; here the constants are chosen by what they give instead of by the
classes' shares).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from meddef_core.attacks import AttackSpec
from meddef_core.data.external import development_set, external_lists
from meddef_core.data.images import Images, load_images
from meddef_core.errors import DataError
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.metrics import balanced_accuracy
from meddef_core.evaluation.shifts import SHIFTS, Shift, shifted
from meddef_core.prediction.risk_control import FOLDS, folds_of
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.tasks import Task
from meddef_core.text import Text
from meddef_core.training.scoring import subset

NO_FINDING = "NORMAL"
"""The class of healthy scans, in every task."""

REACH, STEP = 4.0, 0.05
"""How far an offset may go, and how finely: margins of these networks lie within a few units."""

PGD_STEPS = 10
ROUNDS = 3
"""Over all classes, each in turn; with two classes the first finds the best."""

SEARCH = {"reach": REACH, "step": STEP, "pgd_steps": PGD_STEPS, "rounds": ROUNDS, "attack": "towards each other class"}
"""All of the above: with other settings other offsets may be chosen."""

OnBatch = Callable[[int, int], None]


@dataclass(frozen=True)
class Offsets:
    """What was chosen, for the card: an offset a class, in logits, and mean balanced accuracy before and after."""

    by_class: dict[str, float]
    budgets: tuple[float, ...]
    shifts: tuple[str, ...]
    """Changes of the scans that it was chosen over, by key; `none` is the scan as it is."""
    before: float
    after: float
    beside: str | None = None
    """Key of another hospital's development set that they were chosen on as well, as one more condition."""
    added_by_fold: tuple[tuple[float, ...], ...] | None = None
    """What turns them into those that are chosen without a fold of that set, a row a fold."""


@dataclass(frozen=True, eq=False)
class Beside:
    """Clean scans of another hospital: logits `(N, K)`, `wrong` `(N, K)` where an output would be an error.

    `labels` `(N,)` weigh equally, however many scans each has; `folds` `(N,)` keep neighbours together. Only `moved`
    gets an offset: the class whose labels there can be trusted.
    """

    key: str
    moved: int
    logits: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]

    def score(self, offsets: NDArray[np.float64]) -> float:
        """The share of outputs that are no error, on average over labels."""
        fine = ~self.wrong[np.arange(len(self.labels)), (self.logits + offsets).argmax(axis=1)]
        return float(np.mean([fine[self.labels == label].mean() for label in np.unique(self.labels)]))

    def of(self, these: NDArray[np.bool_]) -> "Beside":
        """Some of the scans."""
        return replace(
            self, logits=self.logits[these], wrong=self.wrong[these], labels=self.labels[these], folds=self.folds[these]
        )


def beside(network: nn.Module, task: Task, preprocessing: Preprocessing, data_dir: Path) -> Beside:
    """The development set of another hospital as the network sees it; raises DataError where there is none on hand."""
    about = development_set(task, data_dir)
    if about is None:
        raise DataError(
            Text(
                "training.no-other-hospital",
                "{folder} holds no scans of another hospital for {task}; leave out --other-hospital.",
                folder=data_dir,
                task=task.key,
            )
        )
    lists = external_lists(task, data_dir, about.folder)
    images = load_images(lists, "test", preprocessing=preprocessing, data_dir=data_dir)
    logits = attack_images(network, images, None).logits.astype(np.float64)
    labels = images.labels.numpy()
    wrong = np.array([[about.is_wrong(task.classes[label], output) for output in task.classes] for label in labels])
    folds = folds_of(np.array([item.patient for item in images.items]), folds=FOLDS)
    return Beside(about.key, task.index(NO_FINDING), logits, wrong, labels, folds)


def choose_offsets(
    network: nn.Module,
    images: Images,
    *,
    classes: Sequence[str],
    eps: float,
    shifts: Sequence[Shift] = SHIFTS[:1],
    hospital: Beside | None = None,
    on_batch: OnBatch | None = None,
) -> Offsets:
    """The offsets with the best balanced accuracy on average over clean scans and PGD on the margin at eps/2 and eps.

    An attacked scan counts as read right only if PGD towards no other class breaks it.

    Over several `shifts` the average is over all of them, each attacked after the change: the boundary that balances
    scans as they are is not the one that balances scans that were taken otherwise.

    Attacked scans are crafted on the network as it is: the way to a class hardly depends on an offset, but which class
    is the nearest does, and PGD away from the label would only have gone there. `network` is in eval mode; `eps` is in
    pixel units, and 0 takes the clean scans alone. Scans of another `hospital` are one more condition; then one class
    alone gets an offset, and offsets are chosen without each of its folds as well.
    """
    labels = images.labels.numpy()
    budgets = [0.0, eps / 2, eps] if eps else [0.0]
    others = len(classes) - 1
    found: list[NDArray[Any]] = []
    total = len(shifts) * len(images) * (1 + others * (len(budgets) - 1))
    done = 0

    def tell(of_these: int, _: int) -> None:
        if on_batch:
            on_batch(done + of_these, total)

    for shift in shifts:
        changed = shifted(images, shift)
        found.append(attack_images(network, changed, None, on_batch=tell).logits[None])
        done += len(images)
        for budget in budgets[1:]:
            reached = np.empty((others, *found[0].shape[1:]), dtype=np.float32)
            for target in range(len(classes)):
                (places,) = np.nonzero(labels != target)
                spec = AttackSpec(name="pgd", eps=budget, steps=PGD_STEPS, loss="margin", target=target)
                attacked = attack_images(network, subset(changed, places), spec, on_batch=tell).logits
                reached[(target - labels[places]) % len(classes) - 1, places] = attacked
                done += len(places)
            found.append(reached)
    chosen = best_offsets(found, labels, classes=len(classes), hospital=hospital)
    added: tuple[tuple[float, ...], ...] | None = None
    if hospital is not None:
        without = [hospital.of(hospital.folds != fold) for fold in range(FOLDS)]
        folds = [best_offsets(found, labels, classes=len(classes), hospital=rest) for rest in without]
        added = tuple(tuple(np.round(each - chosen, 2).tolist()) for each in folds)
    return Offsets(
        by_class={name: round(float(value), 2) for name, value in zip(classes, chosen, strict=True)},
        budgets=tuple(budgets),
        shifts=tuple(shift.key for shift in shifts),
        before=_score(found, labels, np.zeros(len(classes))),
        after=_score(found, labels, chosen),
        beside=None if hospital is None else hospital.key,
        added_by_fold=added,
    )


def best_offsets(
    found: Sequence[NDArray[Any]], labels: NDArray[np.int64], *, classes: int, hospital: Beside | None = None
) -> NDArray[np.float64]:
    """`(K,)` offsets for logits `(A, N, K)` of the same scans, the first class's zero; ties go to the smallest change.

    Each class in turn takes the best of a grid, given the others. A scan is read right if it is in all A rows. With
    another `hospital` only its `moved` class has an offset.
    """

    def score(offsets: NDArray[np.float64]) -> float:
        own = _score(found, labels, offsets)
        return own if hospital is None else (own * len(found) + hospital.score(offsets)) / (len(found) + 1)

    chosen = np.zeros(classes)
    grid = np.round(np.arange(-REACH, REACH + STEP / 2, STEP), 2) + 0.0  # no -0.0
    # Sorted by size, so that the first of equally good ones is the smallest.
    grid = grid[np.argsort(np.abs(grid), kind="stable")]
    for _ in range(ROUNDS):
        for place in range(1, classes) if hospital is None else [hospital.moved]:
            scores = [score(_with(chosen, place, value)) for value in grid]
            # Rounded, so that equal scores are equal and the first of them is taken.
            chosen = _with(chosen, place, grid[int(np.argmax(np.round(scores, 9)))])
    return chosen


def _with(offsets: NDArray[np.float64], place: int, value: float) -> NDArray[np.float64]:
    changed = offsets.copy()
    changed[place] = value
    return changed


def _score(found: Sequence[NDArray[Any]], labels: NDArray[np.int64], offsets: NDArray[np.float64]) -> float:
    shares = []
    for each in found:
        answers = (each + offsets).argmax(axis=2)
        worst = (answers != labels).argmax(axis=0)  # the first that is wrong, else the first
        shares.append(balanced_accuracy(labels, answers[worst, np.arange(len(labels))], classes=len(offsets)))
    return float(np.mean(shares))
