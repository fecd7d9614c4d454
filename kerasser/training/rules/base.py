"""What a learning-rate rule is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Decision:
    """What follows from an epoch.

    Attributes:
        rate: The learning rate from now on.
        stop: Whether training ends.
        restart: Whether epochs without improvement are counted anew.
    """

    rate: float
    stop: bool = False
    restart: bool = False


class Rule(Protocol):
    """Decides after every epoch; made with `patience` and `lowest_rate`, as `kerasser.training.rules.rule` says."""

    def __call__(self, epoch: int, waited: int, rate: float) -> Decision:
        """Decides.

        Args:
            epoch: Number of the epoch that has ended, from 0.
            waited: Epochs since the development figure was best, or since the last restart; 0 after an improvement.
            rate: The learning rate of that epoch.
        """
        ...
