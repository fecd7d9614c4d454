"""What a section of a report is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasser.evaluation.report import Report
from kerasser.report.blocks import Block


def _no_tables(_: Any) -> Mapping[str, Sequence[Any]]:
    return {}


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        titles: Kind of report that it is part of → its heading there, plain text.
        place: Orders the sections.
        blocks: Returns what it says of a report, in order; [] where it has nothing to say, and is left out.
        tables: Returns rows of `kerasser.evaluation.results` by the name of the CSV file that is to hold them. Files
            without rows are not written.
    """

    titles: Mapping[type[Report], str]
    place: int
    blocks: Callable[[Any], Sequence[Block]]
    tables: Callable[[Any], Mapping[str, Sequence[Any]]] = _no_tables
