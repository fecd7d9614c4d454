"""When a training slows down and when it stops."""

from __future__ import annotations

import keras
import numpy as np


class LearningRateRule(keras.callbacks.Callback):
    """Halves the learning rate after `patience` epochs without improvement; stops below `lowest` (paper, section 4).

    Args:
        monitor: Name of the figure watched; higher is better.
        patience: Epochs without improvement before the rate is halved.
        lowest: Training stops once the rate is below it.
    """

    def __init__(self, monitor: str = "val_uar", patience: int = 5, lowest: float = 1e-5) -> None:
        super().__init__()
        self.monitor, self.patience, self.lowest = monitor, patience, lowest
        self.best, self.best_epoch, self.wait = -np.inf, -1, 0
        self.best_weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the weights of the best epoch, and halves or stops."""
        value = (logs or {})[self.monitor]
        if value > self.best:
            self.best, self.best_epoch, self.wait = float(value), epoch, 0
            self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait < self.patience:
            return
        self.wait = 0
        self.stalled()

    def stalled(self) -> None:
        """Halves the rate, and stops below the lowest."""
        rate = float(self.model.optimizer.learning_rate) / 2
        self.model.optimizer.learning_rate = rate
        if rate < self.lowest:
            self.model.stop_training = True


class EarlyStopping(LearningRateRule):
    """Stops after `patience` epochs without improvement; the rates stay as they are (paper, section 5.3)."""

    def stalled(self) -> None:
        """Stops."""
        self.model.stop_training = True
