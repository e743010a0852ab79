"""Finished chunks of an evaluation in a folder, a line of JSON each, so that an interrupted one goes on.

Each process appends to a part file of its own, `part-<number>.jsonl`, whose first line says what is evaluated.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from meddef_core.errors import DataError
from meddef_core.evaluation.trials import AtBudget, ImageResult
from meddef_core.text import Text

Rows = tuple[ImageResult, ...]


class PartFile:
    """The chunks of one process; all that the folder's part files hold count as done, whoever did them.

    Raises DataError if the folder holds chunks of another evaluation (its header differs from `header`, plain JSON
    values), holds lines that are damaged, or cannot be written. A last line without its end, which a killed process
    leaves, is dropped.
    """

    def __init__(self, folder: Path, *, header: dict[str, Any], number: int = 0) -> None:
        self._path = folder / f"part-{number}.jsonl"
        with self._writing():
            folder.mkdir(parents=True, exist_ok=True)
        self.done = read_parts(folder, header=header)
        whole = _whole_lines(self._path)
        if self._path.exists():
            os.truncate(self._path, len(whole))
        if not whole:
            self._write(header)

    def append(self, number: int, images: Rows) -> None:
        """Add a finished chunk; it is on disk when this returns."""
        self.done[number] = images
        self._write({"chunk": number, "images": [asdict(image) for image in images]})

    def _write(self, line: dict[str, Any]) -> None:
        with self._writing(), self._path.open("ab") as file:
            file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                Text(
                    "io.run-unwritable",
                    "{path} cannot be written ({reason}); make room or choose another run folder, then start again: "
                    "the parts done before are kept.",
                    path=self._path,
                    reason=error.strerror,
                )
            ) from error


def read_parts(folder: Path, *, header: dict[str, Any]) -> dict[int, Rows]:
    """Every finished chunk in the folder by its number; DataError as `PartFile`."""
    done: dict[int, Rows] = {}
    for path in sorted(folder.glob("part-*.jsonl")):
        try:
            first, *others = [json.loads(line) for line in _whole_lines(path).splitlines()] or [None]
            chunks = {int(line["chunk"]): tuple(map(_image, line["images"])) for line in others}
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                Text(
                    "evaluation.results-damaged",
                    "The results in {path} are damaged; remove the file to do its part again.",
                    path=path,
                )
            ) from error
        if first is not None:
            _check_header(first, header, folder=folder)
        done |= chunks
    return done


def count_done(folder: Path) -> int:
    """Finished chunks in the folder, without reading them: for a progress bar."""
    return sum(max(0, path.read_bytes().count(b"\n") - 1) for path in folder.glob("part-*.jsonl"))


def _check_header(found: object, wanted: dict[str, Any], *, folder: Path) -> None:
    if found != wanted:
        known = found if isinstance(found, dict) else {}
        differing = sorted(key for key in known.keys() | wanted.keys() if known.get(key) != wanted.get(key))
        raise DataError(
            Text(
                "evaluation.another-evaluation",
                "{folder} holds results of another evaluation (different: {what}); choose another folder "
                "with --run-dir.",
                folder=folder,
                what=", ".join(differing),
            )
        )


def _whole_lines(path: Path) -> bytes:
    """The content up to the last line end; nothing where there is no file."""
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def _image(values: dict[str, Any]) -> ImageResult:
    return ImageResult(
        **{**values, "tried": tuple(values["tried"]), "at": tuple(AtBudget(**each) for each in values["at"])}
    )
