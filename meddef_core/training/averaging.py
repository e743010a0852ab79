"""One network from several runs: the mean of their chosen weights."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from meddef_core.data.images import load_images
from meddef_core.data.lists import build_lists
from meddef_core.errors import RecipeError
from meddef_core.model import MedDef
from meddef_core.tasks import get_task
from meddef_core.text import Text
from meddef_core.training.finished import read_run
from meddef_core.training.scoring import Judge, validation_score
from meddef_core.training.state import write_tensors


@dataclass(frozen=True, kw_only=True)
class Average:
    """Where an average lies, its validation score and those of the runs it is made of."""

    run_dir: Path
    score: float
    scores: tuple[float, ...]


def average_runs(runs: Sequence[Path], *, data_dir: Path, output: Path) -> Average:
    """Average the chosen weights of runs of one network and write them to `output` as a run that can be published.

    The mean of weights is a good network only where the runs lie in one basin: continued from the same weights, say
    (Wortsman et al. 2022, Model soups, arXiv:2203.05482). Independent seeds do not, and the score then shows it.
    The recipe written beside the weights, and the validation, are those of the first run; the hashes of what was
    averaged stand there too. Raises ModelError if a run holds no chosen weights, RecipeError if the networks or lists
    differ or `output` holds a run already.
    """
    if len(runs) < 2:
        raise RecipeError(Text("training.average-one-run", "An average needs at least two runs; name more."))
    if any(output.glob("*.safetensors")):
        raise RecipeError(
            Text(
                "training.average-folder-taken",
                "{folder} holds a run already; choose another folder for the average.",
                folder=output,
            )
        )
    found = [read_run(run) for run in runs]
    recipe = found[0].recipe
    config = recipe.model_config_of_task()
    for run, other in zip(runs, (chosen.recipe for chosen in found), strict=True):
        if other.model_config_of_task() != config or (other.task, other.protocol) != (recipe.task, recipe.protocol):
            raise RecipeError(
                Text(
                    "training.average-other-network",
                    "{run} holds another network, or was trained on other lists, than {first}.",
                    run=run,
                    first=runs[0],
                )
            )
    mean = {key: torch.stack([each.state[key].float() for each in found]).mean(dim=0) for key in found[0].state}
    network = MedDef(config)
    network.load_state_dict(mean)
    task = get_task(recipe.task)
    lists = build_lists(task, data_dir, protocol=recipe.protocol)
    images = load_images(lists, "val", preprocessing=recipe.preprocessing_of_task(), data_dir=data_dir)
    judge = Judge(network.eval().requires_grad_(False))
    score = validation_score(judge, images, recipe.validation, classes=len(task.classes))
    metadata = {
        "step": "0",
        "score": str(score),
        "recipe": recipe.model_dump_json(),
        "averaged": json.dumps([each.sha256 for each in found]),
    }
    write_tensors(output / "best.safetensors", network.state_dict(), metadata)
    return Average(run_dir=output, score=score, scores=tuple(each.score for each in found))
