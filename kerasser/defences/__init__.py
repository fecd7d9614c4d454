"""The defences, one file each: what it is called, how it trains, and what answers in the end.

A module of this package that has a `DEFENCE` is one; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from kerasser.defences.base import Defence, System

__all__ = ["NONE", "Defence", "System", "get", "known"]

#: The undefended classifier, which every defence is compared with.
NONE = "none"


@cache
def known() -> dict[str, Defence]:
    """Returns the defences by name, in the order of reports: no defence first."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    defences = [module.DEFENCE for module in modules if hasattr(module, "DEFENCE")]
    return {defence.name: defence for defence in sorted(defences, key=lambda defence: (defence.place, defence.name))}


def get(name: str) -> Defence:
    """Returns a defence by its name.

    Raises:
        KeyError: If there is none.
    """
    return known()[name]
