"""The sections of the reports, one file each: its title, what it says, its table and its figure.

A module of this package that has a `SECTION` is one; nothing else has to know it.
"""

from __future__ import annotations

import importlib
import pkgutil

from kerasser.evaluation.report import Report
from kerasser.report.section import Section


def of(kind: type[Report]) -> list[Section]:
    """Returns the sections of a kind of report, in their order."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    found = [module.SECTION for module in modules if hasattr(module, "SECTION")]
    return sorted((section for section in found if kind in section.titles), key=lambda section: section.place)
