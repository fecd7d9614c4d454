"""Follows a learning-rate rule, and keeps the best epoch."""

from __future__ import annotations

import keras
import numpy as np

from kerasser.training.rules import Rule
from kerasser.util.arrays import Array


class Schedule(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, and lets a rule decide about the rate and the end.

    Args:
        rule: Decides.
        monitor: Name of the figure watched; higher is better.
    """

    def __init__(self, rule: Rule, monitor: str = "val_uar") -> None:
        super().__init__()
        self.rule, self.monitor = rule, monitor
        self.best, self.best_epoch, self.wait = -np.inf, -1, 0
        self.best_weights: list[Array] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps what is best, and does what the rule says."""
        value = (logs or {})[self.monitor]
        if value > self.best:
            self.best, self.best_epoch, self.wait = float(value), epoch, 0
            self.best_weights = self.model.get_weights()
        else:
            self.wait += 1
        rate = float(self.model.optimizer.learning_rate)
        decision = self.rule(epoch, self.wait, rate)
        if decision.rate != rate:
            self.model.optimizer.learning_rate = decision.rate
        if decision.restart:
            self.wait = 0
        if decision.stop:
            self.model.stop_training = True
