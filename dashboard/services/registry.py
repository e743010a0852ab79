"""How pages register themselves: by the core's own mechanism."""

from meddef_core.registry import collected

__all__ = ["collected"]
