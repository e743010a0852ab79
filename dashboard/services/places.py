"""Where the assets lie, in a checkout and in an installed wheel."""

from meddef_core.io.places import assets

__all__ = ["assets"]
