"""Checks inside a served graph, whose words reach the client."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def expect(condition: Any, words: str, *received: Any) -> tf.Operation:
    """Returns an operation that fails unless a condition holds.

    Args:
        condition: A scalar truth value.
        words: What the client is told, with {} for each of `received`.
        received: Tensors.
    """
    return tf.debugging.Assert(condition, [tf.strings.format(words, received, summarize=8)])
