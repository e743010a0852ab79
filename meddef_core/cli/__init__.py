"""The command line: one file a command."""

from meddef_core.cli.entry import main

__all__ = ["main"]
