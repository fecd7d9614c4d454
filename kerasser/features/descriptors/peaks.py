"""Local maxima and the parabola through three points, which pitch and harmonics share."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

# Bits of a word; float32 holds whole numbers of 24 bits exactly.
_WORD = 16


def maxima(values: Any, edges: bool) -> Any:
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


def parabola(left: Any, middle: Any, right: Any) -> tuple[Any, Any]:
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


def around(values: Any, index: Any) -> tuple[Any, Any, Any]:
    """Returns the values left of, at and right of indices.

    Args:
        values: `[frames, n]`.
        index: int32 `[frames, m]`, in 1 … n − 2.

    Returns:
        Three of `[frames, m]`.
    """
    left, middle, right = (tf.gather(values, index + step, batch_dims=1) for step in (-1, 0, 1))
    return left, middle, right


def nearest(peak: Any, at: Any) -> tuple[Any, Any]:
    """Returns the nearest peak on either side of places, the place itself if it is one.

    Sixteen places are one word of bits: only the word of a place has to be looked at, and what is known of all words
    before and after it.

    Args:
        peak: bool `[frames, n]`.
        at: int32 `[frames, m]`, in 0 … n − 1.

    Returns:
        int32 `[frames, m]` each: the index of the left one, much below 0 if there is none, and of the right one, much
        above n if there is none.
    """
    words = _words(peak)
    first = _WORD * tf.range(words.shape[1])
    far = 4 * peak.shape[1]
    highest = tf.where(words > 0, first + _highest_bit(words), -far)
    lowest = tf.where(words > 0, first + _highest_bit(tf.bitwise.bitwise_and(words, -words)), far)
    before, after = (tf.fill(tf.shape(words[:, :1]), value) for value in (-far, far))
    before = tf.concat([before, _running_maximum(highest)[:, :-1]], 1)
    after = tf.concat([-_running_maximum(-lowest[:, ::-1])[:, -2::-1], after], 1)
    known = tf.gather(tf.stack([words, before, after], -1), at // _WORD, batch_dims=1)
    word, before, after = tf.unstack(known, axis=-1)
    start = at // _WORD * _WORD
    up_to = tf.bitwise.bitwise_and(word, tf.bitwise.left_shift(2, at - start) - 1)
    down_to = tf.bitwise.bitwise_and(word, -tf.bitwise.left_shift(1, at - start))
    left = tf.where(up_to > 0, start + _highest_bit(up_to), before)
    right = tf.where(down_to > 0, start + _highest_bit(tf.bitwise.bitwise_and(down_to, -down_to)), after)
    return left, right


def _words(flags: Any) -> Any:
    """Returns int32 `[frames, ⌈n / 16⌉]`, the first flag of sixteen being the lowest bit."""
    n = flags.shape[1]
    count = -(-n // _WORD)
    padded = tf.pad(tf.cast(flags, tf.float32), [[0, 0], [0, count * _WORD - n]])
    powers = tf.constant(2.0 ** np.arange(_WORD), tf.float32, [_WORD, 1])
    return tf.cast(tf.reshape(tf.matmul(tf.reshape(padded, [-1, _WORD]), powers), [-1, count]), tf.int32)


def _highest_bit(words: Any) -> Any:
    """Returns the place of the highest bit, read from the exponent of the number as float32; less than 0 for 0."""
    return tf.bitwise.right_shift(tf.bitcast(tf.cast(words, tf.float32), tf.int32), 23) - 127


def _running_maximum(values: Any) -> Any:
    step = 1
    while step < values.shape[1]:
        values = tf.concat([values[:, :step], tf.maximum(values[:, step:], values[:, :-step])], 1)
        step *= 2
    return values
