"""What `meddef evaluate` measures: a model or a training run, and a list of scans it may be measured on."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meddef_core.cli.input import open_model
from meddef_core.errors import DataError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.data.images import Images
    from meddef_core.data.lists import Lists
    from meddef_core.zoo import Card, LoadedModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """What is measured: a model and a list."""

    loaded: "LoadedModel"
    run: Path | None
    lists: "Lists"
    images: "Images"
    part: str
    data_dir: Path
    limit: int | None
    seed: int

    @property
    def protocol(self) -> str:
        return self.lists.protocol

    def title(self, n: int) -> str:
        """What is measured, on which scans."""
        return f"{self.loaded.card.key} on {self.part} ({self.protocol}, n = {n})"


def open_subject(
    task: str,
    model: str,
    *,
    run: Path | None,
    part: str,
    protocol: str | None,
    data_dir: Path | None,
    limit: int | None,
    seed: int,
) -> Subject:
    """Open a model, or a run instead of it, and read its list; raises ModelError or DataError."""
    from meddef_core.data.images import load_images
    from meddef_core.data.lists import build_lists
    from meddef_core.data.store import find_data_dir

    loaded = open_model(task, model) if run is None else _open_run(task, run)
    folder = find_data_dir(data_dir)
    lists = build_lists(loaded.task, folder, protocol=_protocol_of(loaded.card, protocol))
    images = load_images(lists, part, preprocessing=loaded.preprocessing, data_dir=folder)
    return Subject(
        loaded=loaded, run=run, lists=lists, images=images, part=part, data_dir=folder, limit=limit, seed=seed
    )


def _open_run(task: str, run: Path) -> "LoadedModel":
    from meddef_core.training.finished import open_run

    loaded = open_run(run)
    if loaded.task.key != task:
        raise DataError(
            Text(
                "cli.run-other-task",
                "The run {path} was trained on {task} scans, not {asked}; correct --task.",
                path=run,
                task=loaded.task.key,
                asked=task,
            )
        )
    return loaded


def _protocol_of(card: "Card", asked: str | None) -> str:
    """The protocol to measure under; raises DataError for one that puts training patients on the test list."""
    own = str(card.data.get("protocol", "official"))
    if asked is not None and asked != own:
        raise DataError(
            Text(
                "cli.run-other-protocol",
                "{model} was trained under the protocol {own}, so the splits of {asked} hold patients it has "
                "seen; leave --protocol out or train a model under {asked}.",
                model=card.key,
                own=repr(own),
                asked=repr(asked),
            )
        )
    return own
