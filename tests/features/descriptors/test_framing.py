import numpy as np
import tensorflow as tf

from kerasser.features.descriptors import framing


def test_rounding_is_towards_zero_to_sixteen_bits():
    steps = np.array([-32768.0, -1.7, -1.0, -0.3, 0.0, 0.9, 1.0, 1.999, 32767.0], np.float32)
    rounded = framing.quantised(tf.constant(steps / 32768)).numpy()
    np.testing.assert_allclose(rounded * 32767, [-32768, -1, -1, 0, 0, 0, 1, 1, 32767], rtol=1e-6)


def test_rounding_has_the_slope_of_a_line_within_full_scale():
    waveform = tf.constant([-1.5, -0.3, 0.0, 0.70001, 1.2])
    with tf.GradientTape() as tape:
        tape.watch(waveform)
        rounded = framing.quantised(waveform)
    slope = 32768 / 32767
    np.testing.assert_allclose(tape.gradient(rounded, waveform), [0, slope, slope, slope, 0], rtol=1e-6)


def test_frames_start_every_ten_milliseconds_at_the_first_sample():
    waveform = np.arange(1600, dtype=np.float32)
    for size in (320, 960):
        expected = np.lib.stride_tricks.sliding_window_view(waveform, size)[::160]
        np.testing.assert_array_equal(framing.frames(tf.constant(waveform[None]), size)[0], expected)


def test_spectrum_is_the_plain_sum_and_has_a_derivative_in_silence():
    frame = np.random.default_rng(0).normal(size=(1, 1, 320)).astype(np.float32)
    power, magnitude = framing.spectra(tf.constant(frame), 512)
    expected = np.abs(np.fft.rfft(frame[0, 0], 512))
    np.testing.assert_allclose(magnitude[0, 0], expected, rtol=1e-4)
    np.testing.assert_allclose(power[0, 0], expected**2, rtol=1e-4)
    silence = tf.zeros([1, 1, 320])
    with tf.GradientTape() as tape:
        tape.watch(silence)
        magnitude = framing.spectra(silence, 512)[1]
    np.testing.assert_array_equal(tape.gradient(magnitude, silence), 0)
