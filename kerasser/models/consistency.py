"""The terms of consistency: how well, and how alike, an utterance's versions are answered (Hendrycks et al. 2020)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def jensen_shannon(logits: Any) -> Any:
    """Returns how far the answers to an utterance's versions lie from their mean: the Jensen–Shannon divergence.

    It is the mean of KL(pᵢ ‖ m) over the versions, where m is the mean of their probabilities pᵢ; in nats, 0 for equal
    answers, at most the logarithm of the number of versions.

    Args:
        logits: `[batch, versions, classes]`.

    Returns:
        `[batch]`.
    """
    log_p = tf.nn.log_softmax(logits)
    versions = tf.cast(tf.shape(logits)[1], log_p.dtype)
    # Of logarithms: a mean of probabilities would be 0 where an answer is beyond doubt.
    log_m = tf.reduce_logsumexp(log_p, axis=1, keepdims=True) - tf.math.log(versions)
    return tf.reduce_mean(tf.reduce_sum(tf.exp(log_p) * (log_p - log_m), axis=2), axis=1)


def cross_entropy(logits: Any, labels: Any, worst: bool = False) -> Any:
    """Returns the mean cross-entropy of an utterance's versions, or that of the hardest alone.

    Args:
        logits: `[batch, versions, classes]`.
        labels: `[batch]`, one for all versions.
        worst: Whether the hardest version counts alone.

    Returns:
        `[batch]`, in nats.
    """
    truth = tf.repeat(labels[:, None], tf.shape(logits)[1], axis=1)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits)
    return tf.reduce_max(each, axis=1) if worst else tf.reduce_mean(each, axis=1)
