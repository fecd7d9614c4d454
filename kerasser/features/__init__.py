"""Acoustic features: front ends, one file each, and frames on disk.

A module of this package that has a `NAME` and a `FRONT_END` is a front end; nothing else has to know it. Called, the
package is `kerasser.api.describing.features`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from kerasser.features.base import FrontEnd
from kerasser.util.callable_package import make_callable

__all__ = ["DEFAULT", "FrontEnd", "front_end", "known"]

#: The reference that others are compared with.
DEFAULT = "opensmile"
# What is no front end is not imported: records would bring TensorFlow to every --help.
_OTHERS = frozenset({"agreement", "base", "descriptors", "enhanced", "records"})


@cache
def known() -> dict[str, ModuleType]:
    """Returns the modules of the front ends by name."""
    names = [found.name for found in pkgutil.iter_modules(__path__) if found.name not in _OTHERS]
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    return {module.NAME: module for module in modules if hasattr(module, "FRONT_END")}


def front_end(name: str = DEFAULT) -> FrontEnd:
    """Returns a front end by its name.

    Raises:
        KeyError: If there is none.
    """
    found: FrontEnd = known()[name].FRONT_END()
    return found


make_callable(__name__, "kerasser.api.describing:features")
