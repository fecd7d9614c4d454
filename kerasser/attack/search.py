"""Black-box search: which piece of noise, at the same budget, turns a recogniser's answer wrong with few queries.

The attacker sees what the victim answers and nothing else, and chooses environment, recording and offset. Two searches
spend the same number of queries: random draws, and a Bayesian search that learns from every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from kerasser.attack.draws import Draw, Seeds, draw, segment
from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.bank import Recording

#: Environment → its recordings, all of one stretch.
Noise = Mapping[str, Sequence[Recording]]

# How margins go together: those of one environment, of one recording, of offsets that lie near each other. Shares of
# the variance, as seen on the demo corpus' classifier (0.77 between offsets 10 ms apart, 0.56 at 0.1 s, 0.35 at 0.3 s,
# within a recording, whose own variance is a quarter of that between environments).
_ENVIRONMENT, _RECORDING, _OFFSET = 0.6, 0.15, 0.25
_NEAR, _NEAR_S, _NEAR_POWER = 0.82, 0.28, 0.7
_FRESH, _STEPS_S = 16, (0.04, 0.08, 0.16, 0.32)


@dataclass(frozen=True)
class Query:
    """One question to the victim, answered.

    Attributes:
        draw: The piece of noise.
        margin: By how much the truth wins, below 0 where another class does.
        correct: Whether the answer is right, which at a margin of 0 the margin does not say.
        snr_db: Realised signal-to-noise ratio, in dB: see `kerasser.attack.perturbation.Perturbed`.
        clipped: Share of the samples beyond full scale, in [0, 1].
    """

    draw: Draw
    margin: float
    correct: bool
    snr_db: float = float("nan")
    clipped: float = 0.0


#: Asks the victim about a draw.
Ask = Callable[[Draw], Query]


def random_search(
    noise: Noise, samples: int, ask: Ask, queries: int, seeds: Seeds, *, stop: bool = True
) -> list[Query]:
    """Tries random pieces of noise, one environment after the other by name: best of N.

    These are the first draws of `kerasser.attack.generation.attacks`, in the order in which reports count them.

    Args:
        noise: What may be drawn.
        samples: How long the utterance is.
        ask: Asks the victim.
        queries: Most questions, N.
        seeds: Of the draws.
        stop: Whether the first success ends the search.

    Returns:
        The questions, in order.

    Raises:
        InputError: If a recording is digital silence wherever a draw looks.
    """
    environments, asked = sorted(noise), list[Query]()
    for number in range(queries):
        environment = environments[number % len(environments)]
        asked.append(ask(draw(noise[environment], samples, seeds.of(environment, number // len(environments)))))
        if stop and not asked[-1].correct:
            break
    return asked


def one_draw(noise: Noise, samples: int, ask: Ask, seeds: Seeds) -> Query:
    """Tries one random piece of one environment, which is drawn too.

    Args:
        noise: What may be drawn.
        samples: How long the utterance is.
        ask: Asks the victim.
        seeds: Of the draw.

    Raises:
        InputError: If a recording is digital silence wherever a draw looks.
    """
    places = sorted(noise)
    place = places[int(seeds.of_choice("environment"), 16) % len(places)]
    (query,) = random_search({place: noise[place]}, samples, ask, 1, seeds)
    return query


def bayesian_search(
    noise: Noise, samples: int, ask: Ask, queries: int, seeds: Seeds, *, stop: bool = True
) -> list[Query]:
    """Asks next where success is most probable, given what was answered (Kushner 1964, "A new method of locating").

    It begins as `random_search` does, with one random piece of each environment. Then a Gaussian process over
    environment, recording and offset says how probable it is that a piece leads below 0, or below the best so far once
    that is below 0; the candidates are random pieces of every environment and those some hundredths of a second from
    the two best.

    Args:
        noise: What may be drawn.
        samples: How long the utterance is.
        ask: Asks the victim.
        queries: Most questions, N.
        seeds: Of the draws; the first of each environment is that of `random_search`.
        stop: Whether the first success ends the search.

    Returns:
        The questions, in order.

    Raises:
        InputError: If a recording is digital silence wherever a draw looks.
    """
    asked = random_search(noise, samples, ask, min(queries, len(noise)), seeds, stop=stop)
    while len(asked) < queries and not (stop and not asked[-1].correct):
        candidates = _candidates(noise, samples, asked, seeds.of_choice("candidates", len(asked)))
        mean, deviation = _posterior([query.draw for query in asked], [query.margin for query in asked], candidates)
        goal = min(0.0, *(query.margin for query in asked))
        # As the normal distribution's tail falls, so does the probability.
        ranked = np.argsort((mean - goal) / deviation, kind="stable")
        chosen = next(
            (candidates[place] for place in ranked if _sounds(noise, samples, candidates[place])), asked[0].draw
        )
        asked.append(ask(chosen))
    return asked


def _candidates(noise: Noise, samples: int, asked: Sequence[Query], seed: str) -> list[Draw]:
    """Returns pieces that have not been asked about; some may be digital silence."""
    generator, found = np.random.default_rng(int(seed, 16)), list[Draw]()
    for environment, recordings in noise.items():
        lengths = np.array([each.waveform.size for each in recordings])
        chosen = generator.choice(lengths.size, _FRESH, p=lengths / lengths.sum())
        offsets = (generator.random(_FRESH) * _places(lengths, samples)[chosen]).astype(int)
        names = [recordings[number].name for number in chosen]
        found += [Draw(environment, name, int(offset), seed) for name, offset in zip(names, offsets, strict=True)]
    sizes = {(place, each.name): each.waveform.size for place, recordings in noise.items() for each in recordings}
    for query in sorted(asked, key=lambda query: query.margin)[:2]:
        places = int(_places(np.array(sizes[query.draw.environment, query.draw.recording]), samples))
        shifts = [sign * round(step * SAMPLE_RATE_HZ) for step in _STEPS_S for sign in (-1, 1)]
        found += [replace(query.draw, offset=(query.draw.offset + shift) % places, seed=seed) for shift in shifts]
    known = {_place(query.draw) for query in asked}
    return [each for each in found if _place(each) not in known] or found


def _places(sizes: np.ndarray, samples: int) -> np.ndarray:
    """Returns at how many samples of recordings a piece may begin, as `draw` has it."""
    return np.where(sizes >= samples, sizes - samples + 1, sizes)


def _sounds(noise: Noise, samples: int, drawn: Draw) -> bool:
    waveform = next(each.waveform for each in noise[drawn.environment] if each.name == drawn.recording)
    return bool(np.ptp(segment(waveform, drawn.offset, samples)) > 0)


def _place(drawn: Draw) -> tuple[str, str, int]:
    return drawn.environment, drawn.recording, drawn.offset


def _posterior(
    known: Sequence[Draw], margins: Sequence[float], wanted: Sequence[Draw]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and deviation of the margins of some pieces, given those of others (Rasmussen & Williams 2006).

    scikit-learn's `GaussianProcessRegressor`, given this covariance as a kernel of its own, finds the same to 1e-14. It
    takes three to five times as long, once for every query, and needs the places as numbers and the kernel as a class.
    """
    centre = float(np.mean(margins))
    residual = np.asarray(margins) - centre
    factor = scipy.linalg.cho_factor(_covariance(known, known) + 1e-6 * np.eye(len(known)))
    across = _covariance(wanted, known)
    mean = centre + across @ scipy.linalg.cho_solve(factor, residual)
    left = 1.0 - np.einsum("wk,kw->w", across, scipy.linalg.cho_solve(factor, across.T))
    return mean, np.sqrt(np.maximum(left, 1e-9))


def _covariance(one: Sequence[Draw], other: Sequence[Draw]) -> np.ndarray:
    """Returns how alike the margins of pieces are, `[one, other]`, 1 for the same piece."""

    def equal(of: Callable[[Draw], object]) -> np.ndarray:
        return np.array([of(a) for a in one])[:, None] == np.array([of(b) for b in other])[None, :]

    distance = np.abs(np.subtract.outer([a.offset for a in one], [b.offset for b in other])) / SAMPLE_RATE_HZ
    near = np.where(distance == 0, 1.0, _NEAR * np.exp(-((distance / _NEAR_S) ** _NEAR_POWER)))
    environment = equal(lambda drawn: drawn.environment)
    recording = environment & equal(lambda drawn: drawn.recording)
    return _ENVIRONMENT * environment + recording * (_RECORDING + _OFFSET * near)
