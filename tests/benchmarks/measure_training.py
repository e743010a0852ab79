"""Training images a second: a recipe's own step beside a plain loop of adversarial training, as JSON.

`MEDDEF_DATA_DIR=… python tests/benchmarks/measure_training.py [oct-meddef] [--set model.width=64 …]`: both train the
recipe's network on the same scans in batches of the same size, on one torch thread, in turns. The plain loop is what a
reader of torchattacks' manual would write: fp32, PGD-10 at the same epsilon, cross-entropy, AdamW, no augmentation.
Both keep the memory of freed tensors, as `meddef train` does; the loop would not by itself.
Absolute times belong to the machine they were taken on, so this is a script to run on a quiet one, not a test.
"""

import argparse
import copy
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
import torchattacks
from lightning_fabric import Fabric

from meddef_core.training.memory import keep_freed_memory
from meddef_core.training.recipe import load_recipe
from meddef_core.training.run import TrainingRun, check_lists, prepare
from meddef_core.training.step import plan_step, take_step

RECIPES = Path(__file__).parents[2] / "assets" / "recipes"
ROUNDS = 5
PGD_STEPS = 10


def our_step(run: TrainingRun) -> None:
    """One step of the recipe, augmentation, moving average and all, at its full epsilon."""
    eps = run.recipe.objective.eps
    take_step(run, plan_step(run)._replace(eps=eps))


def plain_step(run: TrainingRun) -> Callable[[], None]:
    """The same network and scans in a loop of torchattacks' PGD-10 and cross-entropy, in fp32."""
    network = copy.deepcopy(run.inner)
    eps = run.recipe.objective.eps
    attack = torchattacks.PGD(network, eps=eps, alpha=eps / 4, steps=PGD_STEPS)
    attack.set_model_training_mode(model_training=True, batchnorm_training=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=run.recipe.optimizer.lr)
    x, y = run.train.batch(torch.arange(run.recipe.batch).numpy())

    def step() -> None:
        attacked = attack(x, y)
        network.train()
        optimizer.zero_grad()
        F.cross_entropy(network(attacked), y).backward()
        optimizer.step()

    return step


def seconds(step: Callable[[], None]) -> float:
    """Processor time of one step: on one thread no neighbour lengthens it."""
    began = time.process_time()
    step()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", nargs="?", default="oct-meddef")
    parser.add_argument("--set", action="append", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    overrides = dict(pair.split("=", 1) for pair in given.set)
    recipe = load_recipe(RECIPES / f"{given.recipe}.yaml", overrides)
    data_dir = Path(os.environ["MEDDEF_DATA_DIR"])
    fabric = Fabric(accelerator="cpu", devices=1, precision=recipe.precision)
    run, _ = prepare(recipe, fabric, check_lists(recipe, data_dir, processes=1), data_dir=data_dir, fresh=True)
    plain = plain_step(run)
    ours, theirs = [], []
    for turn in range(ROUNDS + 1):
        both = seconds(lambda: our_step(run)), seconds(plain)
        if turn:  # The first compiles kernels.
            ours.append(both[0])
            theirs.append(both[1])
    rates = [recipe.batch / statistics.median(times) for times in (ours, theirs)]
    print(
        json.dumps(
            {
                "recipe": given.recipe,
                "model": recipe.model.model_dump(),
                "objective": recipe.objective.kind,
                "images a second, our step": round(rates[0], 1),
                f"images a second, torchattacks' PGD-{PGD_STEPS} in fp32": round(rates[1], 1),
                "ratio": round(rates[0] / rates[1], 1),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
