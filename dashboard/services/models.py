"""Tasks, scans and models: what there is to choose from."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.services import limits
from dashboard.services.queue import HELD
from dashboard.services.results.common import ModelChoice
from dashboard.services.visitor import has_left, session_id
from meddef_core import zoo
from meddef_core.baselines.sides import UNDEFENDED, OfferedBaseline, load_side, side_choices
from meddef_core.data.own_samples import own_samples
from meddef_core.data.samples import Sample, list_samples
from meddef_core.errors import ModelError
from meddef_core.scans import Scan, WindowRange, read_scan_isolated, warm_decoders, window_range_isolated
from meddef_core.scans.limits import MAX_BYTES, MAX_VOLUME_BYTES
from meddef_core.settings import settings
from meddef_core.tasks import TASKS, Task, get_task
from meddef_core.text import Text

WORKERS = 2
"""Decoders kept ready: one for the next upload while another is busy."""

OFFICIAL = "official"
"""The protocol whose test list the samples are of."""


def tasks() -> dict[str, Task]:
    """Every diagnostic task, by key."""
    return TASKS


def data_dir() -> Path | None:
    """The folder of real scans, when this server has one."""
    return settings().data_dir


@st.cache_resource(max_entries=4, show_spinner=False)
def samples(task: str) -> tuple[Sample, ...]:
    """Scans to try without a file: packaged, synthetic, from the test lists of `data_dir()`, and a teacher's own."""
    own = own_samples(settings().lessons_dir, task=task)
    return (*list_samples(task, data_dir=data_dir()), *own)


@st.cache_data(max_entries=64, show_spinner=False)
def thumbnail(task: str, key: str) -> NDArray[np.float32]:
    """A sample as its models see it, for the strip."""
    sample = next(sample for sample in samples(task) if sample.key == key)
    return np.asarray(get_task(task).preprocessing(sample.load().pixels)[0])


@st.cache_data(max_entries=64, show_spinner=False)
def sample_id(task: str, key: str) -> str:
    """The short id of a sample."""
    return next(sample for sample in samples(task) if sample.key == key).load().short_id


@st.cache_data(scope="session", max_entries=4, show_spinner=False)
def thumbnail_of(task: str, fingerprint: str, _scan: Scan) -> NDArray[np.float32]:
    """Any scan as the task's models see it; `fingerprint` identifies its pixels."""
    return np.asarray(get_task(task).preprocessing(_scan.pixels)[0])


def read_upload(data: bytes, *, frame: int | None = None, window: tuple[float, float] | None = None) -> Scan:
    """Decode and de-identify the bytes of a file in a worker; raises ScanError, BusyError or QuotaError.

    CancelledError where the session has left: its file is not decoded further.
    """
    most = MAX_BYTES if frame is None else MAX_VOLUME_BYTES
    scan = read_scan_isolated(data, frame=frame, window=window, most_bytes=most, cancelled=has_left)
    HELD.admit(scan, scan.pixels.nbytes, owner=session_id())
    return scan


def warm_up() -> None:
    """Start the workers that decode before they are needed; where none can be started, the first upload says so."""
    warm_decoders(WORKERS)


def windows_of(data: bytes, *, frame: int | None = None) -> WindowRange | None:
    """What the window of a file can be set to, found in a worker; None where it has none. Raises as `read_upload`."""
    return window_range_isolated(data, frame=frame, cancelled=has_left)


def cards() -> tuple[zoo.Card, ...]:
    """The card of every model on this server."""
    found = [(path, path.stat()) for path in sorted(zoo.models_root().glob("*/*/card.json"))]
    return _cards(zoo.models_root(), tuple((path, of.st_mtime_ns, of.st_size) for path, of in found))


@lru_cache(maxsize=2)
def _cards(root: Path, state: tuple[tuple[Path, int, int], ...]) -> tuple[zoo.Card, ...]:
    """The cards, read once for each state of their files: a page asks several times, and there are 200 kB of them."""
    return tuple(zoo.list_models(root))


def models(task: str) -> tuple[ModelChoice, ...]:
    """The task's models in the order of `rank`, but for those of another division of the patients.

    Samples with known truth are of the official test list, and such a model has trained on some of those patients: its
    numbers stand on its card, and it reads no scan here.
    """
    here = (card for card in cards() if card.weights.ships)
    known = sorted((card for card in here if card.task == task and _official(card)), key=rank)
    profile = zoo.configured_profile()
    return tuple(ModelChoice(card.key, _title(card, profile), card.summary, studied=_studied(card)) for card in known)


def _title(card: zoo.Card, profile: zoo.SiteProfile | None) -> str:
    """The model's title, and the hospital that it is adjusted for."""
    return (
        card.title if profile is None or profile.model != card.key else f"{card.title} (adjusted for {profile.title})"
    )


def models_to_read_with(task: str) -> tuple[ModelChoice, ...]:
    """The task's models but for those that are only there to be compared with; all where there is no other."""
    known = models(task)
    return tuple(choice for choice in known if not choice.studied) or known


def undefended_first(choices: Sequence[ModelChoice]) -> tuple[ModelChoice, ...]:
    """The order of models that stand side by side."""
    return tuple(sorted(choices, key=lambda choice: choice.id.rpartition("/")[2] != UNDEFENDED))


def rank(card: zoo.Card) -> tuple[bool, bool, bool, str]:
    """Sorts MedDef first: it is what readers came for; then what else reads scans; the undefended counterpart last."""
    return card.name != "meddef", card.name == UNDEFENDED, _studied(card), card.name


def _official(card: zoo.Card) -> bool:
    return bool(card.data.get("protocol", OFFICIAL) == OFFICIAL)


def _studied(card: zoo.Card) -> bool:
    variant = card.training.get("recipe", {}).get("model", {}).get("variant", "full")
    return variant != "full" or card.objective == "distill"


def comparable(task: str) -> tuple[ModelChoice, ...]:
    """What can stand side by side: the task's models, the undefended first, then the baselines around it."""
    return (*undefended_first(models(task)), *(_side(side) for side in side_choices(task)))


def _side(side: OfferedBaseline) -> ModelChoice:
    return ModelChoice(side.id, side.title, side.summary, wrapped=True)


def compared(task: str, ids: Sequence[str]) -> tuple[ModelChoice, ...]:
    """The models of those ids, in the order of `comparable`; raises ModelError on none, too many or an unknown one."""
    choices = comparable(task)
    unknown = set(ids) - {choice.id for choice in choices}
    if unknown:
        raise ModelError(
            Text(
                "models.there-no", "There is no model {unknown} to compare; choose another.", unknown=repr(min(unknown))
            )
        )
    if not 1 <= len(set(ids)) <= limits.MOST_MODELS:
        raise ModelError(
            Text(
                "models.choose-one",
                "Choose one to {most} models to compare, not {n}.",
                most=limits.MOST_MODELS,
                n=len(set(ids)),
            )
        )
    return tuple(choice for choice in choices if choice.id in ids)


@st.cache_resource(max_entries=16, show_spinner=False)
def loaded(model_id: str) -> zoo.LoadedModel:
    """The network itself, for the other services; pages work with a `ModelChoice`."""
    return load_side(model_id) if "+" in model_id else zoo.load_model(model_id)
