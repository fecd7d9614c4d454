"""Confusion, recalls, unweighted average recall and error."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Returns counts, int `[classes, classes]`: rows are the truth, columns the answer."""
    return np.bincount(np.asarray(labels) * classes + predictions, minlength=classes**2).reshape(classes, classes)


def unweighted_average_recall(labels: np.ndarray, correct: np.ndarray, classes: int) -> float:
    """Returns the mean of the per-class recalls, in percent (the paper's UA).

    audmetric, which the tests compare it with, takes answers alone: of several draws or seeds, a share is right.

    Args:
        labels: int `[utterances]`.
        correct: `[utterances]`, in [0, 1]: right or wrong, or the share of draws answered rightly.
        classes: Number of classes; one that has no utterance makes the figure undefined.

    Returns:
        A figure in [0, 100], or NaN if a class is absent.
    """
    counts = np.bincount(labels, minlength=classes)
    hits = np.bincount(labels, weights=correct, minlength=classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(100.0 * np.mean(hits / counts))


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
