"""Confusion, recalls, unweighted average recall and error."""

from __future__ import annotations

import numpy as np


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


def guess_worst_of(classes: int, draws: int) -> float:
    """Returns the error of whoever guesses anew at every draw, where one wrong answer of N counts as wrong.

    100 · (1 − 1 / classes^N), in percent: what an error for the worst of N draws is to be compared with; chance, 50 %
    of two classes, is for one draw.

    Args:
        classes: Number of classes.
        draws: N.
    """
    return 100.0 * (1.0 - float(classes) ** -draws)
