"""The image checks on real scans of every source on hand. The figures over whole lists stand in `checks.json`."""

from pathlib import Path

import pytest

from meddef_core.prediction.image_checks import find_fault, image_checks
from meddef_core.prediction.image_checks.upright import COPIES, laid
from meddef_core.scans import read_scan
from meddef_core.scans.scan import Pixels
from meddef_core.tasks import TASKS

SOURCES = [
    ("oct", "oct/val"),
    ("oct", "external/oct_noor"),
    ("chest", "chest_xray/test"),
    ("chest", "external/chest_nih"),
    ("chest", "chest_xray_fullres"),
]

SCANS = 24
"""Scans of each folder, evenly spread."""


def scans_of(folder: Path) -> list[Pixels]:
    paths = sorted(path for path in folder.glob("*/*") if path.suffix in (".jpeg", ".jpg"))
    return [read_scan(path.read_bytes()).pixels for path in paths[:: max(1, len(paths) // SCANS)]]


@pytest.mark.parametrize("task,folder", SOURCES)
def test_real_scans_are_not_flagged_and_their_faults_are_found(task: str, folder: str, data_dir: Path) -> None:
    scans = scans_of(data_dir / folder)
    assert len(scans) >= SCANS
    found = [find_fault(scan, TASKS[task]) for scan in scans]
    assert sum(fault is not None for fault in found) <= 1
    for kind in COPIES[1:]:
        missed = sum(find_fault(laid(scan, kind), TASKS[task]) is None for scan in scans[::3])
        assert missed <= 1, kind


@pytest.mark.parametrize("task", TASKS)
def test_the_recorded_figures_keep_the_promise(task: str) -> None:
    figures = image_checks().card.measured[task]
    for source in [name for name in figures if name != "pages_flagged_out_of_fold"]:
        assert figures[source]["flagged"]["share"] <= 0.015, source
        for kind, missed in figures[source]["missed"].items():
            assert missed["share"] <= 0.06, (source, kind)
