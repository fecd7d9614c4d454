"""Intervals that know that utterances of one speaker are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def speaker_bootstrap(
    speakers: Sequence[str],
    labels: np.ndarray,
    correct: np.ndarray,
    *,
    classes: int,
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Returns a percentile bootstrap interval of the error, 100 − UA, resampling whole speakers.

    Replicates in which a class has no utterance are drawn again, as their recall is undefined.

    Args:
        speakers: One name an utterance.
        labels: int `[utterances]`.
        correct: `[utterances]`, in [0, 1].
        classes: Number of classes.
        replicates: Bootstrap replicates.
        confidence: Coverage, in (0, 1).
        seed: Makes the interval repeatable.

    Returns:
        Lower and upper bound in percent, or None where a class has fewer than two speakers: its
        spread between speakers cannot be seen, and the interval would feign precision.
    """
    names, index = np.unique(np.asarray(speakers), return_inverse=True)
    hits = np.zeros((names.size, classes))
    counts = np.zeros((names.size, classes))
    np.add.at(hits, (index, labels), correct)
    np.add.at(counts, (index, labels), 1.0)
    if (counts > 0).sum(axis=0).min() < 2:
        return None
    generator = np.random.default_rng(seed)
    shares = np.full(names.size, 1.0 / names.size)
    errors = np.empty(0)
    for _ in range(20):
        times = generator.multinomial(names.size, shares, size=replicates)
        seen = times @ counts
        usable = (seen > 0).all(axis=1)
        recalls = (times @ hits)[usable] / seen[usable]
        errors = np.concatenate([errors, 100.0 - 100.0 * recalls.mean(axis=1)])
        if errors.size >= replicates:
            tail = 50.0 * (1.0 - confidence)
            low, high = np.percentile(errors[:replicates], [tail, 100.0 - tail])
            return float(low), float(high)
    return None
