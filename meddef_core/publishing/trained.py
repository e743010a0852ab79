"""From a finished run to a model with a card: compact the weights, measure exactly those, write both."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from meddef_core import __version__
from meddef_core.data.images import Images, load_images
from meddef_core.data.lists import PARTS, Lists, build_lists
from meddef_core.errors import ModelError
from meddef_core.evaluation.card_numbers import OnStage, card_attacks, measure
from meddef_core.evaluation.shifts import Shift
from meddef_core.evaluation.trials import Trial
from meddef_core.evaluation.worst_case import plan_each_alone
from meddef_core.evaluation.worst_case_report import summarise_each_alone
from meddef_core.io.files import replacing
from meddef_core.model.offsets import add_offsets
from meddef_core.pruning.masks import pruned, weight_counts
from meddef_core.studies.worst_case_job import WorstCaseJob, run_job
from meddef_core.tasks import Task, get_task
from meddef_core.text import Text
from meddef_core.training.finished import network_of, read_run, titled
from meddef_core.training.offsets import SEARCH, choose_offsets
from meddef_core.training.offsets import beside as scans_beside
from meddef_core.training.recipe import Recipe
from meddef_core.zoo import Card, check_spelling, compact, encode, save_model
from meddef_core.zoo.packed import Values, int8_loss


def publish(
    run_dir: Path,
    *,
    data_dir: Path,
    root: Path,
    sparsity: float = 0.0,
    balanced_over: Sequence[Shift] = (),
    other_hospital: bool = False,
    values: Values = "float16",
    name: str | None = None,
    title: str | None = None,
    summary: str | None = None,
    devices: int = 1,
    on_stage: OnStage | None = None,
) -> Card:
    """Measure a run's best weights on the test list and write them to `root/<task>/<name>/`, over what stands there.

    What is measured is what is shipped: the weights after pruning in one shot, with offsets on the logits where the
    classes are to be `balanced_over` changes of validation scans (and over scans of an `other_hospital`), and after
    rounding to fp16 or to 8-bit codes, computed with in fp32. Unless given, the name is the recipe's and title and
    summary are `titled`'s. `devices` processes share the attacks; what they have done is kept in the run's folder until
    the card is written, and the offsets for good, so that an interrupted call goes on.
    Raises ModelError if the folder holds no finished validation or the name is no name.
    """
    chosen = read_run(run_dir)
    state, recipe = chosen.state, chosen.recipe
    name = name or recipe.name
    check_spelling(name)
    task = get_task(recipe.task)
    lists = build_lists(task, data_dir, protocol=recipe.protocol)
    training = chosen.training
    if sparsity:
        state = dict(pruned(network_of(recipe, state), sparsity).state_dict())
    if balanced_over:
        training["offsets"], state = _balanced(
            run_dir, recipe, state, task=task, lists=lists, data_dir=data_dir, shifts=balanced_over,
            other_hospital=other_hospital, told=on_stage,
        )  # fmt: skip
    if values == "int8":
        training["int8"] = asdict(int8_loss(compact(state)))
    network = network_of(recipe, state, values=values)
    if sparsity:
        counts = weight_counts(network)
        training["pruning"] = {
            "method": "one-shot global magnitude",
            "sparsity": sparsity,
            "prunable": counts.prunable,
            "nonzero": counts.nonzero,
        }
    named = titled(recipe)
    images = load_images(lists, "test", preprocessing=recipe.preprocessing_of_task(), data_dir=data_dir)
    metrics = {"list": "test", "protocol": recipe.protocol} | measure(
        network, images, classes=task.classes, attacks=[], on_stage=on_stage
    )
    write = partial(
        save_model,
        state=state,
        task=task,
        name=name,
        title=title or named[0],
        summary=summary or named[1],
        config=network.config,
        preprocessing=recipe.preprocessing_of_task(),
        training=training,
        data={
            "protocol": recipe.protocol,
            "source": task.source,
            "licence": task.licence,
            "lists": {part: {"scans": len(lists.part(part)), "sha256": lists.digest(part)} for part in PARTS},
        },
        packed=True if values == "int8" else None,
        values=values,
    )
    with tempfile.TemporaryDirectory(prefix="meddef-") as staging:
        # Other processes open the network by its card, which is not to stand among the models before it is measured.
        candidate = write(Path(staging) / task.key / name, metrics=metrics)
        trials = [Trial(spec=spec) for spec in card_attacks(saturated=recipe.objective.kind == "distill")]
        job = WorstCaseJob(
            model=candidate.key,
            models_root=Path(staging),
            run=None,
            weights_sha256=candidate.weights.sha256,
            lists=lists,
            part="test",
            data_dir=data_dir,
            plan=plan_each_alone(images, attacks=trials),
            folder=None,
        )
        folder = run_dir / f"card-{_digest(job.header)}"
        metrics["attacked"] = _attacked(
            replace(job, folder=folder), network, images, classes=task.classes, devices=devices, told=on_stage
        )
    card = write(root / task.key / name, metrics=metrics)
    shutil.rmtree(folder)
    return card


def _attacked(
    job: WorstCaseJob, network: nn.Module, images: Images, *, classes: Sequence[str], devices: int, told: OnStage | None
) -> list[dict[str, Any]]:
    """A card's rows under attack."""
    on_progress = None if told is None else lambda done, total, note: told(note, done, total)
    found = run_job(job, network, images, devices=devices, on_progress=on_progress)
    assert found is not None  # on one machine
    rows = summarise_each_alone(found, classes=classes)
    for row in rows:
        row["largest_linf"] = row.pop("largest_distance")  # of PGD in that norm, under the name that cards give it
        del row["n"], row["predictions"]  # a card is about the list as a whole
    return rows


