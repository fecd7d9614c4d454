import numpy as np
import pytest
import tensorflow as tf

from kerasser.features.descriptors import framing, spectral
from tests.features import checkpoint

#: Of the checkpoint signal, before smoothing.
KNOWN = [0.921724, -12.4793, 24.5279, 0.0289693, -0.0144863, 0.072698, 58.245, -18.4312, 1.05515, 35.2321]


def spectra(sound):
    return framing.spectra(framing.frames(sound, framing.SHORT) * framing.hamming(), framing.SHORT_FFT)


def test_spectrum_of_the_checkpoint_signal():
    _, magnitude = spectra(framing.quantised(tf.constant(checkpoint.signal()[None])))
    known = [0.0230181, 8.56126, 0.673505, 0.00239358]
    np.testing.assert_allclose(magnitude.numpy()[0, checkpoint.FRAME, [0, 4, 32, 100]], known, rtol=1e-4)


def test_centres_and_weights_of_the_bands():
    np.testing.assert_allclose(spectral.centres()[[0, 1, 12, 25]], [89.6115, 165.953, 1689.93, 7233.01], rtol=1e-5)
    known = [0.00202778, 0.0193556, 1.81383, 0.206651]
    np.testing.assert_allclose(spectral.loudness_weights()[[0, 1, 12, 25]], known, rtol=1e-5)


def test_bands_share_every_bin_between_the_first_and_the_last_centre():
    between = np.arange(257) * 31.25
    inside = (between > spectral.centres()[0]) & (between < spectral.centres()[-1])
    np.testing.assert_allclose(spectral.mel_bank()[inside].sum(1), 1, rtol=1e-6)


def test_descriptors_of_the_checkpoint_signal():
    found = spectral.descriptors(*spectra(framing.quantised(tf.constant(checkpoint.signal()[None]))))
    np.testing.assert_allclose(found[0, checkpoint.FRAME], KNOWN, rtol=2e-5)


def test_silence_has_floors_and_zeros_and_a_finite_derivative():
    sound = tf.zeros([1, 1600])
    with tf.GradientTape() as tape:
        tape.watch(sound)
        found = spectral.descriptors(*spectra(sound))
    # The slope of a constant is not 0: the count in its regression is one too low.
    np.testing.assert_allclose(found.numpy()[0, 3, [1, 2, 3, 5]], [0, 0, 140 * 4250 / 5312500, 0], rtol=1e-5)
    np.testing.assert_array_equal(found[0, :, 6:], 0)
    assert np.isfinite(tape.gradient(found, sound).numpy()).all()


@pytest.mark.parametrize("descriptor", range(10))
def test_derivatives_are_those_of_finite_differences(descriptor):
    generator = np.random.default_rng(descriptor)
    sound = generator.normal(0, 0.1, (1, 1600)).astype(np.float32)
    direction = generator.normal(0, 0.1, (1, 1600)).astype(np.float32)
    weights = generator.normal(size=9)

    def summed(at):
        return tf.tensordot(tf.cast(spectral.descriptors(*spectra(at))[0, :, descriptor], tf.float64), weights, 1)

    with tf.GradientTape() as tape:
        at = tf.constant(sound)
        tape.watch(at)
        value = summed(at)
    step = 1e-3
    expected = (summed(tf.constant(sound + step * direction)) - summed(tf.constant(sound - step * direction))) / (
        2 * step
    )
    assert np.sum(tape.gradient(value, at).numpy() * direction) == pytest.approx(float(expected), rel=0.02)
