"""Two systems on the same utterances: how far apart they are, how certain that is, and what could have been found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from statsmodels.stats import contingency_tables

from kerasser.evaluation.statistics import SpeakerBootstrap, least_p, two_sided_p


@dataclass(frozen=True)
class McNemar:
    """McNemar's test.

    Attributes:
        first_only: Utterances that only the first system answers rightly.
        second_only: Utterances that only the second answers rightly.
        p: Two-sided, exact, in (0, 1]; 1 where both systems are right on the same utterances.
    """

    first_only: int
    second_only: int
    p: float


@dataclass(frozen=True)
class PairedDifference:
    """How far the error of a first system lies above that of a second.

    Attributes:
        estimate: First minus second, in points of UA, [-100, 100]; None where a class has no utterance.
        interval: Its percentile interval, of few speakers its range over them; None where the bootstrap is not usable.
        p: Two-sided, that there is no difference, in (0, 1]; None where the bootstrap is not usable.
    """

    estimate: float | None
    interval: tuple[float, float] | None
    p: float | None


def mcnemar(first_correct: np.ndarray, second_correct: np.ndarray) -> McNemar:
    """Tests whether two systems are right equally often, by the utterances on which only one of them is.

    Under the null hypothesis each of these is won by either system with probability ½, so p is binomial
    (McNemar 1947, "Note on the sampling error of the difference between correlated proportions"; exact form).

    Utterances of one speaker are not independent, which this test takes them to be: its p is too small where speakers
    differ. Report it beside the bootstrap over speakers (`paired_difference`) and never instead of it. It also weighs
    utterances alike, where UA weighs classes alike.

    Args:
        first_correct: bool `[utterances]`. Of several draws or seeds, one answer an utterance: say, right in all.
        second_correct: bool `[utterances]`, the same utterances in the same order.

    Raises:
        ValueError: If the answers are not bool, or not of the same utterances.
    """
    first, second = np.asarray(first_correct), np.asarray(second_correct)
    if first.dtype != bool or second.dtype != bool or first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            "expected one bool an utterance from both systems. "
            f"Received: {first.dtype} {first.shape} and {second.dtype} {second.shape}"
        )
    first_only, second_only = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    if not first_only + second_only:
        return McNemar(0, 0, 1.0)
    # Utterances that both or neither answer rightly take no part in the exact test.
    found = contingency_tables.mcnemar([[0, first_only], [second_only, 0]], exact=True)
    return McNemar(first_only, second_only, float(found.pvalue))


def paired_difference(
    bootstrap: SpeakerBootstrap, first_correct: np.ndarray, second_correct: np.ndarray
) -> PairedDifference:
    """Compares the errors of two systems over the same resamples of the speakers, so that what they share cancels.

    With few speakers it is too bold, as the interval is: in simulation p falls below 0.05 in about 6 % of the
    comparisons of equals over 20 or more speakers, 8 % over 10 and 12 % over 6. Over fewer it never does.

    Args:
        bootstrap: Resamples of the speakers, and of the seeds where there are several.
        first_correct: `[utterances]` or `[seeds, utterances]`, in [0, 1], as for `SpeakerBootstrap.errors`.
        second_correct: The same for the second system.
    """
    estimate = bootstrap.observed(first_correct) - bootstrap.observed(second_correct)
    if not bootstrap.usable:
        return PairedDifference(None if np.isnan(estimate) else estimate, None, None)
    differences = bootstrap.errors(first_correct) - bootstrap.errors(second_correct)
    interval = bootstrap.spread(np.subtract, first_correct, second_correct)
    return PairedDifference(estimate, interval, two_sided_p(differences, bootstrap.speakers))


def minimum_detectable_difference(
    bootstrap: SpeakerBootstrap,
    first_correct: np.ndarray,
    second_correct: np.ndarray,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float | None:
    """Returns how large a difference in error these speakers can show, in points of UA.

    (z_{1−α/2} + z_power) · SE, where SE is the bootstrap's standard error of the paired difference: the size that a
    two-sided test at the level α finds with the given power if the difference is normal and spreads as it does here
    (Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences"). A smaller difference that was not found may
    well exist. It is a figure of the pair of systems as well as of the speakers: alike systems are told apart more
    easily.

    Args:
        bootstrap: Resamples of the speakers, and of the seeds where there are several.
        first_correct: As for `paired_difference`.
        second_correct: As for `paired_difference`.
        power: Probability to find a difference of that size, in (0, 1).
        alpha: Level of the two-sided test, in (0, 1).

    Returns:
        A size above 0; None where the bootstrap is not usable, where so few speakers can reach no p below α, or where
        no resample differs from another, as between systems with the same answers: there is no spread to judge from.

    Raises:
        ValueError: If `power` or `alpha` is not in (0, 1).
    """
    if not (0.0 < power < 1.0 and 0.0 < alpha < 1.0):
        raise ValueError(f"expected power and alpha in (0, 1). Received: {power} and {alpha}")
    if not bootstrap.usable or 2.0 * least_p(bootstrap.speakers) > alpha:
        return None
    error = float(np.std(bootstrap.errors(first_correct) - bootstrap.errors(second_correct), ddof=1))
    quantiles = float(stats.norm.ppf(1.0 - alpha / 2.0) + stats.norm.ppf(power))
    return None if np.isclose(error, 0.0) else quantiles * error
