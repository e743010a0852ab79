"""How this server is set up, read from its environment variables."""

from meddef_core.settings import Settings, settings

__all__ = ["Settings", "settings"]
