"""Learning-rate rules, one file each: what an epoch without improvement does to the rate, and when training stops.

A module of this package that has a `NAME` and a `RULE` is one; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from kerasser.training.rules.base import Decision, Rule

__all__ = ["DEFAULT", "Decision", "Rule", "known", "rule"]

#: The paper's.
DEFAULT = "halving"


@cache
def known() -> dict[str, ModuleType]:
    """Returns the modules of the rules by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.NAME: module for module in modules if hasattr(module, "RULE")}


def rule(name: str = DEFAULT, *, patience: int = 5, lowest_rate: float = 1e-5) -> Rule:
    """Returns a rule by its name.

    Args:
        name: One of `known`.
        patience: Epochs without improvement before the rule acts.
        lowest_rate: Below it there is no use in going on.

    Raises:
        KeyError: If there is none.
    """
    rule: Rule = known()[name].RULE(patience, lowest_rate)
    return rule
