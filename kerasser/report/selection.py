"""Which rows the tables print: the CSV files hold all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from kerasser.attack.budget import Budget
from kerasser.evaluation.results import ANY, MEAN


class Condition(Protocol):
    """A row of one noise at one budget."""

    @property
    def noise(self) -> str:
        """What it is called."""

    @property
    def budget(self) -> Budget:
        """How much there is."""


Row = TypeVar("Row", bound=Condition)


def printed(rows: Sequence[Row]) -> list[Row]:
    """Leaves out the single noises at a signal-to-noise ratio."""
    return [row for row in rows if row.budget.kind == "epsilon" or row.noise in (MEAN, ANY)]
