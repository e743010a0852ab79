"""Our attacks beside other libraries', on one shipped model, the same scans and one torch thread, as JSON.

`MEDDEF_DATA_DIR=… python tests/benchmarks/measure_attacks.py pgd worst strongest`: each word is one comparison.
Absolute times belong to the machine they were taken on, so this is a script to run on a quiet one, not a test.
"""

import copy
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import foolbox
import numpy as np
import torch
import torchattacks
from art.attacks.evasion import AutoConjugateGradient, AutoProjectedGradientDescent
from art.estimators.classification import PyTorchClassifier
from numpy.typing import NDArray
from torch import Tensor, nn

from meddef_core.attacks import AttackSpec, format_eps
from meddef_core.data.images import Images, load_images
from meddef_core.data.lists import build_lists
from meddef_core.evaluation.evaluate import attack_images
from meddef_core.evaluation.worst_case import run_worst_case, worst_case_attacks
from meddef_core.records import Match, WorstRecord, match_weights, read_file, shipped
from meddef_core.records.documents import results_root
from meddef_core.zoo import LoadedModel, load_model

Crafting = Callable[[nn.Module, Tensor, Tensor], Tensor]


def test_list(model: LoadedModel) -> Images:
    """The model's whole test list."""
    lists = build_lists(model.task, Path(os.environ["MEDDEF_DATA_DIR"]), protocol=model.card.data["protocol"])
    return load_images(lists, "test", preprocessing=model.preprocessing, data_dir=Path(os.environ["MEDDEF_DATA_DIR"]))


def scans(model: LoadedModel, n: int) -> Images:
    """`n` scans of the test list, as many of each class as there are, evenly spread."""
    images = test_list(model)
    by_class = [np.flatnonzero(images.labels.numpy() == k) for k in range(len(model.task.classes))]
    share = n // len(by_class)
    picked = np.sort(np.concatenate([where[np.linspace(0, len(where) - 1, share).astype(int)] for where in by_class]))
    return Images(images.stored[picked], images.labels[picked], tuple(images.items[i] for i in picked))


def timed(craft: Crafting, network: nn.Module, x: Tensor, y: Tensor) -> dict[str, float]:
    """Seconds to make the images, and the share that the network still reads right, in fp32."""
    began = time.perf_counter()
    adversarial = craft(network, x, y)
    seconds = time.perf_counter() - began
    with torch.no_grad():
        right = (network(adversarial.detach()).argmax(dim=1) == y).float().mean()
    return {"seconds": round(seconds, 1), "robust accuracy": round(float(right), 4)}


