"""MedDef: diagnostic networks that are hard to fool, and honest measurements of how hard.

>>> import meddef_core as md
>>> model = md.load_model("oct/meddef")
>>> md.predict(model, md.list_samples("oct")[0].load()).label
'NORMAL'

The functions are described in `library`. Importing this package imports neither it nor torch, which take seconds: a
function is looked up when it is first used (PEP 562). A new one is written there and named here
and in `__init__.pyi`, which tells its type.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
"""The version, defined here alone; pyproject.toml reads it from this line without importing the package."""

__all__ = [
    "attack",
    "audit",
    "certify",
    "explain",
    "list_models",
    "list_samples",
    "load_model",
    "predict",
    "predict_volume",
    "read_scan",
    "read_volume",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("meddef_core.library"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
