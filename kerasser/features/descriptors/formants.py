"""Formants from linear prediction of 20-ms frames that are resampled through their spectrum."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.features.descriptors.framing import SHORT, SHORT_FFT
from kerasser.features.descriptors.roots import roots
from kerasser.util.arrays import Array

ORDER = 11
FORMANTS = 3
#: Samples a second, nominally, after resampling, the samples that are kept and the points of the inverse transform.
_RATE, _SAMPLES, _POINTS, _BINS = 11000, 220, 352, 109
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 5450.0


def formants(windowed: Any) -> tuple[Any, Any]:
    """Returns frequencies and bandwidths of the first three formants before smoothing, in hertz.

    Their derivative is that of the roots by the implicit function theorem, at a fixed order; it is large where two
    roots nearly meet.

    Args:
        windowed: float32 `[frames, 320]`.

    Returns:
        float32 `[frames, 3]` each, 0 where a formant is missing.
    """
    resampled = tf.matmul(tf.cast(windowed, tf.float64), tf.constant(resampling()))
    correlation = autocorrelation(resampled)
    sounding = correlation[0] > 0.0
    found = formants_of(tf.stack(linear_prediction(correlation)), sounding)
    frequencies, bandwidths = (tf.cast(tf.transpose(each), tf.float32) for each in found)
    return frequencies, bandwidths


def autocorrelation(resampled: Any) -> list[Any]:
    """Returns lags 0–11, float64 `[frames]` each, of float64 `[frames, 220]`."""
    return [tf.reduce_sum(resampled[:, lag:] * resampled[:, : _SAMPLES - lag], axis=1) for lag in range(ORDER + 1)]


def linear_prediction(correlation: list[Any]) -> list[Any]:
    """Solves for the predictor by Levinson's and Durbin's recursion.

    Args:
        correlation: Lags 0–11, float64 `[frames]` each.

    Returns:
        The coefficients of A(z) behind the leading 1, float64 `[frames]` each; 0 for silence.
    """
    predictor: list[Any] = []
    error = tf.where(correlation[0] > 0.0, correlation[0], 1.0)
    for order in range(1, ORDER + 1):
        unexplained = correlation[order]
        for place, coefficient in enumerate(predictor, 1):
            unexplained += coefficient * correlation[order - place]
        reflection = -unexplained / tf.where(tf.equal(error, 0.0), tf.ones_like(error), error)
        turned = [each + reflection * other for each, other in zip(predictor, reversed(predictor), strict=True)]
        predictor = [*turned, reflection]
        error *= 1.0 - reflection * reflection
    return predictor


@tf.custom_gradient
def formants_of(predictor: Any, sounding: Any) -> Any:
    """Returns frequencies and bandwidths, float64 `[3, frames]` each, of the polynomial z¹¹ − a₁ z¹⁰ − … − a₁₁.

    That is A(z) with the sign of its coefficients turned, as opensmile solves it.

    Args:
        predictor: float64 `[11, frames]`, the coefficients a.
        sounding: bool `[frames]`, false where there is no formant.
    """
    # The roots of one are far apart; those of z¹¹ would take the longest to find.
    unity = tf.constant([[0.0]] * (ORDER - 1) + [[-1.0]], tf.float64)
    real, imaginary = roots(tf.where(sounding, -predictor, unity))
    size = tf.sqrt(real * real + imaginary * imaginary)
    cosine = real / tf.where(size > 0.0, size, tf.ones_like(size))
    highest, lowest = (np.cos(2 * np.pi * edge / _RATE) for edge in (_LOWEST_HZ, _HIGHEST_HZ))
    wanted = tf.logical_and(imaginary >= 0.0, tf.logical_and(cosine <= highest, cosine >= lowest))
    wanted = tf.logical_and(wanted, tf.logical_and(size > 0.0, sounding))
    # The cosine falls as the frequency rises.
    order = tf.where(wanted, cosine, -2.0 * tf.ones_like(cosine))
    best, chosen = tf.math.top_k(tf.transpose(order), FORMANTS)
    there = tf.transpose(best) > -2.0
    x, y = (tf.transpose(tf.gather(tf.transpose(each), chosen, batch_dims=1)) for each in (real, imaginary))
    x, y = tf.where(there, x, 1.0), tf.where(there, y, 0.0)
    hertz = _RATE / (2 * np.pi)
    frequency = tf.where(there, tf.atan2(y, x) * hertz, 0.0)
    decay = tf.math.log(x * x + y * y)
    bandwidth = tf.where(there, tf.abs(decay) * hertz, 0.0)

    def gradient(of_frequency: Any, of_bandwidth: Any) -> tuple[Any, None]:
        z = tf.complex(x, y)
        slope, power = tf.zeros_like(z), tf.ones_like(z)
        # P′(z), and z^(11−m) / z for m = 11 … 1.
        powers = [tf.ones_like(z) / z]
        for place in range(ORDER):
            powers.append(power)
            factor = 1.0 if place == ORDER - 1 else -predictor[ORDER - 2 - place]
            slope += (place + 1.0) * tf.cast(factor, z.dtype) * power
            power *= z
        # dz/z = z^(10−m) / P′(z) · da_m; the argument is its imaginary part, the logarithm its real one.
        towards = tf.complex(tf.sign(decay) * 2.0 * hertz * of_bandwidth, hertz * of_frequency)
        usable = tf.logical_and(there, tf.abs(slope) > 0.0)
        share = tf.where(usable, tf.math.conj(towards), 0.0) / tf.where(usable, slope, tf.ones_like(slope))
        parts = [tf.reduce_sum(tf.math.real(powers[ORDER - m] * share), axis=0) for m in range(1, ORDER + 1)]
        return tf.stack(parts), None

    return (frequency, bandwidth), gradient


@cache
def resampling() -> Array:
    """Returns the way through the spectrum as one matrix, float64 `[320, 220]`.

    The inverse transform takes bins 0–109 of the 512, the first with double weight, to 352 points, of which 220 count.
    """
    before = (SHORT_FFT - SHORT) // 2
    turns = np.arange(_SAMPLES) / _POINTS - (np.arange(SHORT)[:, None] + before) / SHORT_FFT
    order = np.arange(1, _BINS + 1)
    matrix: Array = (1 + np.cos(2 * np.pi * turns[..., None] * order).sum(axis=-1)) / 256
    return matrix
