"""JSMA on one shipped model: seconds and memory for one synthetic scan, and how many test scans it breaks, as JSON.

`MEDDEF_DATA_DIR=… python tests/benchmarks/measure_jsma.py`. Absolute times belong to the machine they were taken on,
so this is a script to run on a quiet one, not a test. Each measurement has a process of its own, for its peak memory.
"""

import json
import multiprocessing
import os
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from meddef_core.attacks import default_spec, run_attack
from meddef_core.data.images import load_images
from meddef_core.data.lists import build_lists
from meddef_core.data.samples import list_samples
from meddef_core.prediction.prediction import prepare
from meddef_core.zoo import load_model

MODEL = "oct/meddef"


def peak_mb() -> float:
    """Largest resident memory of this process so far; Linux counts it in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_sample(stop_when_fooled: bool) -> dict[str, Any]:
    model = load_model(MODEL)
    x = prepare(model, list_samples("oct")[0].load())
    with torch.no_grad():
        y = model.network(x).argmax(dim=1)
    before, began, worked = peak_mb(), time.perf_counter(), time.process_time()
    result = run_attack(model.network, x, y, default_spec("jsma", stop_when_fooled=stop_when_fooled))
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "CPU seconds": round(time.process_time() - worked, 2),
        "extra MB at the peak": round(peak_mb() - before, 1),
        "steps": result.steps_run,
        "fooled": bool(result.success[0]),
        "first fooled at step": int(result.first_fooled[0]),
        "share of values changed": round(float((result.adversarial != x).float().mean()), 4),
    }


def broken_scans(steps: int) -> dict[str, Any]:
    """Two scans of each class of the test list, of those the model reads right."""
    model, data_dir = load_model(MODEL), Path(os.environ["MEDDEF_DATA_DIR"])
    lists = build_lists(model.task, data_dir, protocol=model.card.data["protocol"])
    images = load_images(lists, "test", preprocessing=model.preprocessing, data_dir=data_dir)
    labels = images.labels.numpy()
    picked: list[int] = []
    for k in range(len(model.task.classes)):
        for i in np.flatnonzero(labels == k)[:8]:
            with torch.no_grad():
                right = int(model.network(images.batch([int(i)])[0]).argmax()) == k
            if right and int((labels[picked] == k).sum()) < 2:
                picked.append(int(i))
    x, y = images.batch(picked)
    began, worked = time.perf_counter(), time.process_time()
    result = run_attack(model.network, x, y, default_spec("jsma", steps=steps, stop_when_fooled=True))
    return {
        "scans": len(y),
        "broken": int(result.success.sum()),
        "seconds": round(time.perf_counter() - began, 1),
        "CPU seconds": round(time.process_time() - worked, 1),
        "first fooled at step": result.first_fooled.tolist(),
        "share of values changed": [round(float(s), 4) for s in (result.adversarial != x).flatten(1).float().mean(1)],
    }


MEASUREMENTS = {
    "one sample, every step": (one_sample, False),
    "one sample, until fooled": (one_sample, True),
    "test scans, 100 steps": (broken_scans, 100),
    "test scans, 20 steps": (broken_scans, 20),
}


if __name__ == "__main__":
    document = {}
    for name, (measure, setting) in MEASUREMENTS.items():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            document[name] = pool.apply(measure, (setting,))
    print(json.dumps(document, indent=2))
