"""The order of slices, for any positions, numbers and names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused_as

from meddef_core.errors import ScanError
from meddef_core.scans.volume_order import UNNUMBERED, files_in_order, frames_in_order, names_in_order, natural

ACROSS = (0.0, 0.0, 1.0)
places_of = st.lists(st.integers(-500, 500), min_size=2, max_size=40, unique=True)


def at(place: float) -> tuple[float, float, float]:
    """A slice that lies there along z, moved about within its own plane."""
    return (3.0 * np.sin(place), -2.0, float(place))


def positions(places: list[int]) -> list[tuple[float, float, float] | None]:
    return [at(place / 10) for place in places]


@given(places_of)
def test_files_run_along_the_volume(places: list[int]) -> None:
    found = files_in_order(positions(places), [ACROSS] * len(places), [None] * len(places))
    assert [places[index] for index in found.order] == sorted(places)


@given(places_of, st.randoms())
def test_the_order_does_not_follow_that_of_the_files(places: list[int], rng: object) -> None:
    mixed = rng.sample(places, len(places))  # type: ignore[attr-defined]
    instances = {place: number for number, place in enumerate(sorted(places, reverse=True))}
    found = files_in_order(positions(mixed), [ACROSS] * len(mixed), [instances[place] for place in mixed])
    assert [mixed[index] for index in found.order] == sorted(places, reverse=True)
    assert not [note for note in found.notes if "contradict" in note]


@given(places_of)
def test_numbers_that_contradict_positions_are_told(places: list[int]) -> None:
    rising = sorted(places)
    instances = [*range(len(places) - 2), len(places) - 1, len(places) - 2] if len(places) > 2 else [0, 1]
    found = files_in_order(positions(rising), [ACROSS] * len(rising), instances)
    assert found.order == tuple(range(len(places)))
    assert bool([note for note in found.notes if "contradict" in note]) == (len(places) > 2)


@given(st.lists(st.integers(-99, 9999), min_size=2, max_size=40, unique=True))
def test_without_positions_numbers_tell(instances: list[int]) -> None:
    nowhere = [None] * len(instances)
    found = files_in_order(nowhere, nowhere, instances)
    assert [instances[index] for index in found.order] == sorted(instances)
    assert found.slice_mm is None and "instance numbers" in found.notes[0]


def test_neither_positions_nor_numbers() -> None:
    for instances in ([1, 1, 2], [None, 1, 2]):
        with refused_as(ScanError, "scan.order-slices"):
            files_in_order([None] * 3, [None] * 3, instances)
        with refused_as(ScanError, "scan.order-slices"):
            files_in_order([at(1)] * 3, [ACROSS] * 3, instances)


@given(st.integers(1, 500), st.integers(2, 30), st.booleans())
def test_even_slices_have_one_distance(step: int, count: int, backwards: bool) -> None:
    places = [step * number for number in range(count)][:: -1 if backwards else 1]
    found = frames_in_order(positions(places), [ACROSS] * count)
    assert found.slice_mm == pytest.approx(step / 10) and found.notes == ()
    assert found.order == tuple(range(count))


def test_a_missing_slice_is_told() -> None:
    found = frames_in_order(positions([0, 2, 4, 8, 10]), [ACROSS] * 5)
    assert found.slice_mm is None and "0.200 to 0.400 mm" in found.notes[0] and "missing" in found.notes[0]


def test_frames_stored_to_and_fro_are_put_in_order() -> None:
    found = frames_in_order(positions([0, 4, 2, 6]), [ACROSS] * 4)
    assert found.order == (0, 2, 1, 3) and "stored order" in found.notes[0] and found.slice_mm == pytest.approx(0.2)


def test_repeated_and_radial_frames_stay_as_they_are() -> None:
    assert frames_in_order([at(1), at(1), at(2)], [ACROSS] * 3).order == (0, 1, 2)
    radial = [(np.cos(angle), np.sin(angle), 0.0) for angle in np.linspace(0, 3, 5)]
    found = frames_in_order(positions([5, 1, 4, 2, 3]), radial)
    assert found.order == (0, 1, 2, 3, 4) and found.slice_mm is None


@given(st.sets(st.integers(0, 10**30), min_size=2, max_size=30), st.integers(0, 40))
def test_names_sort_by_the_value_of_their_numbers(numbers: set[int], width: int) -> None:
    names = [f"Folder/B-{number:0{width}d}.png" for number in numbers]
    found = names_in_order(names)
    assert [names[index] for index in found.order] == [f"Folder/B-{n:0{width}d}.png" for n in sorted(numbers)]
    assert found.notes == ()


@given(st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=8))
def test_any_names_have_an_order_or_are_refused(names: list[str]) -> None:
    try:
        found = names_in_order(names)
    except ScanError as error:
        assert "same number" in str(error)
    else:
        assert sorted(found.order) == list(range(len(names)))


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_the_natural_key_is_an_order(a: str, b: str, c: str) -> None:
    x, y, z = natural(a), natural(b), natural(c)
    assert (x < y) + (y < x) + (x == y) == 1
    assert not (x < y < z) or x < z


def test_names_of_no_pattern_are_told() -> None:
    assert names_in_order(["left.png", "right 2.png"]).notes == (UNNUMBERED,)
