"""The terms of consistency against SciPy and what is known of them."""

import numpy as np
import pytest
import scipy
import tensorflow as tf
from scipy.spatial import distance

from kerasser.models.consistency import cross_entropy, jensen_shannon

RANDOM = np.random.default_rng(0)


def answers(*shape, scale=2.0):
    return (scale * RANDOM.normal(size=shape)).astype(np.float32)


def probabilities(logits):
    return scipy.special.softmax(logits.astype(float), axis=-1)


def test_two_versions_diverge_by_the_square_of_scipys_distance():
    logits = answers(50, 2, 4)
    p, q = np.moveaxis(probabilities(logits), 1, 0)
    expected = [distance.jensenshannon(one, other) ** 2 for one, other in zip(p, q, strict=True)]
    np.testing.assert_allclose(jensen_shannon(logits), expected, atol=2e-6)


@pytest.mark.parametrize("versions", [1, 3, 5])
def test_several_versions_diverge_by_the_entropy_of_their_mean_less_the_mean_of_their_entropies(versions):
    logits = answers(50, versions, 3)
    p = probabilities(logits)
    expected = scipy.stats.entropy(p.mean(axis=1), axis=-1) - scipy.stats.entropy(p, axis=-1).mean(axis=1)
    np.testing.assert_allclose(jensen_shannon(logits), expected, atol=2e-6)


def test_equal_answers_do_not_diverge_and_opposite_ones_by_the_logarithm_of_their_number():
    # What is added to all logits of a version changes no probability.
    same = np.repeat(answers(20, 1, 3), 4, axis=1) + answers(20, 4, 1)
    np.testing.assert_allclose(jensen_shannon(same), 0, atol=1e-6)
    # Beyond what float32 tells from certainty.
    certain = 500 * np.eye(3, dtype=np.float32)[None]
    np.testing.assert_allclose(jensen_shannon(certain), np.log(3), rtol=1e-6)


def test_the_gradient_is_finite_where_answers_are_beyond_doubt_and_pulls_them_together():
    logits = tf.Variable(np.array([[[500, 0, 0], [0, 500, 0]], [[1, 0, -1], [-1, 2, 0]]], np.float32))
    with tf.GradientTape() as tape:
        before = jensen_shannon(logits)
        loss = tf.reduce_sum(before)
    gradient = tape.gradient(loss, logits)
    assert np.isfinite(gradient).all()
    moved = logits.numpy() - 0.5 * gradient.numpy()
    assert jensen_shannon(moved)[1] < before[1]
    was, is_now = (np.abs(np.diff(probabilities(each[1]), axis=0)).sum() for each in (logits.numpy(), moved))
    assert is_now < was


def test_the_cross_entropy_is_the_mean_of_the_versions_or_that_of_the_hardest():
    logits, labels = answers(30, 3, 4), RANDOM.integers(0, 4, 30)
    each = -np.log(np.take_along_axis(probabilities(logits), labels[:, None, None], axis=2)[:, :, 0])
    np.testing.assert_allclose(cross_entropy(logits, labels), each.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(cross_entropy(logits, labels, worst=True), each.max(axis=1), rtol=1e-5)


def test_of_the_hardest_alone_the_others_are_not_pulled():
    logits = tf.Variable(answers(30, 3, 4))
    labels = tf.constant(RANDOM.integers(0, 4, 30))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(cross_entropy(logits, labels, worst=True))
    pulled = np.abs(tape.gradient(loss, logits)).sum(axis=2) > 0
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.repeat(labels[:, None], 3, axis=1), logits)
    np.testing.assert_array_equal(pulled, np.arange(3) == np.argmax(each, axis=1)[:, None])
