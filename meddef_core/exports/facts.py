"""A sheet's records in words and table cells: what picture and page say, the same on both."""

from collections.abc import Mapping
from typing import Any

from meddef_core.attacks import AttackSpec, format_eps, get_attack
from meddef_core.data.tasks import Task
from meddef_core.exports.sheet import Record, Sheet, Side
from meddef_core.exports.tiles import amplification

SETTINGS = {
    "steps": "steps {}",
    "restarts": "random starts {}",
    "samples": "samples a step {}",
    "search_steps": "search rounds {}",
    "theta": "change of one value {:g}",
    "loss": "loss {}",
    "rel_step": "step {:g} of the budget",
}
"""Fields of `AttackSpec` as the line of settings calls them."""

Table = list[list[str]]
"""Rows of cells, the first row the heads."""


def percent(share: float) -> str:
    """A share as text; never "100 %" or "0 %" for what is not quite that."""
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %"


def class_words(task: Task, label: str) -> str:
    """ "Choroidal neovascularisation (CNV)": the plain words, and the code where there is a short one."""
    words = task.words[label]
    return f"{words[0].upper()}{words[1:]}" + (f" ({label})" if len(label) <= 3 else "")


def heading(sheet: Sheet) -> str:
    """What the page is about."""
    return f"{'Attack on' if sheet.attacked else 'Model output for'} a scan: {sheet.task.title}"


def scan_line(sheet: Sheet) -> str:
    """The scan in words, its known class, and the digest of its bytes."""
    scan = sheet.sides[0].record["scan"]
    known = "class not known" if sheet.truth is None else f"known class: {class_words(sheet.task, sheet.truth)}"
    parts = [sheet.scan, known, f"sha256 of the scan {scan['sha256']}"]
    parts += [f"{name} {scan[name]}" for name in ("frame", "window") if scan[name] is not None]
    return " · ".join(parts)


def settings_line(sheet: Sheet) -> str:
    """The attack and every setting that it reads."""
    spec = AttackSpec(**sheet.sides[0].record["spec"])
    info = get_attack(spec.name)
    words = [f"{info.title} ({info.threat})", f"budget {format_eps(spec.eps, norm=info.norm)}"]
    if (source := sheet.sides[0].numbers["source"]) is not None:
        words.append(f"made on {source['key']}")
    for field, text in SETTINGS.items():
        if field in info.settings and getattr(spec, field) is not None:
            words.append(text.format(getattr(spec, field)))
    aim = "untargeted" if spec.target is None else f"towards {sheet.task.classes[spec.target]}"
    return " · ".join([*words, aim, f"seed {spec.seed}"])


def outcome(side: Side, sheet: Sheet) -> str:
    """What happened on one model, in one or two sentences."""
    clean = _clean(side)
    if (abstained := clean.get("abstained")) is not None:
        return f"The model abstains, and its output means nothing here. {abstained['sentence']}"
    before = f"{class_words(sheet.task, clean['label'])}, {percent(_top(clean))}"
    wrong = "" if sheet.truth in (None, clean["label"]) else " The clean output is wrong: see the known class."
    if side.record["kind"] == "prediction":
        return f"Model output: {before}.{wrong}"
    attacked = side.numbers["attacked"]
    if attacked["label"] == clean["label"]:
        said = f"The attack did not change the model output: {before} before, {percent(_top(attacked))} after."
    else:
        after = f"{class_words(sheet.task, attacked['label'])}, {percent(_top(attacked))}"
        said = f"The attack changed the model output from {before} to {after}."
    return said + _control_words(side, clean["label"]) + wrong


def _control_words(side: Side, before: str) -> str:
    if side.control is None:
        return ""
    noise = side.control["numbers"]["attacked"]
    did = "did not change it" if noise["label"] == before else "changed it too" if _fooled(side) else "changed it"
    return f" Control: random noise of the same size {did} ({noise['label']}, {percent(_top(noise))})."


def _fooled(side: Side) -> bool:
    return bool(side.numbers["attacked"]["label"] != side.numbers["clean"]["label"])


