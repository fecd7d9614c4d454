"""The defences, one file each: what it is called, how it trains, and what answers in the end.

A module of this package that has a `DEFENCE` is one; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache

from kerasser.defences.base import Defence, System
from kerasser.util.errors import InputError

__all__ = ["NONE", "Defence", "System", "chosen", "get", "known"]

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


def chosen(names: Sequence[str], default: Sequence[str]) -> list[str]:
    """Returns the defences that are meant, in the order of reports.

    Args:
        names: As the user spells them: a defence's name, or its file's; "all" for all of them.
        default: What none stands for.

    Raises:
        InputError: If there is no such defence.
    """
    spelled = {name: name for name in known()}
    spelled |= {each.settings.__module__.rpartition(".")[2]: name for name, each in known().items()}
    if unknown := [name for name in names if name not in (*spelled, "all")]:
        raise InputError(f"defence: expected some of all, {', '.join(known())}. Received: {unknown[0]!r}")
    wanted = set(known()) if "all" in names else {spelled[name] for name in names} or set(default)
    return [name for name in known() if name in wanted]
