"""`meddef evaluate`."""

from meddef_core.cli.evaluate.command import COMMANDS, ORDER

__all__ = ["COMMANDS", "ORDER"]
