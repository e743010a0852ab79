"""The command line: one file a command."""

from meddef_core.cli.entry import app, main

__all__ = ["app", "main"]
