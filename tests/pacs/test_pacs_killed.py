"""`kill -9` at random moments: each result is in the PACS exactly once, and each study in the audit log."""

import random
from collections import Counter
from pathlib import Path

import pytest
from killed_watch import Killed, killed_until_done
from long_results import keep
from orthanc_server import Orthanc
from pacs_files import film, study_of, volume, written
from pydicom.dataset import Dataset
from watching import CHEST, OCT, audit_lines, expected, results_in

from meddef_core.zoo import load_model


def stored_exactly_once(orthanc: Orthanc, folder: Path, *, studies: int, kills: int, seed: int) -> Killed:
    """Every third study is a small volume, the others are films; the kills that hit."""
    wanted: set[str] = set()
    for number in range(1, studies + 1):
        ds: Dataset = volume(2, (256, 256)) if number % 3 == 0 else film()
        orthanc.put(written(study_of(number, ds)))
        wanted |= expected(f"1.2.826.0.1.{number}.1.1", load_model(OCT if number % 3 == 0 else CHEST))
    found = killed_until_done(
        folder,
        environment=orthanc.environment,
        kills=kills,
        rng=random.Random(seed),
        left=lambda: len(wanted) - len(results_in(orthanc)),
    )
    assert results_in(orthanc) == dict.fromkeys(wanted, 1) and len(orthanc.instances()) == 3 * studies
    lines = audit_lines(folder)
    assert Counter(line["study"] for line in lines) == {f"1.2.826.0.1.{number}": 1 for number in range(1, studies + 1)}
    told = {uid for line in lines for each in line["results"] for uid in (each["report"], each["capture"])}
    assert told == wanted and found.kills > 0
    return found


def test_a_watch_killed_at_random_stores_everything_once(orthanc: Orthanc, tmp_path: Path) -> None:
    stored_exactly_once(orthanc, tmp_path, studies=6, kills=5, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_twenty_kills_over_twenty_studies(orthanc: Orthanc, tmp_path: Path, seed: int) -> None:
    found = stored_exactly_once(orthanc, tmp_path, studies=20, kills=20, seed=seed)
    figures = {"kills": 20, "at_work": found.kills, "same_numbers": True}
    keep("kill -9 of the long commands", f"meddef pacs watch over twenty studies ({seed + 1})", figures)
