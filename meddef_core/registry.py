"""How everything registers: a tuple of entries in a module, which is found because the module is there.

So attacks, baselines, explainers, audit checks and commands are found here, and the dashboard's pages; adding one is
adding a file. Modules that must stand before others say so with a number, `ORDER`; 0 unless they do.
"""

import importlib
import pkgutil
from collections.abc import Callable, Collection
from typing import Any


def collected(package: str, name: str, *, key: Callable[[Any], str], but: Collection[str] = ()) -> dict[str, Any]:
    """The entries of every tuple called `name` in the modules of `package`, by `key`.

    Modules stand by their `ORDER`, then by their names. `but` are modules that build on the registry: importing them
    here would go round. RuntimeError where two entries have the same key.
    """
    path = importlib.import_module(package).__path__
    names = [each.name for each in pkgutil.iter_modules(path) if each.name not in but]
    modules = [importlib.import_module(f"{package}.{each}") for each in names]
    found: dict[str, Any] = {}
    for module in sorted(modules, key=lambda each: (getattr(each, "ORDER", 0), each.__name__)):
        for entry in getattr(module, name, ()):
            if key(entry) in found:
                raise RuntimeError(f"two entries of {package} are called {key(entry)!r}")
            found[key(entry)] = entry
    return found
