"""Halving: the paper's rule (section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from kerasser.training.rules.base import Decision

NAME = "halving"


@dataclass(frozen=True)
class Halving:
    """Halves the rate after `patience` epochs without improvement; stops below `lowest_rate`."""

    patience: int
    lowest_rate: float

    def __call__(self, epoch: int, waited: int, rate: float) -> Decision:
        """Decides; see `Rule`."""
        if waited < self.patience:
            return Decision(rate)
        return Decision(rate / 2, stop=rate / 2 < self.lowest_rate, restart=True)


RULE = Halving
