"""Local maxima and the parabola through three points, which pitch and harmonics share."""

from __future__ import annotations

import tensorflow as tf


def maxima(values: tf.Tensor, edges: bool) -> tf.Tensor:
    """Returns where values are strictly above their neighbours.

    Args:
        values: `[..., n]`.
        edges: Whether the first and the last count when they are above their one neighbour; otherwise they never do.

    Returns:
        bool `[..., n]`.
    """
    ends = tf.fill(tf.shape(values[..., :1]), edges)
    rises = values[..., 1:] > values[..., :-1]
    falls = values[..., :-1] > values[..., 1:]
    return tf.concat([ends, rises], -1) & tf.concat([falls, ends], -1)


def parabola(left: tf.Tensor, middle: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns where the parabola through three evenly spaced points turns, and its height there.

    Args:
        left: The value at −1, any shape.
        middle: The value at 0.
        right: The value at 1.

    Returns:
        The offset from the middle, 0 for points on a line; the height.
    """
    bend = left - 2.0 * middle + right
    flat = bend == 0.0
    offset = tf.where(flat, 0.0, (left - right) / tf.where(flat, 1.0, 2.0 * bend))
    return offset, middle - 0.25 * (left - right) * offset


def around(values: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the values left of, at and right of indices.

    Args:
        values: `[frames, n]`.
        index: int32 `[frames, m]`, in 1 … n − 2.

    Returns:
        Three of `[frames, m]`.
    """
    left, middle, right = (tf.gather(values, index + step, batch_dims=1) for step in (-1, 0, 1))
    return left, middle, right


def nearest(peak: tf.Tensor, reach: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the nearest peak on either side of each place, itself if it is one.

    Args:
        peak: bool `[..., n]`.
        reach: How far away a peak may be; those further away may be found or not.

    Returns:
        float32 `[..., n]` each: the index of the left one, much below 0 if there is none, and of the right one, much
        above n if there is none.
    """
    n = peak.shape[-1]
    index = tf.range(n, dtype=tf.float32)
    left, right = tf.where(peak, index, -4.0 * n), tf.where(peak, index, 4.0 * n)
    step = 1
    # The best of 1, 2, 4, … places.
    while step <= reach:
        left = tf.concat([left[..., :step], tf.maximum(left[..., step:], left[..., :-step])], -1)
        right = tf.concat([tf.minimum(right[..., :-step], right[..., step:]), right[..., -step:]], -1)
        step *= 2
    return left, right
