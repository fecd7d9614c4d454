"""What the kinds of made noise are put together from: shaped noise, slow gains, events in time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.arrays import Array

# Below this, in Hz, nothing is heard; a tilt would put all of the power there.
_LOWEST_HZ = 20.0


def unit(waveform: Array) -> Array:
    """Returns a waveform of no mean and of variance 1; silence stays silence."""
    centred = waveform - waveform.mean()
    result: Array = centred / max(float(centred.std()), 1e-12)
    return result


def shaped(count: int, rng: np.random.Generator, level_db: Callable[[Array], Array]) -> Array:
    """Returns Gaussian noise of variance 1 with a spectrum: `[count]`.

    Args:
        count: Samples.
        rng: Draws the noise.
        level_db: From frequencies above 0, in Hz, to the level of the power spectrum there, in dB.
    """
    size = fft.next_fast_len(count, real=True)
    frequency = fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    audible = np.maximum(frequency, _LOWEST_HZ)
    gain = np.where(frequency >= _LOWEST_HZ, 10 ** (level_db(audible) / 20), 0.0)
    return unit(fft.irfft(fft.rfft(rng.standard_normal(size)) * gain, size)[:count])


def tilted(count: int, rng: np.random.Generator, db_per_octave: float, corner_hz: float = _LOWEST_HZ) -> Array:
    """Returns noise whose spectrum falls or rises by so many dB an octave above a corner, flat below: `[count]`."""
    return shaped(count, rng, lambda hz: db_per_octave * np.log2(np.maximum(hz, corner_hz) / 1000.0))


def slow(count: int, rng: np.random.Generator, every_s: float) -> Array:
    """Returns something that wanders around 0 with a deviation of about 1 and a new direction every `every_s` seconds.

    Straight lines between normal values: `[count]`.
    """
    knots = max(int(count / SAMPLE_RATE_HZ / every_s) + 2, 2)
    place = np.arange(count) / (every_s * SAMPLE_RATE_HZ)
    return np.interp(place, np.arange(knots), rng.standard_normal(knots))


def wander(count: int, rng: np.random.Generator, every_s: float, deviation_db: float) -> Array:
    """Returns a gain that changes slowly, by a deviation in dB: `[count]`."""
    result: Array = 10 ** (deviation_db * slow(count, rng, every_s) / 20)
    return result


def events(count: int, rng: np.random.Generator, per_s: float) -> Array:
    """Returns the first samples of events that come by chance, so many a second on average and at least one."""
    number = max(int(rng.poisson(per_s * count / SAMPLE_RATE_HZ)), 1)
    return np.sort(rng.integers(0, count, number))


def add(out: Array, start: int, piece: Array) -> None:
    """Adds a piece from a sample on, in place; what lies behind the end is dropped."""
    end = min(out.size, start + piece.size)
    out[start:end] += piece[: end - start]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draws a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def told(value: float) -> float:
    """Returns a number as it stands in facts: to four digits."""
    return float(f"{value:.4g}")
