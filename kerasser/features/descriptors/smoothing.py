"""Means over three frames, and what stands for frames beyond the ends."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def plain(values: Any, frames: Any) -> Any:
    """Returns means of a frame and its neighbours; the first frame stands for the one before it.

    Args:
        values: float32 `[batch, more than frames, descriptors]`.
        frames: How many are wanted.

    Returns:
        float32 `[batch, frames, descriptors]`.
    """
    before = tf.concat([values[:, :1], values[:, : frames - 1]], axis=1)
    return (before + values[:, :frames] + values[:, 1 : frames + 1]) / 3.0


def non_zero(values: Any, frames: Any, settled: Any) -> Any:
    """Returns means of those of three neighbours that are not 0, 0 where the frame itself is.

    The first and the last frame stand for those beyond them, and one frame is added at the end. Smoothing runs up to
    the frames that the search for the pitch has settled before it goes on, as if the input ended there.

    Args:
        values: float32 `[batch, most frames, descriptors]`.
        frames: int32 `[batch]`, frames of each utterance.
        settled: int32 `[batch]`, how many of them are settled once the last is in.

    Returns:
        float32 `[batch, most frames + 1, descriptors]`; what lies beyond `frames + 1` means nothing.
    """
    number = tf.range(tf.shape(values)[1] + 1)[None]
    last = _at(values, frames - 1)
    middle = tf.where((number < frames[:, None])[..., None], tf.concat([values, values[:, -1:]], axis=1), last)
    before = tf.concat([middle[:, :1], middle[:, :-1]], axis=1)
    after = tf.concat([middle[:, 1:], middle[:, -1:]], axis=1)
    seam = tf.logical_and(settled > 0, settled < frames)[:, None]
    held = _at(values, settled - 1)
    first_after = tf.logical_and(seam, number == settled[:, None])[..., None]
    last_before = tf.logical_and(seam, number == settled[:, None] - 1)[..., None]
    smoothed = _mean(before, middle, tf.where(last_before, held, after))
    return tf.where(first_after, held, smoothed)


def _at(values: Any, number: Any) -> Any:
    """Returns one frame of each utterance, `[batch, 1, descriptors]`."""
    inside = tf.clip_by_value(number, 0, tf.shape(values)[1] - 1)
    return tf.gather(values, inside[:, None], batch_dims=1)


def _mean(before: Any, middle: Any, after: Any) -> Any:
    there = [tf.cast(each != 0.0, tf.float32) for each in (before, middle, after)]
    return tf.where(middle != 0.0, (before + middle + after) / tf.maximum(tf.add_n(there), 1.0), 0.0)
