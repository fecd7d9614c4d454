"""Early stopping: the rate stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

from kerasser.training.rules.base import Decision

NAME = "early_stopping"


@dataclass(frozen=True)
class EarlyStopping:
    """Stops after `patience` epochs without improvement (paper, section 5.3: "until convergence")."""

    patience: int
    lowest_rate: float = 0.0

    def __call__(self, epoch: int, waited: int, rate: float) -> Decision:
        """Decides; see `Rule`."""
        return Decision(rate, stop=waited >= self.patience, restart=waited >= self.patience)


RULE = EarlyStopping
