"""Sentences with ids: English to whoever prints them; id and values survive errors, copies and other processes."""

import copy
import json
import pickle

import numpy as np
import pytest

from meddef_core.errors import ScanError
from meddef_core.text import Text, packed, plain, unpacked

INNER = Text("scan.inner", "it has {n} frames", n=3)
SAID = Text("scan.outer", "Refused at {share:.1f}%: {why}.", share=12.25, why=INNER)


def same(found: str) -> bool:
    assert isinstance(found, Text)
    inner = found.values["why"]
    assert isinstance(inner, Text) and (inner.id, inner.values) == ("scan.inner", {"n": 3})
    return (found, found.id, found.values) == (SAID, "scan.outer", SAID.values)


def test_it_reads_as_the_filled_english_sentence() -> None:
    assert SAID == "Refused at 12.2%: it has 3 frames."
    assert type(plain(SAID)) is str and plain(SAID) == SAID


def test_places_without_values_stay_open() -> None:
    assert Text("page.open", "{n} scans") == "{n} scans" and Text("page.open", "{n} scans").values == {}


@pytest.mark.parametrize("value", [None, ("a", 1), ValueError("broken")])
def test_other_values_become_text(value: object) -> None:
    assert Text("page.value", "It is {value}", value=value).values == {"value": str(value)}


def test_numbers_of_numpy_become_plain_ones() -> None:
    values = Text("page.numbers", "{n} {share:.2f}", n=np.int64(3), share=np.float32(0.5)).values
    assert [type(value) for value in values.values()] == [int, float] and values == {"n": 3, "share": 0.5}


def test_an_error_keeps_it() -> None:
    assert same(str(ScanError(SAID))) and same(str(pickle.loads(pickle.dumps(ScanError(SAID)))))


def test_copies_keep_it() -> None:
    assert same(copy.deepcopy(SAID)) and same(pickle.loads(pickle.dumps(SAID)))


def test_json_keeps_it_only_where_it_is_packed() -> None:
    assert json.loads(json.dumps(SAID)) == plain(SAID)
    assert same(unpacked(json.loads(json.dumps(packed(SAID))))) and unpacked(packed("as it is")) == "as it is"


@pytest.mark.parametrize(
    "document",
    [None, 3, [], {}, {"id": "a", "english": "b"}, {"id": "a", "english": "b", "values": {"c": []}}, {"id": 1}],
)
def test_anything_else_is_no_sentence(document: object) -> None:
    with pytest.raises(ValueError):
        unpacked(document)


def test_what_came_from_another_process_is_filled_by_nobody() -> None:
    assert unpacked({"id": "a.b", "english": "{n:>999999999999}", "values": {"n": 1}}) == "{n:>999999999999}"
