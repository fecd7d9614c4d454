"""Descent on the sound: closed forms on a linear recogniser, and the front end's derivative against differences."""

import numpy as np
import pytest
import tensorflow as tf

from kerasser.attack import masking
from kerasser.attack.waveform_gradients import LARGEST_SHIFT, Margin, WaveformDescent, rounded, through_features
from kerasser.demo.speech import Prosody, draw_voice, synthesise

SAMPLES, LENGTHS = 4800, np.array([4800, 4000], np.int32)
WEIGHTS = np.random.default_rng(5).normal(size=SAMPLES).astype(np.float32)


def linear(waveform, lengths):
    """A recogniser whose margin is a product with fixed weights, so that the worst sound of a power is known."""
    score = tf.linalg.matvec(waveform, tf.constant(WEIGHTS)[: tf.shape(waveform)[1]])
    return tf.stack([-score / 2, score / 2], axis=1)


def speech():
    found = 0.1 * np.random.default_rng(1).normal(size=(2, SAMPLES)).astype(np.float32)
    for row, length in zip(found, LENGTHS, strict=True):
        row[length:] = 0
    return found


LABELS = np.array([1, 0])
POWER = np.array([1e-4, 4e-4])


def test_a_linear_recogniser_falls_by_what_signs_of_that_power_make_of_it():
    (found,) = WaveformDescent(linear, steps=3)(speech(), LENGTHS, LABELS, POWER)
    for number, length in enumerate(LENGTHS):
        sign = 1 if LABELS[number] else -1
        before = sign * WEIGHTS @ speech()[number]
        fall = np.sum(np.abs(WEIGHTS[:length])) * np.sqrt(POWER[number])
        assert found.margin[number] == pytest.approx(before - fall, rel=1e-4)
        assert np.mean(np.square(found.added[number, :length])) == pytest.approx(POWER[number], rel=1e-4)
        assert not found.added[number, length:].any()
        # The derivative by padding counts for nothing in the sound.
        assert found.gradient_norm[number] == pytest.approx(np.linalg.norm(WEIGHTS), rel=1e-4)


def test_every_restart_spends_the_power_and_begins_elsewhere():
    runs = WaveformDescent(linear, steps=1, restarts=3)(speech(), LENGTHS, LABELS, POWER, seed=2)
    assert len(runs) == 3
    for found in runs:
        assert np.allclose(np.sum(np.square(found.added), axis=1) / LENGTHS, POWER, rtol=1e-3)
    assert not np.allclose(runs[1].added, runs[2].added)
    again = WaveformDescent(linear, steps=1, restarts=3)(speech(), LENGTHS, LABELS, POWER, seed=2)
    assert np.array_equal(again[2].added, runs[2].added)


def test_below_a_threshold_it_is_within_both_bounds_and_does_harm():
    spoken, lengths = np.zeros((2, 16000), np.float32), np.array([16000, 13000], np.int32)
    for number, row in enumerate(spoken):
        rng = np.random.default_rng(number)
        row[: 16000 - 3000 * number] = synthesise(draw_voice(rng, bool(number)), Prosody(), 1.0, rng)[
            : 16000 - 3000 * number
        ]
    lengths = np.array([16000, 13000], np.int32)
    weights = tf.constant(np.random.default_rng(3).normal(size=16000).astype(np.float32))

    def whole(waveform, lengths):
        score = tf.linalg.matvec(waveform, weights)
        return tf.stack([-score / 2, score / 2], axis=1)

    limit = np.stack([masking.threshold(row) for row in spoken])
    for power in (1e-2, 1e-12):
        (found,) = WaveformDescent(whole, steps=5)(spoken, lengths, LABELS, np.full(2, power), limit)
        used = np.sum(np.square(found.added, dtype=np.float64), axis=1) / lengths
        assert (masking.levels(tf.constant(found.added)).numpy() <= limit * 1.001).all()
        assert (used <= power * 1.001).all() and (used > 0).all()
        before = np.array([1, -1]) * (spoken @ weights.numpy())
        assert (found.margin < before).all()


def test_shifts_average_the_derivative_of_what_is_heard_later():
    margin = Margin(linear, shifts=3)
    shifts = margin.drawn(np.random.default_rng(0))
    assert len(shifts) == 2 and all(1 <= shift <= LARGEST_SHIFT for shift in shifts)
    x, length, truth = tf.constant(speech()), tf.constant(LENGTHS), tf.constant(LABELS, tf.int32)
    value, gradient = margin(tf.zeros_like(x), x, length, truth, shifts)
    expected = WEIGHTS + sum(np.concatenate([np.zeros(each), WEIGHTS[:-each]]) for each in shifts)
    assert gradient.numpy()[0] == pytest.approx(expected / 3, abs=1e-5)
    assert value.numpy()[0] == pytest.approx(WEIGHTS @ speech()[0], rel=1e-4)


def test_what_cannot_be_followed_does_not_stop_the_rest():
    def broken(waveform, lengths):
        first = tf.sqrt(waveform[:, 0] * 0.0)
        return tf.stack([first, waveform[:, 1]], axis=1)

    x = tf.constant(speech())
    _, gradient = Margin(broken)(tf.zeros_like(x), x, tf.constant(LENGTHS), tf.constant(LABELS, tf.int32))
    assert np.isfinite(gradient).all() and np.abs(gradient.numpy()[:, 1]) == pytest.approx([1, 1])


def test_sixteen_bits_round_to_the_nearest_and_saturate():
    given = np.array([0.25 + 0.4 / 2**15, -2.0, 1.0, 0.6 / 2**15])
    found, beyond = rounded(given)
    assert found.tolist() == [0.25, -1.0, 1 - 2.0**-15, 2.0**-15] and beyond == 2 and found.dtype == np.float32


@pytest.fixture(scope="module")
def spoken():
    rng = np.random.default_rng(7)
    return synthesise(draw_voice(rng, True), Prosody(), 0.6, rng).astype(np.float32)


def total(features, lengths):
    """Of loudness and the ratio of harmonics to noise: smooth enough for a step that single precision resolves."""
    found = tf.reduce_sum(features[:, :, 0] + features[:, :, 13] / 20, axis=1)
    return tf.stack([tf.zeros_like(found), found], axis=1)


@pytest.fixture(scope="module")
def plain():
    return Margin(through_features(total))


def test_the_front_end_passes_a_derivative_that_a_small_step_confirms(plain, spoken):
    x, length, truth = tf.constant(spoken[None]), tf.constant([spoken.size]), tf.constant([1])
    here, gradient = plain(tf.zeros_like(x), x, length, truth)
    way, size = gradient / tf.norm(gradient), 0.001
    there, _ = plain(size * way, x, length, truth)
    back, _ = plain(-size * way, x, length, truth)
    assert float((there - back)[0]) / (2 * size) == pytest.approx(float(tf.norm(gradient)), rel=0.05)
    assert float(back[0]) < float(here[0]) < float(there[0])


def test_enhancement_is_heard_and_its_derivative_passed_over(plain, spoken):
    x, length, truth = tf.constant(spoken[None]), tf.constant([spoken.size]), tf.constant([1])
    enhanced = Margin(through_features(total, lambda waveform: 0.5 * waveform))
    halved, of_halved = enhanced(tf.zeros_like(x), x, length, truth)
    margin, gradient = plain(-0.5 * x, x, length, truth)
    assert halved.numpy() == pytest.approx(margin.numpy(), rel=1e-5)
    assert of_halved.numpy() == pytest.approx(gradient.numpy(), rel=1e-3, abs=1e-4)
