"""Finished parts of a long measurement, a line of JSON each behind a header, so that an interrupted one resumes."""

import json
import os
from pathlib import Path
from typing import Any

from meddef_core.errors import DataError
from meddef_core.text import Text


class KeptLines:
    """A file whose first line says what is measured; `lines` are those that it holds.

    Raises DataError if the file is of another measurement, damaged, or cannot be written. A last line without its end,
    which a killed process leaves, is dropped.
    """

    def __init__(self, path: Path, *, header: dict[str, Any]) -> None:
        self._path = path
        self.lines: list[dict[str, Any]] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes() if path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            if len(whole) < len(content):
                os.truncate(path, len(whole))
        except OSError as error:
            raise self._unwritable(error) from error
        if not whole:
            self._write(header)
            return
        try:
            first, *self.lines = map(json.loads, whole.splitlines())
        except ValueError as error:
            raise DataError(
                Text(
                    "io.results-damaged",
                    "The results in {path} are damaged; remove the file to measure them again.",
                    path=path,
                )
            ) from error
        if first != header:
            raise DataError(
                Text(
                    "io.another-measurement",
                    "{path} holds results of another measurement; choose another folder with --run-dir.",
                    path=path,
                )
            )

    def append(self, line: dict[str, Any]) -> None:
        """Add a finished part; it is on disk when this returns."""
        self._write(line)
        self.lines.append(line)

    def _write(self, line: dict[str, Any]) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(
            Text(
                "io.run-unwritable",
                "{path} cannot be written ({reason}); make room or choose another run folder, then start again: the "
                "parts done before are kept.",
                path=self._path,
                reason=error.strerror,
            )
        )
