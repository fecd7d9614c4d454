"""Harmonics-to-noise ratio, and the levels of harmonics and formants relative to that of the fundamental.

All are differentiable for fixed peaks; the fundamental frequency itself only says where they lie, without gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from kerasser.features.descriptors import packing, peaks
from kerasser.features.descriptors.pitch import BIN_HZ, BINS

#: What a harmonic that is not there has for a level, and one without magnitude, dB.
MISSING_DB = -201.0
LEAST_DB = -200.0

_SAMPLE_RATE_HZ = 16000.0
_HIGHEST_HZ = 8000.0
_HARMONICS = 100
_TO_NOISE_MOST = 1e11
_TO_NOISE_LEAST = 1e-9
_FOUND_WITHIN = (0.8, 1.2)


class Harmonics(NamedTuple):
    """The harmonics of each frame, the fundamental first; of unvoiced frames they mean nothing.

    Attributes:
        voiced: bool `[frames]`.
        frequencies: float32 `[frames, harmonics]`, Hz; 0 where there is none.
        magnitudes: float32 `[frames, harmonics]`; 0 where there is none.
        levels: float32 `[frames, harmonics]`, dB relative to the fundamental.
    """

    voiced: Any
    frequencies: Any
    magnitudes: Any
    levels: Any


def _decibel(ratio: Any, factor: float) -> Any:
    return factor / np.log(10.0) * tf.math.log(ratio)


def autocorrelation(power: Any) -> Any:
    """Returns the absolute values of the circular autocorrelation at lags 0 … 512.

    The transform of real, even numbers is a sum of cosines; even lags need the sums P_k + P_{512−k} alone, odd lags the
    differences, so that half the products suffice.

    Args:
        power: float32 `[..., 513]`.

    Returns:
        float32 `[..., 513]`, up to a factor.
    """
    half = BINS // 2
    low, high = power[..., : half + 1], power[..., : half - 1 : -1]
    even, odd = _cosines()
    sums, differences = tf.matmul(low + high, even), tf.matmul((low - high)[..., :half], odd)
    both = tf.stack([sums[..., :half], differences], -1)
    both = tf.reshape(both, tf.concat([tf.shape(power)[:-1], [2 * half]], 0))
    return tf.abs(tf.concat([both, sums[..., half:]], -1))


def _cosines() -> tuple[Any, Any]:
    half = BINS // 2
    k = np.arange(half + 1)
    # The whole spectrum holds every bin twice but for the first and the last, which are folded on each other.
    weight = np.where(k == 0, 1.0, 2.0)
    weight[half] = 1.0
    angle = 2 * np.pi * np.outer(k, np.arange(half + 1)) / half / 2
    even = weight[:, None] * np.cos(angle)
    odd = weight[:half, None] * np.cos(np.pi * np.outer(k[:half], 2 * np.arange(half) + 1) / (2 * half))
    return even.astype(np.float32), odd.astype(np.float32)


def harmonics_to_noise(power: Any, f0: Any) -> Any:
    """Returns the harmonics-to-noise ratio from the autocorrelation's peak next to the pitch period.

    Args:
        power: Power spectrum of the 60-ms frames, float32 `[frames, 513]`.
        f0: float32 `[frames]`, Hz; 0 for unvoiced frames.

    Returns:
        float32 `[frames]`, dB; 0 for unvoiced frames.
    """
    voiced = f0 > 0.0
    correlation = autocorrelation(power)
    lag = tf.cast(_SAMPLE_RATE_HZ / tf.where(voiced, f0, _HIGHEST_HZ), tf.int32)[..., None]
    index = tf.range(BINS)
    peak = peaks.maxima(correlation, edges=False)
    left = tf.reduce_max(tf.where(peak & (index <= lag), index, -BINS), -1, keepdims=True)
    right = tf.reduce_min(tf.where(peak & (index >= lag), index, 3 * BINS), -1, keepdims=True)
    # The left one at equal distance.
    nearest = tf.where(lag - left <= right - lag, left, right)
    at_lag = tf.gather(correlation, tf.minimum(lag, BINS - 1), batch_dims=1)
    none = tf.where(
        correlation[..., :1] > tf.maximum(at_lag, correlation[..., -1:]),
        0,
        tf.where(correlation[..., -1:] > at_lag, BINS - 1, lag),
    )
    found = (left > 0) | (right < BINS)
    harmonic = tf.gather(correlation, tf.where(found, nearest, none), batch_dims=1)[..., 0]
    noise = correlation[..., 0] - harmonic
    silent = noise == 0.0
    ratio = tf.where(silent, _TO_NOISE_MOST, harmonic / tf.where(silent, 1.0, noise))
    ratio = tf.clip_by_value(ratio, _TO_NOISE_LEAST, _TO_NOISE_MOST)
    return tf.where(voiced, _decibel(tf.where(voiced, ratio, 1.0), 10.0), 0.0)


def _bin(frequency: Any) -> Any:
    """Returns the bin nearest to a frequency, the upper one of two, and 0 from 8000 Hz, as int32."""
    return tf.cast(tf.where(frequency < _HIGHEST_HZ, tf.floor(frequency / BIN_HZ + 0.5), 0.0), tf.int32)


def harmonics(magnitude: Any, f0: Any) -> Harmonics:
    """Finds the peaks of the spectrum that are harmonics of the fundamental frequency.

    Args:
        magnitude: Spectrum of the 60-ms frames, float32 `[frames, 513]`.
        f0: float32 `[frames]`, Hz; 0 for unvoiced frames.

    Returns:
        Up to 100 harmonics.
    """
    voiced = f0 > 0.0
    spacing = tf.stop_gradient(tf.where(voiced, f0, _HIGHEST_HZ))[..., None]
    number = tf.range(1.0, _HARMONICS + 1.0)
    centre, below, above = (_bin((number + shift) * spacing) for shift in (0.0, -0.5, 0.5))
    exists = number * spacing < _HIGHEST_HZ
    left, right = peaks.nearest(peaks.maxima(magnitude, edges=True), centre)
    # The right one at equal distance.
    left_is_near = (left >= below) & ((centre - left < right - centre) | (right > above))
    found = tf.where(left_is_near, left, right)
    # A peak at the centre is both left and right of it.
    valid = exists & (left_is_near | (right <= above)) & (found >= _bin(0.5 * spacing)) & (found < BINS - 1)
    place = tf.where(valid, found, centre)
    same = tf.concat([tf.zeros_like(valid[..., :1]), place[..., 1:] == place[..., :-1]], -1)
    index = tf.where(valid, found, 1)
    left_of, middle, right_of = (tf.gather(magnitude, index + step, batch_dims=1) for step in (-1, 0, 1))
    offset, height = peaks.parabola(left_of, middle, right_of)
    there = valid & ~same
    frequencies = tf.where(there, BIN_HZ * (tf.cast(index, offset.dtype) + offset), 0.0)
    magnitudes = tf.where(there, middle, 0.0)
    fundamental = magnitudes[..., :1]
    safe = valid & (height > 0.0) & (fundamental > 0.0)
    ratio = tf.where(safe, height, 1.0) / tf.where(safe, fundamental, 1.0)
    levels = tf.where(safe, tf.maximum(_decibel(ratio, 20.0), LEAST_DB), LEAST_DB)
    levels = tf.where(same | (fundamental <= 0.0), MISSING_DB, levels)
    levels = tf.where(number == 1.0, 0.0, levels)
    return Harmonics(voiced, frequencies, magnitudes, levels)


def h1_h2(found: Harmonics) -> Any:
    """Returns logRelF0-H1-H2, as the reference counts: the level at twice the fundamental less that at thrice.

    Returns:
        float32 `[frames]`, dB; 0 for unvoiced frames.
    """
    difference = found.levels[..., 1] - found.levels[..., 2]
    return tf.where(found.voiced, tf.clip_by_value(difference, MISSING_DB, -MISSING_DB), 0.0)


def formant_levels(found: Harmonics, formants: Any) -> tuple[Any, Any]:
    """Returns the levels of the strongest harmonics at formants, and whether there are any.

    Args:
        found: The harmonics.
        formants: Frequencies, float32 `[frames, n]`, Hz.

    Returns:
        float32 `[frames, n]`, dB, 0 where no harmonic lies at the formant, −201 in unvoiced frames; bool of the
        same shape.
    """
    formants = tf.stop_gradient(formants)[..., None]
    frequencies, magnitudes = found.frequencies[..., None, :], tf.stop_gradient(found.magnitudes)[..., None, :]
    lowest, highest = _FOUND_WITHIN
    near = (frequencies >= lowest * formants) & (frequencies <= highest * formants)
    strength = tf.where(near, magnitudes, -1.0)
    strongest = tf.argmax(strength, -1, tf.int32)
    levels = tf.gather(found.levels, strongest, batch_dims=1)
    there = tf.reduce_any(near, -1)
    return tf.where(found.voiced[..., None], tf.where(there, levels, 0.0), MISSING_DB), there


def h1_a3(found: Harmonics, level: Any, there: Any) -> Any:
    """Returns logRelF0-H1-A3: the level at twice the fundamental less that of the third formant.

    Args:
        found: The harmonics.
        level: Of the third formant, float32 `[frames]`, dB.
        there: Whether a harmonic lies at it, bool `[frames]`.

    Returns:
        float32 `[frames]`, dB; 0 for unvoiced frames.
    """
    first = found.levels[..., 1]
    missing = tf.maximum(MISSING_DB, first + MISSING_DB)
    difference = tf.where(there, tf.clip_by_value(first - level, MISSING_DB, -MISSING_DB), missing)
    return tf.where(found.voiced, difference, 0.0)


def describe(power: Any, magnitude: Any, f0: Any, formants: Any, pack: bool = False) -> tuple[Any, Any, Any, Any]:
    """Returns all that is described by harmonics.

    Args:
        power: Power spectrum of the 60-ms frames, float32 `[batch, frames, 513]`.
        magnitude: Its square root.
        f0: Fundamental frequency, float32 `[batch, frames]`, Hz; 0 for unvoiced frames.
        formants: Frequencies, float32 `[batch, frames, 3]`, Hz.
        pack: Compute for voiced frames alone, which XLA cannot compile.

    Returns:
        HNRdBACF, logRelF0-H1-H2 and logRelF0-H1-A3, float32 `[batch, frames]`, dB, 0 for unvoiced frames; the levels of
        the formants, float32 `[batch, frames, 3]`, dB, −201 for unvoiced frames.
    """
    voiced = f0 > 0.0
    rows = packing.Rows(voiced, pack)
    power, magnitude, spacing, formants = (rows.of(each) for each in (power, magnitude, f0, formants))
    found = harmonics(magnitude, spacing)
    levels, there = formant_levels(found, formants)
    single = (harmonics_to_noise(power, spacing), h1_h2(found), h1_a3(found, levels[:, 2], there[:, 2]))
    to_noise, first_second, first_third = (rows.back(each) for each in single)
    return to_noise, first_second, first_third, tf.where(voiced[..., None], rows.back(levels), MISSING_DB)