def probabilities(sheet: Sheet) -> Table:
    """A row a class; a column for each model's clean, attacked and noise output."""
    outputs = [(name, found) for side in sheet.sides for name, found in _outputs(side).items()]
    rows = [["Class", *(name for name, _ in outputs)]]
    for index, label in enumerate(sheet.task.classes):
        short = label if len(label) <= 3 else class_words(sheet.task, label)
        rows.append([short, *(percent(found["probabilities"][index]) for _, found in outputs)])
    return rows


def _outputs(side: Side) -> dict[str, Mapping[str, Any]]:
    if side.record["kind"] == "prediction":
        calibrated = side.numbers.get("calibrated")
        softmax = {"Softmax": side.numbers}
        return softmax if calibrated is None else {"Calibrated": {"probabilities": calibrated}, **softmax}
    found = {"Clean": side.numbers["clean"], "Attacked": side.numbers["attacked"]}
    return found if side.control is None else {**found, "Noise": side.control["numbers"]["attacked"]}


def measurements(sheet: Sheet) -> Table:
    """What was measured on the attacked pictures, a column a model."""
    rows = [["Measured", *(side.title for side in sheet.sides)]]
    for name, value in _MEASURED.items():
        rows.append([name, *(value(side.numbers) for side in sheet.sides)])
    if all(side.control is not None for side in sheet.sides):
        rows.append(["Noise control (L-inf)", *(_linf(_numbers(side.control)) for side in sheet.sides)])
    return rows


def _numbers(record: Record | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = {} if record is None else record["numbers"]
    return found


def _linf(numbers: Mapping[str, Any]) -> str:
    return f"{255 * numbers['linf']:.2f}/255 ({numbers['linf']:.4f})"


def _first(numbers: Mapping[str, Any]) -> str:
    first = numbers["first_fooled"]
    if first < 0:
        return "never"
    return f"at step {first} of {numbers['steps_run']}" if first else "before the attack"


_MEASURED = {
    "Largest change (L-inf)": _linf,
    "Length of change (L2)": lambda numbers: f"{numbers['l2']:.3f}",
    "Pixels changed": lambda numbers: percent(numbers["pixels_changed"]),
    "PSNR": lambda numbers: "no change" if numbers["psnr"] is None else f"{numbers['psnr']:.1f} dB",
    "SSIM": lambda numbers: "not defined" if numbers["ssim"] is None else f"{numbers['ssim']:.4f}",
    "First fooled the model": _first,
}
"""Rows of the table: what is measured, and how it is written."""


def span(sheet: Sheet) -> float:
    """The change of a pixel that gets the strongest colour: the budget, or the largest there is in other norms."""
    record = sheet.sides[0].record
    if record["numbers"]["norm"] == "linf":
        return float(record["spec"]["eps"])
    return max(float(side.numbers["linf"]) for side in sheet.sides)


def factor(sheet: Sheet) -> int:
    """What differences are multiplied by, the same for every model."""
    return amplification(span(sheet))


def legend(sheet: Sheet) -> str:
    """How to read the pictures of differences."""
    return (
        f"Differences are signed and multiplied by {factor(sheet)}: mid grey is no change, blue is darker, orange is "
        f"brighter; the strongest colours are ±{255 / factor(sheet):.1f}/255."
    )


def probability_note(sheet: Sheet) -> str:
    """What the probabilities are."""
    temperature = sheet.sides[0].numbers.get("temperature")
    if temperature is None:
        return "Probabilities are the model's own scoring (softmax), not calibrated: not how likely a disease is."
    return (
        f"Calibrated probabilities are the softmax at temperature {temperature:.3g}, fitted on validation patients; "
        "they hold for scans and a mix of diseases like theirs."
    )


def identity(side: Side) -> str:
    """Which weights computed it."""
    model = side.record["model"]
    return f"{side.title}: {model['key']}, sha256 of the weights {model['weights_sha256']}"


def created(sheet: Sheet) -> str:
    """Date and time, and what computed it."""
    record = sheet.sides[0].record
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return f"{record['created'].replace('T', ' ').replace('+00:00', ' UTC')} · {versions}"


def _clean(side: Side) -> Mapping[str, Any]:
    found: Mapping[str, Any] = side.numbers["clean"] if side.record["kind"] == "attack" else side.numbers
    return found


def _top(output: Mapping[str, Any]) -> float:
    """Probability of the class put out: the calibrated one of a reading, where there is one."""
    return float((output.get("calibrated") or output["probabilities"])[output["index"]])
