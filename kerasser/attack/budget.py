"""How much noise an attacker may add: a perturbation factor ε, or a signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kerasser.util.errors import InputError

#: The paper's range of the perturbation factor.
EPSILONS = (0.1, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Budget:
    """How much noise may be added: a perturbation factor ε, or a signal-to-noise ratio in dB."""

    kind: str
    value: float

    def __post_init__(self) -> None:
        if self.kind not in ("epsilon", "snr_db"):
            raise InputError(f'budget: expected "epsilon" or "snr_db". Received: {self.kind!r}')
        if not np.isfinite(self.value) or (self.kind == "epsilon" and self.value < 0):
            raise InputError(f"{self.kind}: expected a finite number, and ε not negative. Received: {self.value}")


def budgets(epsilons: Iterable[float], snrs_db: Iterable[float]) -> list[Budget]:
    """Returns the budgets of some factors and ratios, in this order."""
    return [
        *(Budget("epsilon", float(epsilon)) for epsilon in epsilons),
        *(Budget("snr_db", float(snr_db)) for snr_db in snrs_db),
    ]
