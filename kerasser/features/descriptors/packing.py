"""Rows for the frames that count, so that no time goes into the others."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class Rows:
    """Frames of a batch as rows of a matrix, and back.

    Args:
        wanted: bool `[batch, frames]`, the frames that count.
        pack: Whether others get no row. Their number then depends on the values, which XLA cannot compile.
    """

    def __init__(self, wanted: Any, pack: bool) -> None:
        self._shape = tf.shape(wanted)
        self._index = tf.where(tf.reshape(wanted, [-1])) if pack else None

    def of(self, values: Any) -> Any:
        """Takes `[batch, frames, n]` or `[batch, frames]` to `[rows, n]` or `[rows]`."""
        rows = tf.reshape(values, [-1, *values.shape[2:]])
        return rows if self._index is None else tf.gather(rows, self._index[:, 0])

    def back(self, rows: Any) -> Any:
        """Takes `[rows, n]` or `[rows]` to `[batch, frames, n]` or `[batch, frames]`, 0 where there is no row."""
        inner = rows.shape[1:]
        if self._index is not None:
            size = tf.reduce_prod(self._shape)[None]
            rows = tf.scatter_nd(self._index, rows, tf.cast(tf.concat([size, inner], 0), tf.int64))
        return tf.reshape(rows, tf.concat([self._shape, inner], 0))
