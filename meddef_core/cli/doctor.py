"""`meddef doctor`: what is set, what is missing, and what the machine offers."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from meddef_core.cli.command import Command
from meddef_core.cli.input import JsonFlag
from meddef_core.cli.output import emit
from meddef_core.settings import settings

if TYPE_CHECKING:
    from meddef_core.cli.examination import MachineLimits


def doctor(as_json: JsonFlag = False) -> None:
    """Show the settings, what is missing on this machine, and its limits."""
    from meddef_core.cli import examination as examine

    now = settings()
    set_to, there, unknown = examine.read_settings(now), examine.parts(now), examine.unknown_variables()
    offered = examine.limits(Path.cwd())
    document = {
        "settings_file": examine.config_in_words(),
        "settings": [asdict(each) for each in set_to],
        "unknown_variables": list(unknown),
        "parts": [asdict(each) for each in there],
        "limits": asdict(offered) | {"slots": now.work_slots},
    }
    lines = [
        f"Settings (file: {examine.config_in_words()})",
        *(f"  {each.name} = {each.value} ({each.source}): {each.meaning}" for each in set_to),
        *(f"  {name} is set and sets nothing; check its spelling." for name in unknown),
        "Parts",
        *(f"  {'found  ' if each.found else 'missing'} {each.name}: {each.detail}" for each in there),
        f"Limits: {_limits(offered)}, {now.work_slots} requests at once",
    ]
    emit(document, lines, as_json=as_json)


def _limits(offered: "MachineLimits") -> str:
    memory = "unknown" if offered.memory is None else _gigabytes(offered.memory)
    free = "unknown" if offered.memory_free is None else _gigabytes(offered.memory_free)
    return f"{offered.cores} cores, memory {memory} ({free} free), disk {_gigabytes(offered.disk_free)} free here"


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB"


ORDER = 240
COMMANDS = (Command("doctor", doctor),)
