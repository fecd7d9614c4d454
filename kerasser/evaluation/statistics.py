"""Intervals and tests that know that utterances of one speaker are alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ROUNDS = 20


class SpeakerBootstrap:
    """Percentile bootstrap that resamples whole speakers, and training seeds where there are several.

    All errors that one instance computes rest on the same resamples, so that differences between them are paired.
    Resamples in which a class has no utterance are drawn again, as its recall is undefined.

    Args:
        speakers: One name an utterance.
        labels: int `[utterances]`.
        classes: Number of classes.
        seeds: Training seeds; an answer is then given for each.
        replicates: Bootstrap replicates.
        confidence: Coverage of the intervals, in (0, 1).
        seed: Makes the resamples repeatable.

    Attributes:
        usable: False where a class has fewer than two speakers: its spread between speakers cannot be seen, and an
            interval would feign precision.
    """

    def __init__(
        self,
        speakers: Sequence[str],
        labels: np.ndarray,
        *,
        classes: int,
        seeds: int = 1,
        replicates: int = 2000,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> None:
        names, self._index = np.unique(np.asarray(speakers), return_inverse=True)
        self._labels, self._confidence = np.asarray(labels), confidence
        self._shape = (names.size, classes)
        counts = np.zeros(self._shape)
        np.add.at(counts, (self._index, self._labels), 1.0)
        self.usable = bool((counts > 0).sum(axis=0).min() >= 2)
        if self.usable:
            generator = np.random.default_rng(seed)
            self._times = _resamples(generator, counts, replicates)
            self._seen = self._times @ counts
            self._seeds = generator.multinomial(seeds, np.full(seeds, 1.0 / seeds), size=replicates) / seeds

    def errors(self, correct: np.ndarray) -> np.ndarray:
        """Returns the error, 100 − UA, of every replicate, in percent.

        Args:
            correct: `[utterances]` or `[seeds, utterances]`, in [0, 1].
        """
        correct = np.atleast_2d(correct)
        recalls = np.zeros((len(correct), *self._seen.shape))
        for row, answers in zip(recalls, correct, strict=True):
            hits = np.zeros(self._shape)
            np.add.at(hits, (self._index, self._labels), answers)
            row[:] = self._times @ hits / self._seen
        return 100.0 - 100.0 * np.einsum("krc,rk->r", recalls, self._seeds) / self._shape[1]

    def interval(self, values: np.ndarray) -> list[float]:
        """Returns the lower and upper percentile of a figure of every replicate."""
        tail = 50.0 * (1.0 - self._confidence)
        low, high = np.percentile(values, [tail, 100.0 - tail])
        return [float(low), float(high)]


def _resamples(generator: np.random.Generator, counts: np.ndarray, replicates: int) -> np.ndarray:
    """Returns how often each speaker comes in each replicate, `[replicates, speakers]`."""
    speakers = len(counts)
    kept = np.empty((0, speakers))
    for _ in range(_ROUNDS):
        times = generator.multinomial(speakers, np.full(speakers, 1.0 / speakers), size=replicates)
        kept = np.concatenate([kept, times[(times @ counts > 0).all(axis=1)]])
        if len(kept) >= replicates:
            return kept[:replicates]
    raise ValueError("expected classes that most resamples of the speakers hold. Received: one that is too rare")


def one_sided_p(differences: np.ndarray) -> float:
    """Returns how probable it is that a difference is not below zero, from its bootstrap replicates.

    The share of replicates at or above zero, counting the observed one too, so that it is never 0
    (Davison & Hinkley 1997, section 4.2.1).
    """
    return float((1 + np.sum(differences >= 0)) / (1 + differences.size))
