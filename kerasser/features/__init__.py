"""Acoustic features: front ends, one file each, and frames on disk.

A module of this package that has a `NAME` and a `FRONT_END` is a front end; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from kerasser.features.base import FrontEnd

__all__ = ["DEFAULT", "FrontEnd", "front_end", "known"]

#: The reference that others are compared with.
DEFAULT = "opensmile"


@cache
def known() -> dict[str, ModuleType]:
    """Returns the modules of the front ends by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.NAME: module for module in modules if hasattr(module, "FRONT_END")}


def front_end(name: str = DEFAULT) -> FrontEnd:
    """Returns a front end by its name.

    Raises:
        KeyError: If there is none.
    """
    return known()[name].FRONT_END()
