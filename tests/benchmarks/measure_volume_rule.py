"""How the rule for volumes does where volumes can be made up, as one JSON document.

`MEDDEF_DATA_DIR=… python tests/benchmarks/measure_volume_rule.py`. No volume with a known diagnosis is at hand, so two
stand-ins. "blocks": scans of Noor Eye Hospital whose file numbers follow each other, which run along volumes with gaps
(another device, another hospital). "drawn": slices drawn from the test list of the training's own hospital, those of
one class beside healthy ones. Neither chose anything.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from meddef_core.prediction import Fitted, fitted_for
from meddef_core.prediction.prediction import Prediction, predict
from meddef_core.prediction.volume_rule import healthy_strengths, judge, needed, strength
from meddef_core.scans import read_scan
from meddef_core.settings import settings
from meddef_core.zoo import load_model

BLOCK = 15
"""Neighbouring files that stand for one volume."""

SLICES, DRAWS = 49, 500
SHARES = (0, 5, 10, 13, 15, 20, 30)
"""Slices with the finding, of SLICES."""


def predictions(folder: Path) -> list[Prediction]:
    """Of every scan in a folder, in the order of the last number in its name."""
    model = load_model("oct/meddef")
    files = sorted(folder.iterdir(), key=lambda path: int(re.findall(r"\d+", path.stem)[-1]))
    return [predict(model, read_scan(path.read_bytes())) for path in files]


def blocks(folder: Path, fitted: Fitted) -> dict[str, object]:
    """What the rule says of neighbouring scans."""
    found = predictions(folder)
    parts = [found[start : start + BLOCK] for start in range(0, len(found) - BLOCK + 1, BLOCK)]
    verdicts = [judge(dict(enumerate(part, start=1)), fitted) for part in parts]
    return {
        "scans": len(found),
        "levels": dict(Counter(each.level for each in found)),
        "volumes": len(parts),
        "outcomes": dict(Counter(each.outcome for each in verdicts if each is not None)),
    }


def drawn(sick: list[Prediction], healthy: list[Prediction], fitted: Fitted) -> dict[str, float]:
    """Share of volumes that are reported, by how many of their slices have the finding."""
    rng = np.random.default_rng(0)
    shares = {}
    for count in SHARES:
        reported = 0
        for _ in range(DRAWS):
            picked = [sick[i] for i in rng.integers(0, len(sick), count)]
            picked += [healthy[i] for i in rng.integers(0, len(healthy), SLICES - count)]
            verdict = judge(dict(enumerate(picked, start=1)), fitted)
            reported += verdict is not None and verdict.outcome == "finding"
        shares[str(count)] = reported / DRAWS
    return shares


def main() -> None:
    """Print the document."""
    torch.set_num_threads(1)
    root = settings().data_dir
    fitted = fitted_for(load_model("oct/meddef"))
    if root is None or fitted is None:
        sys.exit("Set MEDDEF_DATA_DIR, and calibrate oct/meddef.")
    test = {path.name: predictions(path) for path in sorted((root / "oct" / "test").iterdir())}
    strongest = healthy_strengths(fitted, test["NORMAL"][0].classes)[0]
    beyond = {name: sum(strength(each, fitted) > strongest for each in found) for name, found in test.items()}
    document = {
        "healthy_validation_scans": int((fitted.val.labels == 3).sum()),
        "strongest_of_them": strongest,
        "needed_of_49": needed(SLICES, healthy=int((fitted.val.labels == 3).sum())),
        "test_scans_beyond": {name: f"{beyond[name]} of {len(found)}" for name, found in test.items()},
        "drawn": {name: drawn(found, test["NORMAL"], fitted) for name, found in test.items() if name != "NORMAL"},
        "blocks": {path.name: blocks(path, fitted) for path in sorted((root / "external" / "oct_noor").iterdir())},
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
