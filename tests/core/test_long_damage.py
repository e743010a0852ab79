"""Damaged files by the thousand, of every form, through the workers (`make test-long`).

`MEDDEF_DAMAGED` asks for another number of each new form than 5,000: on a busy machine those take hours.
"""

import os
from dataclasses import asdict

import pytest
from damage_forms import EVERY, NEW, every_form
from damage_runs import LONGEST, MOST_MB, Outcome, run
from long_results import keep

from meddef_core.scans import Scan, read_scan, read_volume

FEW = 12
MANY = int(os.environ.get("MEDDEF_DAMAGED", "5000"))
"""Of each new form."""

ALL = 20_000 // len(EVERY) + 1
"""Of each form, old and new: twenty thousand together."""


def assert_harmless(found: Outcome) -> None:
    assert found.other == () and found.unforeseen == 0
    assert found.slow == 0 and found.slowest_s <= LONGEST
    assert found.memory_mb < MOST_MB
    assert found.read + found.refused + found.ended == found.files


@pytest.mark.parametrize("name", EVERY)
def test_what_is_damaged_below_is_whole(name: str) -> None:
    form = every_form()[name]
    found = list(read_volume(form.whole).scans()) if form.volume else [read_scan(form.whole, frame=form.frame)]
    assert all(isinstance(each, Scan) for each in found)


@pytest.mark.parametrize("name", ["Deflated DICOM", "ZIP of .vol"])
def test_a_few_damaged_files_are_harmless(name: str) -> None:
    """The two that are damaged before they are packed; test_decode_mutations has the others."""
    assert_harmless(run(name, count=FEW))


@pytest.mark.long
@pytest.mark.parametrize("name", NEW)
def test_five_thousand_damaged_files_of_a_new_form(name: str) -> None:
    long_run("Damaged files of each new form", name, count=MANY, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("name", EVERY)
def test_twenty_thousand_damaged_files_of_all_forms(name: str) -> None:
    long_run("Twenty thousand damaged files", name, count=ALL, seed=2)


def long_run(title: str, name: str, *, count: int, seed: int) -> None:
    """The figures are kept also where they fail: they say what is wrong."""
    found = run(name, count=count, seed=seed)
    keep(title, name, asdict(found))
    assert_harmless(found)
