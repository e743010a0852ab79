"""A recipe for runs of seconds on the tiny data."""

import json
from pathlib import Path
from typing import Any

from meddef_core.training.recipe import Recipe


def tiny_recipe(**changes: object) -> Recipe:
    values: dict[str, object] = {
        "task": "oct",
        "name": "tiny",
        "title": "Tiny",
        "summary": "A test.",
        "epochs": 2,
        "batch": 8,
        "precision": "32-true",
        "model": {"variant": "without_daam", "width": 4, "pool": 4},
        "objective": {"kind": "n_fgsm", "eps": "2/255"},
        "validation": {"every": 1, "eps": "2/255", "steps": 2},
    }
    return Recipe.model_validate(values | changes)


def log_of(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
