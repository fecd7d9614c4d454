"""The threat models, one file each: what an attacker knows, what it may spend, and what it gets out of a system.

A module of this package that has a `THREAT` is one; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from kerasser.threats.base import Answer, Target, TestUtterance, Threat

# What is no threat model is not imported: scoring would bring TensorFlow to every --help.
_OTHERS = frozenset({"base", "recogniser", "scoring", "sound", "targets"})

__all__ = [
    "Answer",
    "Target",
    "TestUtterance",
    "Threat",
    "black_boxes",
    "get",
    "known",
    "module",
    "settings_of",
    "title",
]


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


def title(name: str) -> str:
    """Returns what people read in place of a threat model's name."""
    return known()[name].title or name


def module(threat: Threat) -> str:
    """Returns the name of a threat model's file, which is that of its group of settings."""
    return threat.settings.__module__.rpartition(".")[2]


def settings_of(threat: Threat, settings: Any) -> Any:
    """Returns the settings of one threat model.

    Args:
        threat: Which.
        settings: Those of all threat models, each under the name of its file.
    """
    return getattr(settings, module(threat))


def black_boxes(settings: Any) -> list[Threat]:
    """Returns the threat models that a recogniser of which nothing is known can be put to.

    Args:
        settings: As for `settings_of`.
    """
    return [each for each in known().values() if each.needs == "answers" and each.wanted(settings_of(each, settings))]
