import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasser.attack.white_box import ProjectedGradientDescent, change, logits_of
from kerasser.models import classifier

DEVIATION = np.array([1.0, 10.0, 0.1], np.float32)


def linear(weights, bias=0.0):
    """A model whose margin is linear in the mean frame, so that the worst point of a ball is known."""
    weights = tf.constant(weights, tf.float32)

    def logits(features, lengths):
        mean = tf.reduce_sum(features, axis=1) / tf.cast(lengths, tf.float32)[:, None]
        score = tf.linalg.matvec(mean, weights) + bias
        return tf.stack([-score / 2, score / 2], axis=1)

    return logits


def batch(count=4, frames=6):
    generator = np.random.default_rng(0)
    features = (generator.standard_normal((count, frames, 3)) * DEVIATION).astype(np.float32)
    lengths = np.array([frames, frames - 1, frames - 2, frames][:count], np.int32)
    for row, length in zip(features, lengths, strict=True):
        row[length:] = 0
    return features, lengths, np.arange(count) % 2


@pytest.mark.parametrize("radius", [0.1, 1.0, 10.0])
def test_a_linear_model_falls_by_what_the_closed_form_says(radius):
    features, lengths, labels = batch()
    weights = np.array([1.0, -0.3, 4.0])
    found = ProjectedGradientDescent(linear(weights, 0.2), DEVIATION, steps=10, restarts=2)(
        features, lengths, labels, radius
    )
    score = np.stack([row[:length].mean(axis=0) for row, length in zip(features, lengths, strict=True)]) @ weights + 0.2
    margin = np.where(labels == 1, score, -score)
    expected = margin - radius * np.sum(np.abs(weights) * DEVIATION)
    assert found.margin == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert (found.predicted == labels).tolist() == (expected > 0).tolist()
    # d margin / d frame is w / length in each of `length` frames, in deviations.
    assert found.gradient_norm == pytest.approx(np.linalg.norm(weights * DEVIATION) / np.sqrt(lengths), rel=1e-4)


def test_no_radius_changes_nothing():
    features, lengths, labels = batch()
    model = linear(np.array([1.0, -0.3, 4.0]))
    found = ProjectedGradientDescent(model, DEVIATION, steps=3, restarts=2)(features, lengths, labels, 0.0)
    assert found.predicted.tolist() == tf.argmax(model(features, lengths), axis=1).numpy().tolist()


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(1)
    model = classifier.build(features=3, units=6, layers=2, frames_per_step=2)
    model.get_layer("normalization").adapt(np.zeros(3), DEVIATION**2)
    return logits_of(model)


def test_a_larger_ball_harms_more_and_padding_does_not_matter(small):
    features, lengths, labels = batch()
    attack = ProjectedGradientDescent(small, DEVIATION, steps=10, restarts=2)
    margins = [attack(features, lengths, labels, radius).margin for radius in (0.0, 0.2, 1.0)]
    assert (margins[1] < margins[0]).all() and (margins[2] < margins[1]).all()
    padded = np.pad(features, [(0, 0), (0, 5), (0, 0)])
    # Restarts begin elsewhere in a longer batch; the first run does not.
    plain = ProjectedGradientDescent(small, DEVIATION, steps=10, restarts=1)
    assert plain(padded, lengths, labels, 0.2).margin == pytest.approx(
        plain(features, lengths, labels, 0.2).margin, abs=1e-5
    )


def test_restarts_never_find_less(small):
    features, lengths, labels = batch()
    once, thrice = (
        ProjectedGradientDescent(small, DEVIATION, steps=4, restarts=restarts)(features, lengths, labels, 0.5).margin
        for restarts in (1, 3)
    )
    assert (thrice <= once + 1e-6).all()


def test_a_model_that_rounds_has_no_gradient():
    def rounded(features, lengths):
        return linear(np.array([1.0, 0.0, 0.0]))(tf.round(features), lengths)

    features, lengths, labels = batch()
    found = ProjectedGradientDescent(rounded, DEVIATION, steps=3, restarts=1)(features, lengths, labels, 0.5)
    assert not found.gradient_norm.any()


