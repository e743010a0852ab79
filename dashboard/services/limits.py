"""What one press of the laboratory's button may ask for. Limits in a browser are none: these are the server's."""

import math
from typing import Any

from dashboard.services.results.common import AttackChoice
from meddef_core.attacks import AttackInfo, AttackSpec, default_spec, get_attack
from meddef_core.eps import check_budget
from meddef_core.errors import AttackError
from meddef_core.text import Text

MOST_MODELS = 4
"""Models side by side: as many columns, lines and dashes as a reader can tell apart."""

MOST_PASSES = 2000
"""Times that one attack may ask one model: a few minutes on one thread."""

MOST = {"restarts": 5, "samples": 64, "search_steps": 12}

WORDS = {
    "steps": Text("lab.steps", "Steps"),
    "restarts": Text("lab.random-starts", "Random starts"),
    "samples": Text("lab.samples-step", "Samples a step"),
    "search_steps": Text("lab.search-rounds", "Search rounds"),
    "theta": Text("lab.change-one", "Change of one value"),
    "loss": Text("lab.attack-objective", "Attack objective"),
}
"""Settings of an attack as the form calls them."""

PASSES = ("steps", "restarts", "samples", "search_steps")
"""Settings that multiply the work."""


def in_lab(info: AttackInfo) -> bool:
    """Whether the laboratory offers an attack.

    Not the controls: they run by themselves beside each attack. Not what finds one perturbation for many images: the
    laboratory has one scan, on which that is a weak attack and no universal one.
    """
    return info.threat != "control" and not info.batchwise


def most(info: AttackInfo, setting: str) -> int:
    """The highest value of a setting that counts work; never below what the attack usually takes."""
    usual: int = getattr(default_spec(info.name), setting)
    return max(usual, info.most_steps if setting == "steps" else MOST[setting])


def spec_of(choice: AttackChoice, classes: tuple[str, ...]) -> AttackSpec:
    """What the reader asked for, checked; raises AttackError with one sentence on anything out of bounds."""
    info = get_attack(choice.attack)
    if not in_lab(info):
        raise AttackError(
            Text("limits.title-does", "{title} does not run here by itself; choose another attack.", title=info.title)
        )
    if choice.target is not None and choice.target not in classes:
        raise AttackError(
            Text(
                "limits.there-no",
                "There is no class {target} to aim at; choose one of {known}.",
                target=repr(choice.target),
                known=", ".join(classes),
            )
        )
    changes: dict[str, Any] = {"eps": choice.eps, "seed": choice.seed}
    if choice.target is not None and "target" in info.settings:
        changes["target"] = classes.index(choice.target)
    for setting in WORDS:
        value = getattr(choice, setting)
        if value is not None and setting in info.settings:
            changes[setting] = value
    spec = default_spec(info.name, **changes)
    check_budget(spec.eps, norm=info.norm)
    _check_work(spec, info)
    return spec


def passes(spec: AttackSpec, info: AttackInfo) -> int:
    """How often an attack asks its model, as far as its settings tell."""
    return math.prod(getattr(spec, setting) for setting in PASSES if setting in info.settings)


def _check_work(spec: AttackSpec, info: AttackInfo) -> None:
    counted = [setting for setting in PASSES if setting in info.settings]
    for setting in counted:
        if getattr(spec, setting) > most(info, setting):
            raise AttackError(
                Text(
                    "limits.setting-can",
                    "{setting} can be {most} at most in this laboratory; lower them.",
                    setting=WORDS[setting],
                    most=most(info, setting),
                )
            )
    asked = passes(spec, info)
    if asked > max(MOST_PASSES, passes(default_spec(info.name), info)):
        named = ", ".join(WORDS[setting].lower() for setting in counted)
        raise AttackError(f"This would ask each model {asked} times, where {MOST_PASSES} are the most; lower {named}.")