def _digest(depends_on: dict[str, Any]) -> str:
    """Names work by all it depends on, so that what was done for another is not taken for its own."""
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:12]


def _balanced(
    run_dir: Path,
    recipe: Recipe,
    state: dict[str, Any],
    *,
    task: Task,
    lists: Lists,
    data_dir: Path,
    shifts: Sequence[Shift],
    other_hospital: bool,
    told: OnStage | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """For the card, which offsets were chosen; and the weights with them.

    To choose them takes as long as half of the card, so they stay in the run's folder, named by all they depend on.
    Raises ModelError if what stands there cannot be read.
    """
    network, preprocessing = network_of(recipe, state), recipe.preprocessing_of_task()
    hospital = scans_beside(network, task, preprocessing, data_dir) if other_hospital else None
    depends_on = {
        "weights": hashlib.sha256(encode(state)[0]).hexdigest(),
        "list": lists.digest("val"),
        "eps": recipe.validation.eps,
        "shifts": [shift.key for shift in shifts],
        "other_hospital": None if hospital is None else hashlib.sha256(hospital.logits.tobytes()).hexdigest(),
        "search": SEARCH,
        "versions": {"meddef": __version__, "torch": torch.__version__},
    }
    path = run_dir / f"offsets-{_digest(depends_on)}.json"
    if not path.exists():
        chosen = choose_offsets(
            network,
            load_images(lists, "val", preprocessing=preprocessing, data_dir=data_dir),
            classes=task.classes,
            eps=recipe.validation.eps,
            shifts=shifts,
            hospital=hospital,
            on_batch=None if told is None else partial(told, "offsets"),
        )
        with replacing(path) as beside:
            beside.write_text(json.dumps(asdict(chosen), indent=2) + "\n", encoding="utf-8")
    try:
        found = dict(json.loads(path.read_bytes()))
        add_offsets(network, [float(value) for value in found["by_class"].values()])
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise ModelError(
            Text(
                "publishing.offsets-damaged",
                "The offsets in {path} are damaged; remove the file to choose them again.",
                path=path,
            )
        ) from error
    return found, dict(network.state_dict())