def test_a_radius_of_each_feature_and_frame_bounds_that_feature_there():
    features, lengths, labels = batch()
    weights = np.array([1.0, -0.3, 4.0])
    radius = np.random.default_rng(3).uniform(0, 1, features.shape).astype(np.float32)
    found = ProjectedGradientDescent(linear(weights), DEVIATION, steps=10, restarts=2)(
        features, lengths, labels, radius
    )
    for number, length in enumerate(lengths):
        score = features[number, :length].mean(axis=0) @ weights
        reach = np.sum(np.abs(weights) * DEVIATION * radius[number, :length].mean(axis=0))
        expected = (score if labels[number] else -score) - reach
        assert found.margin[number] == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("radius", [float("nan"), -0.1])
def test_a_radius_that_is_none_is_refused(small, radius):
    features, lengths, labels = batch()
    with pytest.raises(ValueError, match="radius: expected numbers of at least 0"):
        ProjectedGradientDescent(small, DEVIATION, steps=1, restarts=1)(features, lengths, labels, radius)


MEAN, BOUND = np.array([0.5, -3.0, 0.0]), 5.0


def test_change_is_that_of_each_feature_in_each_frame_in_deviations():
    clean = MEAN + DEVIATION * np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.0]])
    moved = clean + DEVIATION * np.array([[0.5, -0.5, 0.0], [1.0, 2.0, -3.0]])
    expected = [[0.5, 0.5, 0.0], [1.0, 2.0, 3.0]]
    np.testing.assert_allclose(change(clean, moved, MEAN, DEVIATION, BOUND), expected, atol=1e-5)


def test_within_the_largest_changes_lies_all_that_a_model_sees_of_every_draw():
    """Far-off descriptors and draws too: what a model sees of a draw is seen somewhere in the box."""
    generator = np.random.default_rng(0)
    clean = MEAN + DEVIATION * 4 * generator.standard_normal((50, 3))
    draws = [clean + DEVIATION * 6 * generator.standard_normal((50, 3)) for _ in range(4)] + [clean]
    radius = np.max([change(clean, drawn, MEAN, DEVIATION, BOUND) for drawn in draws], axis=0)
    assert radius.max() <= 2 * BOUND + np.abs((clean - MEAN) / DEVIATION).max()

    def seen(features):
        return np.clip((features - MEAN) / DEVIATION, -BOUND, BOUND)

    for drawn in draws:
        nearest = clean + DEVIATION * np.clip((drawn - clean) / DEVIATION, -radius, radius)
        np.testing.assert_allclose(seen(nearest), seen(drawn), atol=1e-5)


def test_a_linear_model_is_harmed_at_least_as_much_as_by_any_draw_in_the_box():
    features, lengths, labels = batch()
    generator = np.random.default_rng(1)
    draws = [features + DEVIATION * generator.standard_normal(features.shape).astype(np.float32) for _ in range(5)]
    far = np.zeros(3), DEVIATION, 1e6
    radius = np.stack([np.max([change(x, d[n], *far) for d in draws], axis=0) for n, x in enumerate(features)])
    model = linear(np.array([1.0, -0.3, 4.0]))
    attack = ProjectedGradientDescent(model, DEVIATION, steps=10, restarts=1)
    worst = attack(features, lengths, labels, radius).margin
    for drawn in draws:
        valid = drawn * (np.arange(drawn.shape[1])[None, :, None] < lengths[:, None, None])
        logits = model(valid.astype(np.float32), lengths).numpy()
        rows = np.arange(len(labels))
        assert (worst <= logits[rows, labels] - logits[rows, 1 - labels] + 1e-4).all()


def test_no_restart_begins_outside_the_box():
    # Flat within the box, so that nothing moves, and far below zero beyond it.
    def walled(frames, lengths):
        beyond = tf.reduce_max(tf.nn.relu(tf.abs(frames) - 1.001), axis=[1, 2])
        return tf.stack([tf.zeros_like(beyond), 1.0 - 1e3 * beyond], axis=1)

    attack = ProjectedGradientDescent(walled, np.ones(3, np.float32), steps=2, restarts=6)
    features, lengths = np.zeros((4, 5, 3), np.float32), np.full(4, 5, np.int32)
    np.testing.assert_array_equal(attack(features, lengths, np.ones(4, int), 1.0).margin, np.ones(4))
