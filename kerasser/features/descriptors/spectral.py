"""Descriptors 0–9, from the spectrum of 20-ms frames: loudness, balance, slopes, flux and cepstrum."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.features.descriptors.framing import SHORT_FFT, root
from kerasser.util.arrays import Array

BANDS = 26
COEFFICIENTS = 4
_BIN_HZ = 16000 / SHORT_FFT
_FLOOR = 1e-14
_DECIBELS = 10 / np.log(10)


def descriptors(power: Any, magnitude: Any) -> Any:
    """Returns the ten descriptors of each frame before smoothing, float32 `[batch, frames, 10]`.

    Loudness, alpha ratio (dB), Hammarberg index (dB), slopes 0–500 and 500–1500 Hz (dB a hertz), flux, MFCC 1–4.

    Args:
        power: float32 `[batch, frames, 257]`, of the 512-point transform.
        magnitude: Its square root.
    """
    bands = tf.matmul(power, tf.constant(mel_bank()))
    weighted = tf.maximum(bands, 9.3e-10) * tf.constant(loudness_weights())
    loudness = tf.reduce_mean(tf.exp(0.33 * tf.math.log(weighted)), axis=-1, keepdims=True)
    cepstrum = tf.matmul(tf.math.log(tf.maximum(bands * 32767.0**2, 1.0)), tf.constant(cosines()))
    alpha = _ratio(tf.reduce_sum(power[..., 32:161], -1), tf.reduce_sum(power[..., :32], -1))
    hammarberg = _ratio(tf.reduce_max(power[..., :64], -1), tf.reduce_max(power[..., 64:161], -1))
    levels = _DECIBELS * tf.math.log(tf.maximum(power[..., :49], _FLOOR))
    change = magnitude[:, 1:, :160] - magnitude[:, :-1, :160]
    flux = root(tf.reduce_mean(tf.square(change), axis=-1, keepdims=True))
    return tf.concat(
        [
            loudness,
            alpha,
            hammarberg,
            tf.matmul(levels, tf.constant(slopes())),
            tf.pad(flux, [[0, 0], [1, 0], [0, 0]]),
            cepstrum,
        ],
        axis=-1,
    )


def _ratio(numerator: Any, denominator: Any) -> Any:
    """Returns decibels `[batch, frames, 1]`, 0 where the denominator is 0."""
    there = denominator > 0.0
    decibels = _DECIBELS * (tf.math.log(tf.maximum(numerator, _FLOOR)) - tf.math.log(tf.where(there, denominator, 1.0)))
    return tf.where(there, decibels, 0.0)[..., None]


def _mel(frequency: Array) -> Array:
    mel: Array = 1127 * np.log(1 + frequency / 700)
    return mel


@cache
def _corners() -> Array:
    """Returns the corners of the triangles in mel, float64 `[28]`."""
    low, high = (float(edge) for edge in _mel(np.array([20.0, 8000.0])))
    corners: Array = np.linspace(low, high, BANDS + 2)
    return corners


@cache
def mel_bank() -> Array:
    """Returns triangles that are linear in mel with a peak of 1, float32 `[257, 26]`."""
    corners = _corners()
    bank = np.zeros((SHORT_FFT // 2 + 1, BANDS + 2))
    for number, place in enumerate(_mel(_BIN_HZ * np.arange(256))):
        if number < 2:
            continue
        above = int(np.searchsorted(corners, place, side="left"))
        below = (corners[above] - place) / (corners[above] - corners[above - 1])
        bank[number, above - 1], bank[number, above] = below, 1 - below
    inner: Array = bank[:, 1:-1].astype(np.float32)
    return inner


@cache
def centres() -> Array:
    """Returns the peaks of the triangles in hertz, float64 `[26]`."""
    hertz: Array = 700 * (np.exp(_corners()[1:-1] / 1127) - 1)
    return hertz


@cache
def loudness_weights() -> Array:
    """Returns the equal-loudness weight of every band, float32 `[26]`."""
    w = 2 * np.pi * centres()
    below = (w**2 + 6.3e6) ** 2 * (w**2 + 0.38e9) * (w**7 + 1.7e31)
    weights: Array = (1e32 * (w**2 + 56.8e6) * w**4 / below).astype(np.float32)
    return weights


@cache
def cosines() -> Array:
    """Returns the liftered cosine transform, float32 `[26, 4]`."""
    order = np.arange(1, COEFFICIENTS + 1)
    lifter = np.sqrt(2 / BANDS) * (1 + 11 * np.sin(np.pi * order / 22))
    weights: Array = lifter * np.cos(np.pi * order * (np.arange(BANDS)[:, None] + 0.5) / BANDS)
    return weights.astype(np.float32)


@cache
def slopes() -> Array:
    """Returns the weights by which levels give their slope, float32 `[49, 2]`.

    The count in the regression is that of the steps, one less than that of the levels.
    """
    weights = np.zeros((49, 2))
    for column, (first, last) in enumerate([(0, 16), (16, 48)]):
        frequencies, count = _BIN_HZ * np.arange(first, last + 1), last - first
        spread = count * (frequencies**2).sum() - frequencies.sum() ** 2
        weights[first : last + 1, column] = (count * frequencies - frequencies.sum()) / spread
    return weights.astype(np.float32)
