"""`meddef models`: what the zoo holds."""

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag
from meddef_core.cli.output import emit, tell


def models(as_json: JsonFlag = False) -> None:
    """List the models."""
    from meddef_core.zoo import configured_profile, list_models, malformed_models

    cards, malformed = list_models(), malformed_models()
    for why in malformed.values():
        tell(why)
    profile = configured_profile()
    lines = [
        f"{card.key:<20} {card.parameters / 1e6:5.2f} M  {card.title}: {card.summary}"
        + ("" if card.weights.ships else " (Its record alone: the weights are not here.)")
        for card in cards
    ]
    document = {"models": [{"key": card.key, **card.model_dump(mode="json")} for card in cards]}
    if profile is not None:
        lines.append(f"{profile.model} is adjusted for {profile.title} (MEDDEF_SITE).")
        document["site"] = [{"model": profile.model, "title": profile.title, "sha256": profile.digest}]
    if malformed:
        document["malformed"] = [{"key": key, "why": why} for key, why in malformed.items()]
    emit(
        document,
        lines or ["There is no model yet; train one with `meddef train`."],
        as_json=as_json,
    )


ORDER = 250
COMMANDS = (Command("models", models),)
