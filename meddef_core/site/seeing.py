"""A model on a hospital's scans, some at a time, each chunk kept in a folder so that an interrupted run resumes.

A chunk holds numbers alone: no scan, no file name. The header of a folder names the model, the profile, the attack and
the bytes of the scans; a folder of another run is refused.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from meddef_core.attacks import AttackSpec
from meddef_core.errors import DataError, ScanError
from meddef_core.io.files import replacing
from meddef_core.prediction.statistics import STATISTICS
from meddef_core.site.folder import SiteSource
from meddef_core.studies.external import CHUNK, OnProgress, see_some
from meddef_core.studies.external_outputs import Answers, ScanOutputs, joined_seen
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel

HEADER = "run.json"


class SiteRunFolder:
    """A run folder. Raises DataError where it holds another run, in one sentence."""

    def __init__(self, folder: Path, *, header: Mapping[str, Any]) -> None:
        self.folder = folder
        path = folder / HEADER
        text = json.dumps(header, sort_keys=True)
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            raise DataError(
                Text(
                    "site.other-run-folder",
                    "{folder} holds another run; choose another folder with --run-dir, or empty it.",
                    folder=folder,
                )
            )
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")

    def chunk(self, stage: str, start: int) -> ScanOutputs | None:
        """A finished chunk; None where there is none yet, or it is damaged and must be done again."""
        try:
            with safe_open(self._path(stage, start), framework="np") as file:
                facts = json.loads(file.metadata()["facts"])
                return _seen({key: file.get_tensor(key) for key in file.keys()}, facts)  # noqa: SIM118
        except (FileNotFoundError, SafetensorError, KeyError, ValueError, TypeError):
            return None

    def keep(self, stage: str, start: int, seen: ScanOutputs) -> None:
        """Put a finished chunk on disk, whole or not at all."""
        facts = {"digests": list(seen.digests), "problems": [reason for _, reason in seen.problems]}
        with replacing(self._path(stage, start)) as beside:
            save_file(_arrays(seen), beside, metadata={"facts": json.dumps(facts)})

    def _path(self, stage: str, start: int) -> Path:
        return self.folder / f"{stage}-{start:05d}.safetensors"


def scans_digest(source: SiteSource) -> str:
    """Names the files by their bytes, in order, with classes and groups; one that cannot be loaded is empty."""
    whole = hashlib.sha256()
    for entry, group in zip(source.entries, source.groups, strict=True):
        try:
            data = entry.load()
        except ScanError:
            data = b""
        whole.update(hashlib.sha256(data).digest() + f"{entry.truth}/{group}\n".encode())
    return whole.hexdigest()


def see_kept(
    model: LoadedModel,
    source: SiteSource,
    *,
    stage: str,
    spec: AttackSpec | None,
    kept: SiteRunFolder,
    on_progress: OnProgress | None = None,
) -> ScanOutputs:
    """`meddef_core.studies.external.see`, resumed from the chunks that are kept; DataError where none can be read."""
    parts, total = [], len(source.entries)
    for start in range(0, total, CHUNK):
        found = kept.chunk(stage, start)
        if found is None:
            found = see_some(model, source, start=start, spec=spec)
            kept.keep(stage, start, found)
        parts.append(_named(found, source, start))
        if on_progress:
            on_progress(stage.partition("-")[0], min(start + CHUNK, total), total)
    return joined_seen(parts, total=total)


def _named(seen: ScanOutputs, source: SiteSource, start: int) -> ScanOutputs:
    """With the names of the files that could not be read, which are not kept."""
    missing = [place for place in range(start, min(start + CHUNK, len(source.entries))) if place not in seen.places]
    problems = [(source.entries[place].name, reason) for place, (_, reason) in zip(missing, seen.problems, strict=True)]
    return replace(seen, problems=tuple(problems))


def _arrays(seen: ScanOutputs) -> dict[str, Any]:
    arrays: dict[str, Any] = {"places": seen.places, "labels": seen.labels, "refused": seen.refused}
    for name, answers in (("clean", seen.clean), ("attacked", seen.attacked)):
        if answers is not None:
            arrays[f"{name}/logits"] = answers.logits
            arrays |= {f"{name}/{key}": answers.statistics[key] for key in STATISTICS if key in answers.statistics}
    return {key: np.ascontiguousarray(value) for key, value in arrays.items()}


def _seen(arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> ScanOutputs:
    def answers(name: str) -> Answers | None:
        if f"{name}/logits" not in arrays:
            return None
        found = {key: arrays[f"{name}/{key}"] for key in STATISTICS if f"{name}/{key}" in arrays}
        return Answers(found, arrays[f"{name}/logits"])

    clean = answers("clean")
    assert clean is not None
    return ScanOutputs(
        places=arrays["places"],
        labels=arrays["labels"],
        refused=arrays["refused"],
        digests=tuple(facts["digests"]),
        clean=clean,
        attacked=answers("attacked"),
        problems=tuple(("", reason) for reason in facts["problems"]),
    )
