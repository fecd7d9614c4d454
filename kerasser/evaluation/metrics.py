"""Confusion, recalls, unweighted average recall and error."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Returns counts, int `[classes, classes]`: rows are the truth, columns the answer."""
    return np.bincount(np.asarray(labels) * classes + predictions, minlength=classes**2).reshape(classes, classes)


def is_correct(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Returns which answers are right: those whose largest score, the first of equal ones, is the truth's.

    It is the one rule for what is right, on clean and on attacked speech and for every attacker. A margin of 0 is a
    tie, which says nothing of who wins: argmax decides, so that a model that answers nothing but ties is as good as a
    constant answer.

    Args:
        labels: The truth, int `[...]`.
        predicted: argmax of the scores, int, of the same shape.
    """
    return np.asarray(labels) == np.asarray(predicted)


def unweighted_average_recall(labels: np.ndarray, correct: np.ndarray, classes: int) -> float:
    """Returns the mean of the per-class recalls, in percent (the paper's UA).

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
    """Mean recall over the classes seen so far, in percent.

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
        """Returns the mean of the recalls, in percent."""
        seen = ops.cast(self.counts > 0, "float32")
        recalls = self.hits / ops.maximum(self.counts, 1.0)
        return 100.0 * ops.sum(recalls * seen) / ops.maximum(ops.sum(seen), 1.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "classes": self.classes}
