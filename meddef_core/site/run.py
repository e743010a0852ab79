"""A site report from beginning to end, and the site profile that comes with it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.attacks import AttackSpec
from meddef_core.data.images import cache_dir
from meddef_core.prediction import Fitted
from meddef_core.records import SiteNumbers, plain
from meddef_core.records.site import Adjustment, Finetuning, SiteRow, Split
from meddef_core.scans import read_scan_isolated
from meddef_core.site.adjust import adjusted, local
from meddef_core.site.finetune import finetuned, settings_told, wide_images
from meddef_core.site.folder import SiteSource, halves
from meddef_core.site.report import site_row, worst_scans
from meddef_core.site.seeing import SiteRunFolder, scans_digest, see_kept
from meddef_core.site.verdict import verdict
from meddef_core.studies.external import OnProgress, fit_of
from meddef_core.studies.external_outputs import ScanOutputs
from meddef_core.zoo import LoadedModel, SiteProfile, with_profile
from meddef_core.zoo.site import SiteOutputs


@dataclass(frozen=True, kw_only=True)
class SitePlan:
    """What is asked for. `finetune` adjusts as well; `spec` is the attack, None for none."""

    adjust: bool = False
    finetune: bool = False
    seed: int = 0
    spec: AttackSpec | None = None


@dataclass(frozen=True, eq=False)
class Made:
    """The report; the profile and its further trained weights where one was made.

    `problems` are names and reasons of files that could not be read, `worst` the places of the worst scans in the
    folder: both are for the terminal, and in no record.
    """

    numbers: SiteNumbers
    profile: SiteProfile | None
    state: dict[str, Tensor] | None
    problems: tuple[tuple[str, str], ...]
    worst: tuple[int, ...]


def run_folder(model: LoadedModel, source: SiteSource, plan: SitePlan) -> Path:
    """Where the chunks of such a run are kept unless a folder is named: the same for the same run."""
    named = hashlib.sha256(json.dumps(_header(model, source, plan), sort_keys=True).encode()).hexdigest()
    return cache_dir() / "site" / named[:16]


def site_report(
    model: LoadedModel,
    source: SiteSource,
    plan: SitePlan,
    *,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Made:
    """Measure a model as it ships on a hospital's scans, and adjusted where that is asked for.

    Chunks are kept in `folder`: an interrupted run resumes and gives the same numbers. Raises ModelError where nothing
    is fitted for the model, DataError where the scans cannot be divided or none can be read.
    """
    fit_of(model)
    kept = SiteRunFolder(folder or run_folder(model, source, plan), header=_header(model, source, plan))
    if not (plan.adjust or plan.finetune):
        seen = see_kept(model, source, stage="shipped", spec=plan.spec, kept=kept, on_progress=on_progress)
        return _made(model, source, seen, [site_row(model, source, seen, state="shipped")])
    seen = see_kept(model, source, stage="shipped", spec=None, kept=kept, on_progress=on_progress)
    groups = np.array(source.groups)[seen.places]
    fitting = halves(seen.labels, groups, seed=plan.seed)
    to_fit, to_report = source.of(seen.places[fitting]), source.of(seen.places[~fitting])
    own, state = _part(seen, fitting), None
    base, middle = model, None
    if plan.finetune:
        x, y = wide_images(model, to_fit)
        state = finetuned(model, x, y, folder=kept.folder, seed=plan.seed, on_epoch=on_progress)
        base = with_profile(model, _neutral(model), state=state)
        trained = see_kept(base, to_fit, stage="fitting", spec=None, kept=kept, on_progress=on_progress)
        middle = _middle(fit_of(model), own, trained)
        own = trained
        base = replace(base, site=_neutral(model, middle=middle))
    found = local(model.task, source.holds, own, groups=to_fit.groups, fitted=fit_of(base))
    adjustment, outputs = adjusted(found, fit_of(model))
    profile = _profile(model, source, adjustment, outputs, middle=middle)
    final = with_profile(model, profile, state=state)
    # Named by what was fitted: chunks of another profile are not gone on from.
    stage = f"adjusted-{profile.digest[:12]}"
    after = see_kept(final, to_report, stage=stage, spec=plan.spec, kept=kept, on_progress=on_progress)
    rows = [
        site_row(model, to_report, _part(seen, ~fitting), state="shipped"),
        site_row(final, to_report, after, state="finetuned" if plan.finetune else "adjusted"),
    ]
    split = Split(
        seed=plan.seed, fitted_on=int(fitting.sum()), reported_on=len(after.labels), groups=len(np.unique(groups))
    )
    made = _made(
        final, to_report, after, rows, whole=source, seen_whole=seen, split=split, adjustment=adjustment,
        finetuning=settings_told() if plan.finetune else None,
    )  # fmt: skip
    return replace(made, profile=profile.model_copy(update={"numbers": plain(made.numbers)}), state=state)


def thumbnails(model: LoadedModel, source: SiteSource, places: tuple[int, ...]) -> tuple[NDArray[np.float32], ...]:
    """The scans at these places as the model sees them, `(224, 224)` each; decoded again, as none was kept."""
    found = []
    for place in places:
        scan = read_scan_isolated(source.entries[place].load())
        found.append(np.asarray(model.preprocessing(scan.pixels, row_mm=scan.row_mm)[0]))
    return tuple(found)


def _made(
    model: LoadedModel,
    source: SiteSource,
    seen: ScanOutputs,
    rows: list[SiteRow],
    *,
    whole: SiteSource | None = None,
    seen_whole: ScanOutputs | None = None,
    split: Split | None = None,
    adjustment: Adjustment | None = None,
    finetuning: Finetuning | None = None,
) -> Made:
    """The report of the final state `seen`, whose scans are some of those of the `whole` folder."""
    of_all, all_seen = whole or source, seen_whole or seen
    row_of = {id(entry): number for number, entry in enumerate(of_all.entries, start=1)}
    numbers = [row_of[id(entry)] for entry in source.entries]
    worst, places = worst_scans(model, source, seen, rows=numbers)
    more: dict[str, Any] = {"split": split, "adjustment": adjustment, "finetuning": finetuning}
    told = SiteNumbers(
        title=of_all.title,
        n=len(all_seen.labels),
        unreadable=len(all_seen.problems),
        refused=int(all_seen.refused.sum()),
        labels_hold=of_all.holds,
        scans_sha256=scans_digest(of_all),
        rows=tuple(rows),
        verdict=verdict(tuple(rows)),
        worst=worst,
        **{key: value for key, value in more.items() if value is not None},
    )
    return Made(told, None, None, all_seen.problems, tuple(numbers[place] - 1 for place in places))


def _part(seen: ScanOutputs, these: NDArray[np.bool_]) -> ScanOutputs:
    """Some of the scans, clean, their places counted anew as in a source of these alone."""
    clean = replace(
        seen.clean,
        statistics={name: rows[these] for name, rows in seen.clean.statistics.items()},
        logits=seen.clean.logits[these],
    )
    return replace(
        seen,
        places=np.arange(int(these.sum())),
        labels=seen.labels[these],
        refused=seen.refused[these],
        digests=tuple(digest for digest, kept in zip(seen.digests, these, strict=True) if kept),
        clean=clean,
        attacked=None,
    )


def _middle(fitted: Fitted, before: ScanOutputs, after: ScanOutputs) -> tuple[float, ...]:
    """The scale of the detector for further trained weights: the same scans lie as far away as before, on average."""
    logs = [fitted.detector.logs(seen.clean.statistics).mean(axis=0) for seen in (before, after)]
    return tuple(float(value) for value in fitted.detector.middle + logs[1] - logs[0])


def _neutral(model: LoadedModel, *, middle: tuple[float, ...] | None = None) -> SiteProfile:
    """A profile that changes nothing but what is given."""
    classes = len(model.task.classes)
    outputs = SiteOutputs(weight=0.0, middle=0.0, spread=1.0, limits=(None,) * classes)
    return SiteProfile(
        model=model.card.key, weights_sha256=model.card.weights.sha256, created=_now(), title="draft", temperature=1.0,
        offsets=(0.0,) * classes, outputs=outputs, middle=middle,
    )  # fmt: skip


def _profile(
    model: LoadedModel,
    source: SiteSource,
    adjustment: Adjustment,
    outputs: SiteOutputs,
    *,
    middle: tuple[float, ...] | None,
) -> SiteProfile:
    return SiteProfile(
        model=model.card.key,
        weights_sha256=model.card.weights.sha256,
        created=_now(),
        title=source.title,
        temperature=adjustment.temperature,
        offsets=tuple(adjustment.offsets[name] for name in model.task.classes),
        outputs=outputs,
        middle=middle,
    )


def _header(model: LoadedModel, source: SiteSource, plan: SitePlan) -> Mapping[str, Any]:
    """What a run folder is of. Names of files and folders stay out of it."""
    return {
        "model": model.card.key,
        "weights_sha256": model.card.weights.sha256,
        "fit_sha256": fit_of(model).card.arrays_sha256,
        "scans_sha256": scans_digest(source),
        "labels_hold": source.holds,
        "adjust": plan.adjust or plan.finetune,
        "finetune": plain(settings_told()) if plan.finetune else None,
        "seed": plan.seed,
        "spec": plain(plan.spec),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
