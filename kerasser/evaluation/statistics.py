"""Intervals and tests that know that utterances of one speaker are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from kerasser.evaluation.metrics import unweighted_average_recall

_ROUNDS = 20
#: Fewer speakers than these show the range over them: intervals would hold the truth in 48 to 81 % of the cases.
RANGE_BELOW = 5
#: Up to so many speakers, intervals hold it in 82 to 90 % of the cases instead of 95 (docs/figures.md).
WARN_UP_TO = 10


class SpeakerBootstrap:
    """Percentile bootstrap that resamples whole speakers, and training seeds where there are several.

    All errors that one instance computes rest on the same resamples, so that differences between them are paired.
    Resamples in which a class has no utterance are drawn again, as its recall is undefined. Fewer than five speakers
    resampled say next to nothing of others: instead of an interval there is then the range over these.

    Args:
        speakers: One name an utterance.
        labels: int `[utterances]`.
        classes: Number of classes.
        seeds: Training seeds; an answer is then given for each.
        replicates: Bootstrap replicates.
        confidence: Coverage of the intervals, in (0, 1).
        seed: Makes the resamples repeatable.

    Attributes:
        speakers: How many there are.
        usable: False where a class has fewer than two speakers: its spread between speakers cannot be seen, and an
            interval would feign precision; and where most resamples lack some class.
        is_range: Whether `spread` is the range over the speakers, and no interval.
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
        self._shape, self.speakers = (names.size, classes), int(names.size)
        self.is_range = self.speakers < RANGE_BELOW
        self._counts = counts = np.zeros(self._shape)
        np.add.at(counts, (self._index, self._labels), 1.0)
        self.usable = bool((counts > 0).sum(axis=0).min() >= 2)
        if self.usable:
            generator = np.random.default_rng(seed)
            self._times = _resamples(generator, counts, replicates)
            self.usable = len(self._times) == replicates
        if self.usable:
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
            row[:] = self._times @ self._hits(answers) / self._seen
        return 100.0 - 100.0 * np.einsum("krc,rk->r", recalls, self._seeds) / self._shape[1]

    def errors_by_speaker(self, correct: np.ndarray) -> np.ndarray:
        """Returns each speaker's own error, in percent; NaN of speakers who lack a class.

        Args:
            correct: As for `errors`; over several seeds it is the mean.
        """
        hits = self._hits(np.atleast_2d(correct).mean(axis=0))
        with np.errstate(invalid="ignore"):
            return 100.0 - 100.0 * (hits / self._counts).mean(axis=1)

    def _hits(self, answers: np.ndarray) -> np.ndarray:
        """Returns what each speaker's right answers add up to, `[speakers, classes]`."""
        hits = np.zeros(self._shape)
        np.add.at(hits, (self._index, self._labels), answers)
        return hits

    def spread(self, figure: Callable[..., np.ndarray], *correct: np.ndarray) -> tuple[float, float] | None:
        """Returns the interval of a figure that errors make; over few speakers, its least and its largest.

        Args:
            figure: From the errors of the answers below, an array each, to the figure; where it is NaN it is undefined.
            *correct: Answers of one or several systems, as for `errors`.

        Returns:
            Lower and upper end; None where fewer than two speakers have a figure of their own.
        """
        measure = self.errors_by_speaker if self.is_range else self.errors
        values = figure(*map(measure, correct))
        values = values[np.isfinite(values)]
        if not self.is_range:
            low, high = self.interval(values)
            return low, high
        return (float(values.min()), float(values.max())) if values.size > 1 else None

    def observed(self, correct: np.ndarray) -> float:
        """Returns the error, 100 − UA, of the utterances as they are, in percent; NaN if a class is absent.

        Args:
            correct: As for `errors`.
        """
        return 100.0 - unweighted_average_recall(self._labels, np.atleast_2d(correct).mean(axis=0), self._shape[1])

    def interval(self, values: np.ndarray) -> list[float]:
        """Returns the lower and upper percentile of a figure of every replicate."""
        tail = 50.0 * (1.0 - self._confidence)
        low, high = np.percentile(values, [tail, 100.0 - tail])
        return [float(low), float(high)]


def _resamples(generator: np.random.Generator, counts: np.ndarray, replicates: int) -> np.ndarray:
    """Returns how often each speaker comes in each replicate, `[replicates, speakers]`; fewer if a class is rare."""
    speakers = len(counts)
    kept = np.empty((0, speakers))
    for _ in range(_ROUNDS):
        times = generator.multinomial(speakers, np.full(speakers, 1.0 / speakers), size=replicates)
        kept = np.concatenate([kept, times[(times @ counts > 0).all(axis=1)]])
        if len(kept) >= replicates:
            break
    return kept[:replicates]


def quartiles(values: Iterable[float]) -> dict[str, float | int] | None:
    """Returns `median`, `q25`, `q75` and the number `n` of the finite values; None where there is none."""
    known = np.asarray(list(values), float)
    known = known[np.isfinite(known)]
    if known.size == 0:
        return None
    low, middle, high = np.percentile(known, [25, 50, 75])
    return {"median": float(middle), "q25": float(low), "q75": float(high), "n": int(known.size)}


def least_p(speakers: int) -> float:
    """Returns the least one-sided p that so many speakers allow: 2⁻ⁿ, that of the sign test.

    All of n speakers lean the same way by chance as often as that, which no resampling of the same few makes rarer.
    """
    return 0.5**speakers


def one_sided_p(differences: np.ndarray, speakers: int) -> float:
    """Returns how probable it is that a difference is not below zero, from its bootstrap replicates.

    The share of replicates at or above zero, counting the observed one too, so that it is never 0
    (Davison & Hinkley 1997, section 4.2.1), and never below `least_p`.

    Args:
        differences: One a replicate.
        speakers: How many were drawn from.
    """
    return max(float((1 + np.sum(differences >= 0)) / (1 + differences.size)), least_p(speakers))


def two_sided_p(differences: np.ndarray, speakers: int) -> float:
    """Returns how probable a difference at least this far from zero is, from its bootstrap replicates.

    Twice the smaller of both one-sided p, at most 1, so that it agrees with the percentile interval, but for few
    speakers: fewer than six cannot reach 0.05. Of R replicates no p is below 2 / (R + 1): what is to survive `holm`
    over m tests at the level α needs R ≥ 2 m / α.

    Args:
        differences: One a replicate.
        speakers: How many were drawn from.
    """
    return min(1.0, 2.0 * min(one_sided_p(differences, speakers), one_sided_p(-differences, speakers)))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusts p for the number of tests: below α with a probability of at most α if any hypothesis is true.

    The step-down procedure of Holm (1979), "A simple sequentially rejective multiple test procedure". It asks nothing
    of how the tests hang together, and tests over the same speakers do.

    Args:
        p_values: Name of each test → its p, in [0, 1]. A test that could not be done is no test: leave it out.

    Returns:
        Adjusted p in [0, 1], never below the raw one, in the same order.

    Raises:
        ValueError: If a p is not in [0, 1].
    """
    wrong = {name: p for name, p in p_values.items() if not 0.0 <= p <= 1.0}
    if wrong:
        raise ValueError(f"expected p in [0, 1]. Received: {wrong}")
    if not p_values:
        return {}
    # Whoever asks for the help of a command need not wait a second for it.
    from statsmodels.stats.multitest import multipletests

    adjusted = multipletests(list(p_values.values()), method="holm")[1]
    return {name: float(p) for name, p in zip(p_values, adjusted, strict=True)}
