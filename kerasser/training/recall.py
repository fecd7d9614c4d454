"""Unweighted average recall as Keras measures it, batch by batch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("kerasser")
class UnweightedAverageRecall(keras.metrics.Metric):
    """Mean of the per-class recalls, in percent; NaN as long as a class has no example.

    Over the classes seen alone, a constant answer to speech of one class would score 100.

    Args:
        classes: Number of classes.
    """

    def __init__(self, classes: int, name: str = "uar", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.classes = classes
        self.hits = self.add_weight(name="hits", shape=(classes,), initializer="zeros")
        self.counts = self.add_weight(name="counts", shape=(classes,), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch; class weights are left out, since recall already weighs classes alike."""
        truth = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), self.classes)
        answer = ops.one_hot(ops.argmax(y_pred, axis=-1), self.classes)
        self.hits.assign_add(ops.sum(truth * answer, axis=0))
        self.counts.assign_add(ops.sum(truth, axis=0))

    def result(self) -> Any:
        """Returns the mean of the recalls, in percent, or NaN where a class is absent."""
        recalls = self.hits / ops.maximum(self.counts, 1.0)
        return ops.where(ops.all(self.counts > 0), 100.0 * ops.sum(recalls) / self.classes, np.nan)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "classes": self.classes}
