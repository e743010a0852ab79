"""A sheet's records in words and table cells: what picture and page say, the same on both."""

from collections.abc import Callable

from meddef_core.attacks import get_attack
from meddef_core.eps import format_eps, grey_steps
from meddef_core.records import AttackNumbers, AttackRecord
from meddef_core.records.prediction import Output
from meddef_core.report.sheet import Sheet, SheetSide
from meddef_core.report.tiles import amplification
from meddef_core.tasks import Task
from meddef_core.words import counted, percent, qualified, qualifier

SETTINGS = {
    "steps": "steps {}",
    "restarts": "random starts {}",
    "samples": "samples a step {}",
    "search_steps": "search rounds {}",
    "theta": "change of one value {:g}",
    "loss": "loss {}",
    "rel_step": "step {:g} of epsilon",
}
"""Fields of `AttackSpec` as the line of settings calls them."""

NO_VALUE = "-"
"""Stands in a table where the model abstains."""

Table = list[list[str]]
"""Rows of cells, the first row the heads."""


def class_words(task: Task, label: str) -> str:
    """ "Choroidal neovascularisation (CNV)": the plain words, and the code where there is a short one."""
    words = task.words[label]
    return f"{words[0].upper()}{words[1:]}" + (f" ({label})" if len(label) <= 3 else "")


def heading(sheet: Sheet) -> str:
    """What the page is about."""
    return f"{'Attack on' if sheet.attacked else 'Model output for'} a scan: {sheet.task.title}"


def scan_line(sheet: Sheet) -> str:
    """The scan in words, its short id, its known class, and the digest of its bytes."""
    scan = sheet.sides[0].record.scan
    known = "class not known" if sheet.truth is None else f"known class: {class_words(sheet.task, sheet.truth)}"
    parts = [sheet.scan, *([] if scan.id is None or scan.id in sheet.scan else [f"scan {scan.id}"])]
    parts += [known, f"sha256 of the scan {scan.sha256}"]
    chosen = {"frame": scan.frame, "window": None if scan.window is None else list(scan.window)}
    parts += [f"{name} {value}" for name, value in chosen.items() if value is not None]
    return " · ".join(parts)


def settings_line(sheet: Sheet) -> str:
    """The attack and every setting that it reads."""
    record = _first_attack(sheet)
    spec, info = record.spec, get_attack(record.spec.name)
    words = [f"{info.title} ({info.threat})", f"epsilon {format_eps(spec.eps, norm=info.norm)}"]
    if (source := record.numbers.source) is not None:
        words.append(f"made on {source.key}")
    for field, text in SETTINGS.items():
        if field in info.settings and getattr(spec, field) is not None:
            words.append(text.format(getattr(spec, field)))
    aim = "untargeted" if spec.target is None else f"towards {sheet.task.classes[spec.target]}"
    return " · ".join([*words, aim, f"seed {spec.seed}"])


def outcome(side: SheetSide, sheet: Sheet) -> str:
    """What happened on one model: the output, or why there is none, and what must be said beside it."""
    clean = side.output
    if clean.abstained is not None:
        ran = " The attack ran all the same; its outputs are not valid for this image." if sheet.attacked else ""
        return f"The model abstains. {clean.abstained.sentence}{ran}"
    before = f"{class_words(sheet.task, clean.label)}, {_chance(clean, clean)}"
    remark = "" if clean.sentence is None else f" {clean.sentence}"
    wrong = "" if sheet.truth in (None, clean.label) else " The clean output is wrong: see the known class."
    if side.attack is None:
        return f"Model output: {before}.{remark}{wrong}"
    attacked = side.attack.numbers.attacked
    if attacked.label == clean.label:
        after = _chance(attacked, clean)
        said = f"The attack did not change the model output: {before} before, {after} after."
    else:
        after = f"{class_words(sheet.task, attacked.label)}, {_chance(attacked, clean)}"
        said = f"The attack changed the model output from {before} to {after}."
    return said + _control_words(side, fooled=attacked.label != clean.label) + remark + wrong


def _control_words(side: SheetSide, *, fooled: bool) -> str:
    if side.control is None:
        return ""
    clean, noise = side.output, side.control.numbers.attacked
    did = "did not change it" if noise.label == clean.label else "changed it too" if fooled else "changed it"
    return f" Control: random noise of the same size {did} ({noise.label}, {_chance(noise, clean)})."


def probabilities(sheet: Sheet) -> Table:
    """A row a class; a column for each model's clean, attacked and noise output, empty where the model abstains."""
    outputs = [(side, name, found) for side in sheet.sides for name, found in _outputs(side).items()]
    rows = [["Class", *(name for _, name, _ in outputs)]]
    for index, label in enumerate(sheet.task.classes):
        short = label if len(label) <= 3 else class_words(sheet.task, label)
        rows.append([short, *(_cell(side, found, index) for side, _, found in outputs)])
    return rows


def _cell(side: SheetSide, output: Output, index: int) -> str:
    return NO_VALUE if side.output.taken == "refused" else percent(output.shown[index])


