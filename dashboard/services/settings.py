"""How this server is set up, read from its environment variables, and its version."""

from meddef_core import __version__
from meddef_core.settings import Settings, settings

__all__ = ["Settings", "__version__", "settings"]
