"""From a waveform to frames and their spectra: what every descriptor begins with."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.audio import FULL_SCALE
from kerasser.util.arrays import Array

#: Samples from one frame to the next.
HOP = 160
#: Samples of the two kinds of frames, 20 ms and 60 ms, and the points of their transforms.
SHORT, LONG = 320, 960
SHORT_FFT, LONG_FFT = 512, 1024


@tf.custom_gradient
def quantised(waveform: Any) -> Any:
    """Rounds as 16-bit audio is read: towards zero in steps of 2⁻¹⁵, full scale 32767.

    The derivative is that of the line through the steps, 0 beyond full scale.

    Args:
        waveform: float32 of any shape, clipped to [−1, 1 − 2⁻¹⁵].

    Returns:
        float32 of the same shape.
    """
    within = tf.cast(tf.abs(waveform) <= 1.0, tf.float32) * tf.constant(32768 / 32767, tf.float32)
    steps = tf.clip_by_value(waveform, -1.0, FULL_SCALE) * 32768.0
    rounded = tf.sign(steps) * tf.floor(tf.abs(steps))
    return rounded / 32767.0, lambda upstream: upstream * within


def frame_counts(lengths: Any) -> Any:
    """Returns int32 `[batch]`, how many 60-ms frames fit into so many samples; 0 where none does."""
    return tf.maximum((lengths - LONG) // HOP + 1, 0)


def frames(waveform: Any, size: int) -> Any:
    """Cuts frames that start every 10 ms at the first sample.

    Args:
        waveform: float32 `[batch, samples]`, a multiple of 160 samples.
        size: Samples a frame, a multiple of 160.

    Returns:
        float32 `[batch, frames, size]`; frames that are not complete are dropped.
    """
    blocks = tf.reshape(waveform, [tf.shape(waveform)[0], tf.shape(waveform)[1] // HOP, HOP])
    count = tf.shape(blocks)[1] - size // HOP + 1
    return tf.concat([blocks[:, start : start + count] for start in range(size // HOP)], axis=2)


@cache
def hamming() -> Array:
    """Returns the window of the 20-ms frames, float32 `[320]`."""
    window: Array = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(SHORT) / (SHORT - 1))
    return window.astype(np.float32)


@cache
def gauss() -> Array:
    """Returns the window of the 60-ms frames, float32 `[960]`."""
    middle = (LONG - 1) / 2
    window: Array = np.exp(-0.5 * ((np.arange(LONG) - middle) / (0.4 * middle)) ** 2)
    return window.astype(np.float32)


def spectra(windowed: Any, points: int) -> tuple[Any, Any]:
    """Returns power and magnitude of the unscaled transform, float32 `[batch, frames, points / 2 + 1]` each.

    Args:
        windowed: float32 `[batch, frames, size]`.
        points: Of the transform; zeros fill the frame up to it.
    """
    transform = tf.signal.rfft(windowed, fft_length=[points])
    power = tf.square(tf.math.real(transform)) + tf.square(tf.math.imag(transform))
    return power, root(power)


def root(power: Any) -> Any:
    """Returns the square root of numbers ≥ 0, whose derivative at 0 is taken as 0."""
    positive = power > 0.0
    return tf.where(positive, tf.sqrt(tf.where(positive, power, 1.0)), 0.0)
