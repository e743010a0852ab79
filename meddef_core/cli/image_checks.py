"""`meddef image-checks`: fit the checks of the image itself for both tasks, and write them to `assets/image_checks`."""

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag
from meddef_core.cli.output import emit, progress


def image_checks(data_dir: DataDir = None, as_json: JsonFlag = False) -> None:
    """Fit the checks for pages, rotated and inverted scans on training scans, measure them, and write both files."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.prediction.image_checks import save_checks
    from meddef_core.prediction.image_checks.files import FOLDER
    from meddef_core.prediction.image_checks.run import fit_checks

    with progress("fitting the image checks") as show:
        checks = fit_checks(find_data_dir(data_dir), on_stage=lambda what, done, total: show(done, total, what))
    save_checks(FOLDER, checks)
    lines = [
        f"{task} {source}: {figures['flagged']['hits']} of {figures['flagged']['n']} scans flagged; missed: "
        + ", ".join(f"{kind} {missed['hits']} of {missed['n']}" for kind, missed in figures["missed"].items())
        for task, sources in checks.card.measured.items()
        for source, figures in sources.items()
        if "missed" in figures
    ]
    emit({"image_checks": checks.card.model_dump(mode="json")}, lines, as_json=as_json)


ORDER = 80
COMMANDS = (Command("image-checks", image_checks),)
