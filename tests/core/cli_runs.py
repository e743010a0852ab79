"""What a run of the command line comes back with, and what a refusal looks like."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Run = Callable[..., Result]


def assert_refused(result: Result, part: str) -> None:
    assert result.code == 2 and result.out == ""
    assert part.casefold() in result.err.casefold()
    assert result.err.count("\n") == 1 and result.err.endswith((".\n", "?\n"))
    assert "Traceback" not in result.err and "─" not in result.err
