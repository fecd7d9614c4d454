"""Checks inside a graph: what is expected is said, with what was received."""

import pytest
import tensorflow as tf

from kerasser.util.checks import expect


@tf.function
def checked(value, limit):
    with tf.control_dependencies([expect(value < limit, "value: expected below {}. Received: {}", limit, value)]):
        return value * 2


def test_what_holds_goes_on():
    assert int(checked(tf.constant(3), tf.constant(4))) == 6


def test_what_does_not_hold_is_said_with_both_figures():
    with pytest.raises(tf.errors.InvalidArgumentError, match="value: expected below 4. Received: 5"):
        checked(tf.constant(5), tf.constant(4))
