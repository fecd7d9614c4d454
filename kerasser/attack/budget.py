"""How much is done to speech: a perturbation factor ε, a signal-to-noise ratio, or a channel at one of its levels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasser.attack import channels
from kerasser.util.errors import InputError

#: The paper's range of the perturbation factor.
EPSILONS = (0.1, 0.5, 1.0, 1.5, 2.0)
#: Kind of budget → the column that holds it in a report's rows.
COLUMNS = {"epsilon": "epsilon", "snr_db": "snr_db_target"}
#: The columns that hold a channel and its level.
CHANNEL_COLUMNS = ("channel", "level")
#: Where one signal-to-noise ratio stands for all, in dB: speech that is harmed, and not yet drowned.
TYPICAL_SNR_DB = 10.0


@dataclass(frozen=True)
class Budget:
    """How much is done to speech.

    Attributes:
        kind: "epsilon", the paper's perturbation factor, "snr_db", a signal-to-noise ratio in dB, or the name of a
            channel.
        value: The factor, at least 0, the ratio, or the channel's level.
    """

    kind: str
    value: float

    def __post_init__(self) -> None:
        if self.kind not in COLUMNS:
            if self.kind not in channels.known():
                known = ", ".join(channels.known())
                raise InputError(
                    f'budget: expected "epsilon" or "snr_db", or a channel ({known}). Received: {self.kind!r}'
                )
            channels.get(self.kind).check(self.value)
        if not np.isfinite(self.value) or (self.kind == "epsilon" and self.value < 0):
            raise InputError(f"{self.kind}: expected a finite number, and ε not negative. Received: {self.value}")

    def __str__(self) -> str:
        """Spells it as people read it: "ε = 2", "−5 dB", "room, RT60 0.6 s"."""
        if self.is_channel:
            return channels.spelled(self.kind, self.value)
        # Adding zero makes of -0.0 what it is.
        return f"ε = {self.value:g}" if self.kind == "epsilon" else f"{self.value + 0.0:g} dB".replace("-", "−")

    @property
    def is_channel(self) -> bool:
        """Whether it is a channel, and no amount of noise."""
        return self.kind not in COLUMNS

    @property
    def column(self) -> str:
        """The column that holds its amount in a report's rows."""
        return COLUMNS.get(self.kind, CHANNEL_COLUMNS[1])

    @property
    def noisiness(self) -> float:
        """Orders budgets of one kind: the larger, the more is done."""
        if self.is_channel:
            return channels.get(self.kind).severity(self.value)
        return self.value if self.kind == "epsilon" else -self.value

    def row(self) -> dict[str, Any]:
        """Returns the budget as a report's row holds it."""
        return {"channel": self.kind, "level": self.value} if self.is_channel else {self.column: self.value}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Budget:
        """Returns the budget of a report's row: the way back from `row`."""
        name, level = (row.get(column) for column in CHANNEL_COLUMNS)
        if name is not None and level is not None:
            return cls(str(name), float(level))
        kind = next(kind for kind, column in COLUMNS.items() if row.get(column) is not None)
        return cls(kind, float(row[COLUMNS[kind]]))


def Epsilon(value: float) -> Budget:  # noqa: N802
    """Returns the budget of a perturbation factor ε (paper, section 3)."""
    return Budget("epsilon", float(value))


def SNR(value: float) -> Budget:  # noqa: N802
    """Returns the budget of a signal-to-noise ratio, in dB."""
    return Budget("snr_db", float(value))


def Channel(name: str, level: float | None = None) -> Budget:  # noqa: N802
    """Returns the budget of a channel, such as "telephone" or "reverberation".

    Args:
        name: Its name: see `kerasser.attack.channels`.
        level: Its level; None takes the mildest of those that it has by default.

    Raises:
        InputError: If there is no such channel or level.
    """
    return Budget(name, channels.get(name).levels[0] if level is None else float(level))


def of_channels(specs: Sequence[str]) -> list[Budget]:
    """Returns the budgets of channels as settings spell them: see `kerasser.attack.channels.chosen`."""
    return [Budget(name, level) for name, level in channels.chosen(specs)]


def budgets(epsilons: Iterable[float], snrs_db: Iterable[float]) -> list[Budget]:
    """Returns the budgets of some factors and ratios, in this order."""
    return [*map(Epsilon, epsilons), *map(SNR, snrs_db)]


def ascending(found: Iterable[Budget]) -> list[Budget]:
    """Returns budgets with the factors first, then the ratios, then the channels; each kind from little to much."""
    order = [*COLUMNS, *channels.known()]
    return sorted(found, key=lambda budget: (order.index(budget.kind), budget.noisiness))


def typical(snrs_db: Iterable[float]) -> list[float]:
    """Returns the ratio nearest to 10 dB, of two equally near the one with more noise; [] of none."""
    return sorted(snrs_db, key=lambda snr_db: (abs(snr_db - TYPICAL_SNR_DB), snr_db))[:1]
