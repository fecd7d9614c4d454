"""The threat models, one file each: what an attacker knows, what it may spend, and what it gets out of a system.

A module of this package that has a `THREAT` is one; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from kerasser.threats.base import Answer, Target, TestUtterance, Threat

# What is no threat model is not imported: scoring would bring TensorFlow to every --help.
_OTHERS = frozenset({"base", "recogniser", "scoring", "targets"})

__all__ = ["Answer", "Target", "TestUtterance", "Threat", "get", "known"]


@cache
def known() -> dict[str, Threat]:
    """Returns the threat models by name, in the order of reports: who knows least first."""
    names = [found.name for found in pkgutil.iter_modules(__path__) if found.name not in _OTHERS]
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    threats = [module.THREAT for module in modules if hasattr(module, "THREAT")]
    return {threat.name: threat for threat in sorted(threats, key=lambda threat: (threat.place, threat.name))}


def get(name: str) -> Threat:
    """Returns a threat model by its name.

    Raises:
        KeyError: If there is none.
    """
    return known()[name]