def _outputs(side: SheetSide) -> dict[str, Output]:
    if side.attack is None:
        doubt = qualifier(side.output.taken, calibrated=_is_calibrated(side.output))
        return {f"Probability ({doubt})" if doubt else "Calibrated probability": side.output}
    found = {"Clean": side.output, "Attacked": side.attack.numbers.attacked}
    return found if side.control is None else {**found, "Noise": side.control.numbers.attacked}


def measurements(sheet: Sheet) -> Table:
    """What was measured on the attacked pictures, a column a model."""
    rows = [["Measured", *(side.title for side in sheet.sides)]]
    for name, value in _MEASURED.items():
        rows.append([name, *(value(each) for each in _attacks(sheet))])
    controls = [side.control for side in sheet.sides if side.control is not None]
    if len(controls) == len(sheet.sides):
        rows.append(["Noise control (L-inf)", *(_linf(control.numbers) for control in controls)])
    return rows


def _attacks(sheet: Sheet) -> list[AttackNumbers]:
    return [side.attack.numbers for side in sheet.sides if side.attack is not None]


def _first_attack(sheet: Sheet) -> AttackRecord:
    """The record that has the settings, which are the same on every model."""
    record = sheet.sides[0].attack
    assert record is not None  # of a sheet that is `attacked`
    return record


def _linf(numbers: AttackNumbers) -> str:
    return grey_steps(numbers.linf)


def _first(numbers: AttackNumbers) -> str:
    first = numbers.first_fooled
    if first < 0:
        return "never"
    return f"at step {first} of {numbers.steps_run}" if first else "before the attack"


_MEASURED: dict[str, Callable[[AttackNumbers], str]] = {
    "Largest change (L-inf)": _linf,
    "Length of change (L2)": lambda numbers: f"{numbers.l2:.3f}",
    "Pixels changed": lambda numbers: counted(numbers.pixels_changed),
    "PSNR": lambda numbers: "no change" if numbers.psnr is None else f"{numbers.psnr:.1f} dB",
    "SSIM": lambda numbers: "not defined" if numbers.ssim is None else f"{numbers.ssim:.4f}",
    "First fooled the model": _first,
}
"""Rows of the table: what is measured, and how it is written."""


def span(sheet: Sheet) -> float:
    """The change of a pixel that gets the strongest colour: epsilon, or the largest there is in other norms."""
    record = _first_attack(sheet)
    return record.spec.eps if record.numbers.norm == "linf" else max(each.linf for each in _attacks(sheet))


def factor(sheet: Sheet) -> float:
    """What differences are multiplied by, the same for every model."""
    return amplification(span(sheet))


def factor_words(sheet: Sheet) -> str:
    """ "64": the factor for a caption, as the pages say it."""
    return str(round(factor(sheet)))


def legend(sheet: Sheet) -> str:
    """How to read the pictures of differences."""
    return (
        f"Differences are signed and multiplied by {factor_words(sheet)}: mid grey is no change, blue is darker, "
        f"orange is brighter; the strongest colours are ±{_change_words(span(sheet))}."
    )


def _change_words(change: float) -> str:
    """As every page writes an epsilon, "6/255 (0.0235)"; a measured change with its decimals, "3.42/255 (0.0134)"."""
    return format_eps(change) if "/" in format_eps(change) else grey_steps(change)


def probability_note(sheet: Sheet) -> str:
    """What the probabilities are, and for which patients and scans."""
    outputs = [side.output for side in sheet.sides]
    if not any(_is_calibrated(output) for output in outputs):
        return "Probabilities are the model's softmax, uncalibrated: they do not say how likely a disease is."
    temperatures = ", ".join(f"{output.temperature:.3g}" for output in outputs if _is_calibrated(output))
    unusual = " They are uncalibrated for this scan." if any(one.taken == "unusual" for one in outputs) else ""
    attacked = ", and not for attacked images" if sheet.attacked else ""
    return (
        f"Probabilities are the softmax at temperature {temperatures}, fitted on validation patients; they are "
        f"calibrated for scans and a mix of diseases like theirs{attacked}.{unusual}"
    )


def identity(side: SheetSide) -> str:
    """Which weights computed it."""
    model = side.record.model
    site = "" if model.site is None else f", adjusted for {model.site.title} (profile {model.site.sha256[:12]})"
    return f"{side.title}: {model.key}, sha256 of the weights {model.weights_sha256}{site}"


def created(sheet: Sheet) -> str:
    """Date and time, and what computed it."""
    record = sheet.sides[0].record
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return f"{record.created.replace('T', ' ').replace('+00:00', ' UTC')} · {versions}"


def _is_calibrated(output: Output) -> bool:
    return output.calibrated is not None


def _chance(output: Output, clean: Output) -> str:
    """Probability of the class put out, labelled by how the scan itself was taken."""
    return qualified(output.shown[output.index], level=clean.taken, calibrated=_is_calibrated(output))
