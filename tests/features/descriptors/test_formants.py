import numpy as np
import pytest
import tensorflow as tf

from kerasser.features.descriptors import formants, framing
from kerasser.features.descriptors.roots import roots
from tests.features import checkpoint

PREDICTOR = [
    *(-3.01132, 4.17851, -3.12022, 0.477931, 1.38462, -1.11584),
    *(-0.263966, 1.00231, -0.681525, 0.129834, 0.0414838),
]


def predictors(count, seed=0):
    """Those of noise through the resampling, float64 `[11, count]`."""
    generator = np.random.default_rng(seed)
    coloured = np.cumsum(generator.normal(size=(count, 320)), axis=1) * generator.uniform(0.1, 1, (count, 1))
    correlation = formants.autocorrelation(tf.constant(coloured @ formants.resampling()))
    return tf.stack(formants.linear_prediction(correlation))


def test_resampling_and_prediction_of_the_checkpoint_signal():
    matrix = formants.resampling()
    np.testing.assert_allclose(
        [matrix[0, 0], matrix[100, 120], matrix[319, 219]], [0.00126728, -0.00589482, -0.000575672], rtol=1e-5
    )
    resampled = (checkpoint.frame(checkpoint.signal(), 320) * framing.hamming())[None] @ matrix
    known = [-3.71015e-05, -0.00773914, 0.0172159, -0.0111798]
    np.testing.assert_allclose(resampled[0, [0, 70, 120, 219]], known, rtol=1e-4)
    correlation = formants.autocorrelation(tf.constant(resampled))
    np.testing.assert_allclose(
        [float(correlation[lag][0]) for lag in (0, 1, 11)], [0.659396, 0.637015, 0.199942], rtol=1e-5
    )
    predictor = [float(each[0]) for each in formants.linear_prediction(correlation)]
    np.testing.assert_allclose(predictor, PREDICTOR, rtol=1e-3)


def test_formants_of_the_checkpoint_signal():
    windowed = (checkpoint.frame(checkpoint.signal(), 320) * framing.hamming()).astype(np.float32)
    frequencies, bandwidths = formants.formants(tf.constant(windowed[None]))
    np.testing.assert_allclose(frequencies[0], [875.907, 1763.67, 2611.44], rtol=1e-4)
    np.testing.assert_allclose(bandwidths[0], [1400.47, 1163.36, 614.795], rtol=1e-4)


def test_roots_are_those_of_numpy():
    polynomials = -predictors(200).numpy()
    real, imaginary = roots(tf.constant(polynomials))
    found = real.numpy() + 1j * imaginary.numpy()
    for coefficients, points in zip(polynomials.T, found.T, strict=True):
        distances = np.abs(points[:, None] - np.roots([1, *coefficients]))
        assert distances.min(axis=0).max() < 1e-9
        assert distances.min(axis=1).max() < 1e-9


def test_roots_of_polynomials_that_are_all_hard_to_solve_are_found():
    generator = np.random.default_rng(0)
    wanted = np.concatenate([generator.uniform(-5, 5, (64, 1)), generator.uniform(-1.5, 1.5, (64, 10))], axis=1)
    polynomials = np.array([np.poly(each)[1:] for each in wanted]).T
    real, imaginary = roots(tf.constant(polynomials))
    value = np.ones_like(real) + 0j
    scale = np.ones_like(real)
    point = real.numpy() + 1j * imaginary.numpy()
    for coefficient in polynomials:
        value, scale = value * point + coefficient, scale * np.abs(point) + np.abs(coefficient)
    assert (np.abs(value) < 1e-13 * scale).all()


def test_silence_has_no_formants_and_does_not_disturb_its_neighbours():
    windowed = np.random.default_rng(0).normal(size=(6, 320)).astype(np.float32)
    alone = formants.formants(tf.constant(windowed))
    windowed = np.concatenate([windowed, np.zeros((90, 320), np.float32)])
    at = tf.constant(windowed)
    with tf.GradientTape() as tape:
        tape.watch(at)
        frequencies, bandwidths = formants.formants(at)
        total = tf.reduce_sum(frequencies) + tf.reduce_sum(bandwidths)
    for found, expected in zip((frequencies, bandwidths), alone, strict=True):
        np.testing.assert_array_equal(found[6:], 0)
        np.testing.assert_allclose(found[:6], expected, rtol=1e-5)
    slope = tape.gradient(total, at).numpy()
    assert np.isfinite(slope).all()
    assert np.abs(slope[:6]).max() > 0
    np.testing.assert_array_equal(slope[6:], 0)


@pytest.mark.parametrize("which", [0, 1])
def test_derivatives_are_those_of_finite_differences(which):
    predictor = predictors(20)
    sounding = tf.ones([20], tf.bool)
    direction = np.random.default_rng(1).normal(size=predictor.shape)
    for formant in range(3):
        with tf.GradientTape() as tape:
            tape.watch(predictor)
            found = formants.formants_of(predictor, sounding)[which][formant]
        along = (tape.gradient(found, predictor).numpy() * direction).sum(0)
        step = 1e-7
        ends = [formants.formants_of(predictor + sign * step * direction, sounding)[which][formant] for sign in (1, -1)]
        np.testing.assert_allclose(along, (ends[0] - ends[1]) / (2 * step), rtol=1e-4, atol=1e-2)
