"""`meddef site`: does a model work at this hospital? A report, and a site profile that adjusts the model to it."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag, ModelName, TaskKey, open_model
from meddef_core.cli.output import check_writable, emit, progress, tell, write_file, write_record
from meddef_core.errors import DataError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.site.folder import SiteSource
    from meddef_core.site.run import Made

SHOWN = 5
"""Unreadable files that are named on the terminal."""


class Labels(StrEnum):
    """What a folder's label describes."""

    SLICE = "slice"
    VOLUME = "volume"


def site(
    data: Annotated[Path, typer.Argument(help="A folder of 50 to 1,000 scans, one folder a class.")],
    task: TaskKey,
    model: ModelName = "meddef",
    labels: Annotated[Labels, typer.Option(help="What a label describes: each slice, or its volume.")] = Labels.SLICE,
    title: Annotated[str | None, typer.Option(help="Name of the hospital; else the folder's name.")] = None,
    adjust: Annotated[bool, typer.Option("--adjust", help="Fit temperature, offsets and limits on one half.")] = False,
    finetune: Annotated[bool, typer.Option("--finetune", help="Train further on that half, then adjust.")] = False,
    profile: Annotated[
        Path | None, typer.Option(help="Write the site profile to this folder; set MEDDEF_SITE to it.", file_okay=False)
    ] = None,
    attack: Annotated[bool, typer.Option(help="Measure under PGD-20 at 4/255 as well.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of the split into halves.", min=0, max=2**31 - 1)] = 0,
    run_dir: Annotated[
        Path | None, typer.Option(help="Keep finished parts here, to resume; else in the cache.", file_okay=False)
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the JSON record here.", dir_okay=False)] = None,
    pdf: Annotated[Path | None, typer.Option(help="Write the report as a PDF here.", dir_okay=False)] = None,
    thumbnails: Annotated[bool, typer.Option("--thumbnails", help="Show the worst scans in the PDF.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Measure whether a model works on a hospital's own scans; nothing leaves this machine."""
    from meddef_core.records import SiteRecord, build
    from meddef_core.site.folder import site_source
    from meddef_core.site.run import SitePlan, site_report
    from meddef_core.site.words import report_lines
    from meddef_core.studies.external import attack_of, fit_of
    from meddef_core.zoo import save_profile

    for path, suffix in ((output, ".json"), (pdf, ".pdf")):
        if path is not None:
            check_writable(path, suffixes=(suffix,))
    _check(adjusts=adjust or finetune, profile=profile, pdf=pdf, thumbnails=thumbnails)
    loaded = open_model(task, model, at_site=False)
    fit_of(loaded)
    if not data.is_dir():
        raise DataError(
            Text(
                "cli.site-no-folder", "{path} is no folder; name a folder of scans with one folder a class.", path=data
            )
        )
    source = site_source(loaded.task, data, holds=labels.value, title=title)
    spec = attack_of(loaded.task, seed=seed) if attack else None
    plan = SitePlan(adjust=adjust, finetune=finetune, seed=seed, spec=spec)
    with progress(f"{loaded.card.key} at {source.title}") as show:
        made = site_report(
            loaded, source, plan, folder=run_dir, on_progress=lambda what, done, total: show(done, total, what)
        )
    record = build(
        SiteRecord,
        model=loaded,
        numbers=made.numbers,
        data={"protocol": "site", "part": source.key, "n": made.numbers.n, "sha256": made.numbers.scans_sha256},
        spec=spec,
        seed=seed,
    )
    if made.profile is not None and profile is not None:
        save_profile(profile, made.profile, state=made.state)
    if pdf is not None:
        from meddef_core.site.page import report_page
        from meddef_core.site.run import thumbnails as drawn

        write_file(pdf, report_page(record, drawn(loaded, source, made.worst) if thumbnails else ()))
    write_record(output, record)
    _tell_files(source, made)
    emit(record.document(), report_lines(loaded.card.key, made.numbers), as_json=as_json)


def _check(*, adjusts: bool, profile: Path | None, pdf: Path | None, thumbnails: bool) -> None:
    """Raise DataError for options that do not go together, before anything is measured."""
    if adjusts and profile is None:
        raise DataError(Text("cli.site-name-profile", "Name a folder for the site profile with --profile."))
    if profile is not None and not adjusts:
        raise DataError(
            Text(
                "cli.site-profile-alone",
                "A site profile needs --adjust or --finetune; add one of them, or leave out --profile.",
            )
        )
    if thumbnails and pdf is None:
        raise DataError(Text("cli.site-thumbnails-alone", "Thumbnails are only in the PDF; name its file with --pdf."))


def _tell_files(source: "SiteSource", made: "Made") -> None:
    """Names of files, on the terminal alone: what could not be read, and the worst scans."""
    for name, problem in made.problems[:SHOWN]:
        tell(f"{name} is left out: {problem}")
    if (more := len(made.problems) - SHOWN) > 0:
        tell(f"{more} more files cannot be read and are left out.")
    for scan, place in zip(made.numbers.worst, made.worst, strict=True):
        taken = "accepted" if scan.accepted else "not accepted"
        tell(f"worst: row {scan.row}, {source.entries[place].name} ({scan.id}): {scan.output}, {taken}")


ORDER = 220
COMMANDS = (Command("site", site),)
