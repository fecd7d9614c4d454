"""The kinds of made noise by name."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from kerasser.noise.made.base import Kind


@cache
def known() -> dict[str, Kind]:
    """Returns the kinds by name, sorted."""
    package = __name__.rpartition(".")[0]
    found = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = (importlib.import_module(f"{package}.{name}") for name in found)
    kinds = [module.KIND for module in modules if hasattr(module, "KIND")]
    return {kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.name)}
