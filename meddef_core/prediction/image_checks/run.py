"""Fit the checks of all tasks, choose the limit of a page on development scans, and measure all of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meddef_core.data.lists import Lists, build_lists
from meddef_core.prediction.image_checks.composite import PageNet
from meddef_core.prediction.image_checks.files import ChecksCard, ImageChecks
from meddef_core.prediction.image_checks.fit import (
    PAGE_PICTURES,
    OnStage,
    fit_page_network,
    fit_upright_check,
    load_scans,
)
from meddef_core.prediction.image_checks.limits import flagged_out_of_fold, page_limit
from meddef_core.prediction.image_checks.measure import measure, page_scores
from meddef_core.prediction.image_checks.sources import UprightSource, external, listed
from meddef_core.prediction.image_checks.upright import Upright
from meddef_core.tasks import TASKS


def fit_checks(data_dir: Path, *, pages: int = PAGE_PICTURES, on_stage: OnStage | None = None) -> ImageChecks:
    """The checks, fitted on training scans, with their figures; about ten minutes on one free core.

    Raises DataError where a task's lists are not whole.
    """
    lists = {key: build_lists(task, data_dir) for key, task in TASKS.items()}
    training = {key: load_scans(lists[key].train, data_dir) for key in TASKS}
    uprights = {key: fit_upright_check(task, training[key]) for key, task in TASKS.items()}
    network = fit_page_network(training, count=pages, on_stage=on_stage)
    return measured(uprights, network, lists=lists, data_dir=data_dir)


def measured(
    uprights: Mapping[str, Upright], network: PageNet, *, lists: Mapping[str, Lists], data_dir: Path
) -> ImageChecks:
    """The checks with the limit of each task and what they find; the test lists are measured after all was chosen."""
    fitted = {key: {"scans": len(one.train), "sha256": one.digest("train")} for key, one in lists.items()}
    draft = ChecksCard(arrays_sha256="", fitted_on=fitted, page_above=dict.fromkeys(lists, 0.0), measured={})
    checks = ImageChecks(draft, uprights, network)
    development = {key: [listed(one, "val", data_dir), *external(TASKS[key], data_dir)] for key, one in lists.items()}
    chosen = {key: _chosen(checks, sources) for key, sources in development.items()}
    limits = {key: limit for key, (limit, _) in chosen.items()}
    checks = ImageChecks(draft.model_copy(update={"page_above": limits}), uprights, network)
    figures: dict[str, Any] = {}
    for key, one in lists.items():
        sources = [*development[key], listed(one, "test", data_dir)]
        figures[key] = {source.name: measure(checks, source.scans, TASKS[key]) for source in sources}
        figures[key]["pages_flagged_out_of_fold"] = chosen[key][1]
    return ImageChecks(checks.card.model_copy(update={"measured": figures}), uprights, network)


def _chosen(checks: ImageChecks, sources: Sequence[UprightSource]) -> tuple[float, dict[str, int]]:
    """The limit, and the scans of each source that it flags out of fold."""
    scores = {source.name: page_scores(checks, source.scans) for source in sources}
    return page_limit(scores), flagged_out_of_fold(scores, {source.name: source.groups for source in sources})
