"""How much noise an attacker may add: a perturbation factor ε, or a signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.util.errors import InputError

#: The paper's range of the perturbation factor.
EPSILONS = (0.1, 0.5, 1.0, 1.5, 2.0)
#: Kind of budget → the column that holds it in a report's rows.
COLUMNS = {"epsilon": "epsilon", "snr_db": "snr_db_target"}
#: Where one signal-to-noise ratio stands for all, in dB: speech that is harmed, and not yet drowned.
TYPICAL_SNR_DB = 10.0


@dataclass(frozen=True)
class Budget:
    """How much noise may be added.

    Attributes:
        kind: "epsilon", the paper's perturbation factor, or "snr_db", a signal-to-noise ratio in dB.
        value: The factor, at least 0, or the ratio.
    """

    kind: str
    value: float

    def __post_init__(self) -> None:
        if self.kind not in COLUMNS:
            raise InputError(f'budget: expected "epsilon" or "snr_db". Received: {self.kind!r}')
        if not np.isfinite(self.value) or (self.kind == "epsilon" and self.value < 0):
            raise InputError(f"{self.kind}: expected a finite number, and ε not negative. Received: {self.value}")

    def __str__(self) -> str:
        """Spells it as people read it: "ε = 2", "−5 dB"."""
        # Adding zero makes of -0.0 what it is.
        return f"ε = {self.value:g}" if self.kind == "epsilon" else f"{self.value + 0.0:g} dB".replace("-", "−")

    @property
    def column(self) -> str:
        """The column that holds it in a report's rows."""
        return COLUMNS[self.kind]

    @property
    def noisiness(self) -> float:
        """Orders budgets of one kind: the larger, the more noise."""
        return self.value if self.kind == "epsilon" else -self.value

    def row(self) -> dict[str, float]:
        """Returns the budget as a report's row holds it."""
        return {self.column: self.value}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Budget:
        """Returns the budget of a report's row: the way back from `row`."""
        kind = next(kind for kind, column in COLUMNS.items() if row.get(column) is not None)
        return cls(kind, float(row[COLUMNS[kind]]))


def Epsilon(value: float) -> Budget:  # noqa: N802
    """Returns the budget of a perturbation factor ε (paper, section 3)."""
    return Budget("epsilon", float(value))


def SNR(value: float) -> Budget:  # noqa: N802
    """Returns the budget of a signal-to-noise ratio, in dB."""
    return Budget("snr_db", float(value))


def budgets(epsilons: Iterable[float], snrs_db: Iterable[float]) -> list[Budget]:
    """Returns the budgets of some factors and ratios, in this order."""
    return [*map(Epsilon, epsilons), *map(SNR, snrs_db)]


def ascending(found: Iterable[Budget]) -> list[Budget]:
    """Returns budgets with the factors first, each kind from little noise to much."""
    return sorted(found, key=lambda budget: (budget.kind, budget.noisiness))


def typical(snrs_db: Iterable[float]) -> list[float]:
    """Returns the ratio nearest to 10 dB, of two equally near the one with more noise; [] of none."""
    return sorted(snrs_db, key=lambda snr_db: (abs(snr_db - TYPICAL_SNR_DB), snr_db))[:1]