def pgd() -> dict[str, Any]:
    """PGD-40 on 64 scans: ours in full, ours with fooled images leaving, torchattacks', foolbox's."""
    eps, steps, rel_step = 8 / 255, 40, 0.1

    def ours(stop: bool) -> dict[str, float]:
        spec = AttackSpec(name="pgd", eps=eps, steps=steps, rel_step=rel_step, stop_when_fooled=stop)
        began = time.perf_counter()
        outcome = attack_images(model.network, images, spec)
        seconds = time.perf_counter() - began
        return {
            "seconds": round(seconds, 1),
            "robust accuracy": round(float((outcome.predictions == images.labels.numpy()).mean()), 4),
        }

    def with_torchattacks(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        attack = torchattacks.PGD(copy.deepcopy(network), eps=eps, alpha=rel_step * eps, steps=steps)
        found: Tensor = attack(x, y)
        return found

    def with_foolbox(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        attack = foolbox.attacks.LinfPGD(rel_stepsize=rel_step, steps=steps)
        found: Tensor = attack(foolbox.PyTorchModel(network, (0, 1)), x, y, epsilons=eps)[1]
        return found

    document = {}
    for key in ("oct/meddef", "chest/meddef", "oct/undefended"):
        model = load_model(key)
        images = scans(model, 64)
        x, y = images.batch(slice(None))
        document[f"{key} at {format_eps(eps)}"] = {
            "ours": ours(True),
            "ours, every step for every image": ours(False),
            "torchattacks": timed(with_torchattacks, model.network, x, y),
            "foolbox": timed(with_foolbox, model.network, x, y),
        }
    return document


def worst() -> dict[str, Any]:
    """Our worst-case set beside torchattacks' AutoAttack on the four-class model, 32 scans."""
    model, eps = load_model("oct/meddef"), 8 / 255
    images = scans(model, 32)
    x, y = images.batch(slice(None))

    def autoattack(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        # torchattacks flips train and eval on the model it is given: it gets its own.
        attack = torchattacks.AutoAttack(copy.deepcopy(network), norm="Linf", eps=eps, n_classes=4, seed=0)
        found: Tensor = attack(x, y)
        return found

    return {
        f"oct/meddef at {format_eps(eps)}, {len(images)} scans": {
            "ours": our_worst_case(model, images, eps),
            "torchattacks' AutoAttack": timed(autoattack, model.network, x, y),
        }
    }


def strongest() -> dict[str, Any]:
    """Of 64 scans of each task that our worst-case set left standing, those that others' strongest attacks break.

    What stands is read from the records of `meddef evaluate --attacks worst`; a model without one is left out.
    """
    document = {}
    for key in ("oct/meddef", "chest/meddef"):
        if not worst_record(key).is_file():
            continue
        model, eps = load_model(key), 8 / 255
        images = test_list(model)
        standing = unbroken(model, eps)
        picked = standing[np.linspace(0, len(standing) - 1, min(64, len(standing))).astype(int)]
        x, y = images.batch(picked)
        broken = {name: ~right(model.network, craft(model.network, x, y, eps), y) for name, craft in THEIRS.items()}
        theirs = torch.stack(list(broken.values())).any(dim=0)
        document[f"{key} at {format_eps(eps)}, {len(images)} scans"] = {
            "withstand our worst-case set": len(standing),
            "of these attacked by theirs": len(picked),
            "broken by": {name: int(found.sum()) for name, found in broken.items()},
            "broken by theirs in all": int(theirs.sum()),
        }
    return document


def worst_record(key: str) -> Path:
    """Where the worst case of a model is kept."""
    return results_root() / "worst" / f"{key}.json"


def unbroken(model: LoadedModel, eps: float) -> NDArray[np.int64]:
    """Positions in the test list of the scans that our worst-case set left standing."""
    record = read_file(WorstRecord, worst_record(model.card.key))
    if match_weights(model.card.key, record.model.weights_sha256, shipped([model.card])) is not Match.MATCHED:
        raise SystemExit(f"The worst case of {model.card.key} is one of other weights; measure it again.")
    return np.array(
        [image.position for image in record.numbers.images for at in image.at if at.eps == eps and at.broken_by is None]
    )


def our_worst_case(model: LoadedModel, images: Images, eps: float) -> dict[str, float]:
    """Seconds and robust accuracy."""
    began = time.perf_counter()
    result = run_worst_case(model.network, images, attacks=worst_case_attacks(len(model.task.classes), eps=eps))
    seconds = time.perf_counter() - began
    stand = sum(image.broken_by is None for image in result.images) / len(images)
    return {"seconds": round(seconds, 1), "robust accuracy": round(stand, 4)}


def right(network: nn.Module, images: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        return network(images).argmax(dim=1) == y


def foolbox_pgd(network: nn.Module, x: Tensor, y: Tensor, eps: float) -> Tensor:
    """Five restarts of 50 steps, best kept."""
    attack = foolbox.attacks.LinfPGD(steps=50, rel_stepsize=0.05).repeat(5)
    found: Tensor = attack(foolbox.PyTorchModel(network, (0, 1)), x, y, epsilons=eps)[1]
    return found


def with_art(attack: type, **settings: Any) -> Callable[[nn.Module, Tensor, Tensor, float], Tensor]:
    """An attack of ART's, fed with arrays as it wants them."""

    def craft(network: nn.Module, x: Tensor, y: Tensor, eps: float) -> Tensor:
        with torch.no_grad():
            classes = network(x[:1]).shape[1]
        wrapped = PyTorchClassifier(
            copy.deepcopy(network),
            nn.CrossEntropyLoss(),
            input_shape=tuple(x.shape[1:]),
            nb_classes=classes,
            clip_values=(0.0, 1.0),
            device_type="cpu",
        )
        run = attack(wrapped, eps=eps, eps_step=eps / 4, batch_size=32, verbose=False, **settings)
        return torch.from_numpy(run.generate(x.numpy(), np.eye(classes)[y.numpy()])).clamp(0, 1)

    return craft


THEIRS = {
    "foolbox PGD, 5 restarts": foolbox_pgd,
    "ART AutoPGD, 5 restarts": with_art(AutoProjectedGradientDescent, max_iter=100, nb_random_init=5),
    "ART AutoConjugateGradient": with_art(AutoConjugateGradient, max_iter=100, nb_random_init=2),
}

COMPARISONS = {"pgd": pgd, "worst": worst, "strongest": strongest}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps({word: COMPARISONS[word]() for word in sys.argv[1:]}, indent=2))
