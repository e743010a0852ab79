"""kill -9 of the long commands at random moments: nothing half-written, and in the end the same numbers.

Twice each in `make test`, twenty times each in `make test-long`.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from killed import Command, killed_at_random, to_the_end, warm
from long_results import keep
from tiny_models import save_tiny_model
from tiny_training import tiny_recipe

from meddef_core.io.files import read_whole
from meddef_core.zoo import load_model

FEW = 2
MANY = 20
ANEW = 4
"""Begun so often where too few kills found the command at work."""

CHANGING = ("created", "seconds", "cost", "versions")
"""Keys that differ between two runs of the same command."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command in a folder of its own; `result` reads what it ends with."""

    command: Command
    result: Callable[[], Any]
    check: Callable[[], None] = lambda: None


def plain(value: Any) -> Any:
    """A document without what is of the run and not of the result."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if key not in CHANGING and not key.endswith("_ms")}
    return [plain(each) for each in value] if isinstance(value, list) else value


def record(path: Path) -> Any:
    return plain(json.loads(path.read_text()))


def setting(folder: Path) -> dict[str, str]:
    return {"MEDDEF_MODELS_DIR": str(folder / "models"), "MEDDEF_CACHE_DIR": str(folder / "cache")}


def recipe_file(folder: Path) -> Path:
    path = folder / "recipe.yaml"
    recipe = tiny_recipe(model={"variant": "resnet18", "width": 4, "pool": 4}, epochs=3)
    path.write_text(recipe.model_dump_json())
    return path


def train(folder: Path, data: Path) -> Case:
    run = folder / "run"
    arguments = ("train", str(recipe_file(folder)), "--data-dir", str(data), "--run-dir", str(run))

    def result() -> Any:
        from safetensors.numpy import load_file

        return {key: value.round(5).tolist() for key, value in load_file(run / "best.safetensors").items()}

    command = Command(arguments=arguments, writes=[run], setting=setting(folder), resumes=True)
    return Case(command=command, result=result)


def evaluate(folder: Path, data: Path) -> Case:
    save_tiny_model(folder / "models", "oct/meddef")
    run, output = folder / "run", folder / "worst.json"
    arguments = ("evaluate", "--task", "oct", "--data-dir", str(data), "--attacks", "worst", "--limit", "4")
    arguments = (*arguments, "--eps", "64/255", "--run-dir", str(run), "--output", str(output))
    writes = [run, output]
    return Case(
        command=Command(arguments=arguments, writes=writes, setting=setting(folder)), result=lambda: record(output)
    )


def publish(folder: Path, data: Path) -> Case:
    first = train(folder, data)
    to_the_end(first.command, folder / "log")
    model = folder / "models" / "oct" / "tiny"
    arguments = ("publish", str(folder / "run"), "--data-dir", str(data))
    command = Command(arguments=arguments, writes=[folder / "run", model], setting=setting(folder))
    return Case(command=command, result=lambda: record(model / "card.json"), check=lambda: loads(model))


def prune(folder: Path, data: Path) -> Case:
    save_tiny_model(folder / "models", "oct/meddef", variant="resnet18", training={"step": 1})
    model = folder / "models" / "oct" / "pruned"
    arguments = ("prune", "--task", "oct", "--sparsity", "0.5", "--name", "pruned", "--data-dir", str(data))
    command = Command(arguments=arguments, writes=[folder / "models"], setting=setting(folder), once=True)
    return Case(command=command, result=lambda: record(model / "card.json"), check=lambda: loads(model))


def calibrate(folder: Path, data: Path) -> Case:
    save_tiny_model(folder / "models", "oct/meddef")
    model = folder / "models" / "oct" / "meddef"
    arguments = ("calibrate", "--task", "oct", "--model", "meddef", "--data-dir", str(data))

    def check() -> None:
        card = model / "reading.json"
        if card.exists():
            named = json.loads(card.read_text())["arrays_sha256"]
            assert read_whole(model / "reading.safetensors", sha256=named)

    return Case(
        command=Command(arguments=arguments, writes=[folder / "models"], setting=setting(folder)),
        result=lambda: record(model / "reading.json"),
        check=check,
    )


def batch(folder: Path, data: Path) -> Case:
    save_tiny_model(folder / "models", "oct/meddef")
    output = folder / "table.csv"
    source = data / "oct" / "test"
    arguments = ("batch", str(source), "--task", "oct", "--output", str(output))
    return Case(command=Command(arguments=arguments, writes=[output], setting=setting(folder)), result=output.read_text)


def loads(model: Path) -> None:
    """A model that is listed can be loaded: its weights fit its card."""
    if (model / "card.json").exists():
        load_model(f"oct/{model.name}", model.parents[1])


CASES = {each.__name__: each for each in (train, evaluate, publish, prune, calibrate, batch)}


def killed(make: Callable[[Path, Path], Case], data: Path, folder: Path, *, tries: int) -> int:
    """Kill a command so many times, then let it end; how many kills found it at work."""
    whole = make(_made(folder / "whole"), data)
    warm()
    seconds = to_the_end(whole.command, folder / "log")
    for _ in range(ANEW):
        cut = make(_made(folder / "cut"), data)
        hit = killed_at_random(cut.command, folder / "log", tries=tries, longest=seconds, check=cut.check)
        to_the_end(cut.command, folder / "log")
        if hit >= max(1, tries // 4):  # a command that goes on has less to do each time
            break
        seconds /= 2  # the machine was busy while it was timed
    else:
        pytest.fail(f"{hit} of {tries} kills found it at work")
    assert whole.result() == cut.result()
    cut.check()
    return hit


def _made(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_a_command_that_is_killed_ends_with_the_same_numbers(name: str, tiny_data: Path, tmp_path: Path) -> None:
    killed(CASES[name], tiny_data, tmp_path, tries=FEW)


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_twenty_kills_lose_nothing(name: str, tiny_data: Path, tmp_path: Path) -> None:
    hit = killed(CASES[name], tiny_data, tmp_path, tries=MANY)
    keep("kill -9 of the long commands", f"meddef {name}", {"kills": MANY, "at_work": hit, "same_numbers": True})
