"""`meddef calibrate`: fit the temperature and the out-of-distribution check for a model's present weights."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from meddef_core.cli.command import Command
from meddef_core.cli.input import DataDir, JsonFlag, TaskKey
from meddef_core.cli.output import emit, progress
from meddef_core.errors import ModelError
from meddef_core.text import Text

if TYPE_CHECKING:
    from meddef_core.prediction.files import ReadingCard

ALL = "all"


def calibrate(
    task: TaskKey,
    model: Annotated[str, typer.Option(help="A name from `meddef models`, or all of the task's.")] = ALL,
    data_dir: DataDir = None,
    as_json: JsonFlag = False,
) -> None:
    """Fit calibration and abstention on validation patients, measure them on the test set, and write both files."""
    from meddef_core.data.store import find_data_dir
    from meddef_core.prediction.files import load_fitted, save_fitted
    from meddef_core.prediction.fit import fit
    from meddef_core.tasks import get_task
    from meddef_core.zoo import load_model, loadable_models, models_root

    folder, key = find_data_dir(data_dir), get_task(task).key
    keys = [card.key for card in loadable_models() if card.task == key]
    if model != ALL:
        keys = [f"{key}/{model.removeprefix(f'{key}/')}"]
    if not keys:
        raise ModelError(
            Text(
                "cli.calibrate-no-model",
                "There is no model of {key} to calibrate; train one with `meddef train`.",
                key=key,
            )
        )
    cards: list[ReadingCard] = []
    for each in keys:
        loaded = load_model(each, at_site=False)
        with progress(f"calibrating {each}") as show:
            fitted = fit(loaded, data_dir=folder, on_stage=lambda what, done, total: show(done, total, what))
        place = models_root() / each
        save_fitted(place, fitted)
        cards.append(load_fitted(place, key=each, weights_sha256=loaded.card.weights.sha256).card)
    lines = [line for card in cards for line in _lines(card)]
    emit({"calibrated": [card.model_dump(mode="json") for card in cards]}, lines, as_json=as_json)


def _lines(card: "ReadingCard") -> list[str]:
    error = card.test["calibration"]
    before, after = (error[name]["expected_calibration_error"] for name in ("uncalibrated", "calibrated"))
    return [
        f"{card.model}: temperature {card.temperature:.3f}",
        f"  calibration error on {error['n']} test scans {after:.3f} "
        f"[{error['interval'][0]:.3f}, {error['interval'][1]:.3f}], {before:.3f} uncalibrated",
        f"  test scans accepted {_words(card.test['accepted']['accepted'])}, "
        f"{_words(card.test['accepted']['without_remark'])} without a warning",
        f"  unsuitable images refused {_words(card.test['refused']['refused'])}",
    ]


def _words(share: dict[str, Any]) -> str:
    low, high = share["interval"]
    return f"{share['share']:.1%} [{low:.1%}, {high:.1%}] of {share['n']}"


ORDER = 70
COMMANDS = (Command("calibrate", calibrate),)
