"""Mixtures of noise: the equaliser, what a linear recogniser finds worst, and that nothing else is added."""

import numpy as np
import pytest
import tensorflow as tf

from kerasser.attack.mixture import CENTRES_HZ, WorstMixture, equaliser

SAMPLES, LENGTHS = 3200, np.array([3200, 2500], np.int32)
MEAN, VARIANCE = np.array([0.0, 0.01]), np.array([4e-4, 1e-4])
GENERATOR = np.random.default_rng(0)
SPEECH = np.where(np.arange(SAMPLES) < LENGTHS[:, None], 0.1 * GENERATOR.normal(size=(2, SAMPLES)), 0).astype(
    np.float32
)
PIECES = np.where(np.arange(SAMPLES) < LENGTHS[:, None, None], 3.0 + GENERATOR.normal(size=(2, 3, SAMPLES)), 0).astype(
    np.float32
)


def towards(place):
    """A recogniser that one of the pieces harms, as much as there is of it."""

    def logits(waveform, lengths):
        score = -tf.reduce_sum(waveform * tf.constant(PIECES[:, place]), axis=1)
        return tf.stack([tf.zeros_like(score), score], axis=1)

    return logits


def test_the_equaliser_has_its_gains_at_its_centres_and_is_flat_where_they_are_alike():
    gains = np.array([[6.0, -6.0, 3.0, 0.0, 1.0, -2.0, 5.0]], np.float32)
    found = 20 * np.log10(equaliser(tf.constant(gains), 8001).numpy()[0])
    assert found[list(CENTRES_HZ)] == pytest.approx(gains[0], abs=1e-4)
    assert found[:126] == pytest.approx(np.full(126, 6.0), abs=1e-4)
    assert np.ptp(equaliser(tf.constant(np.full((1, 7), 2.0, np.float32)), 100).numpy()) < 1e-6


@pytest.mark.parametrize("place", [0, 2])
def test_the_piece_that_harms_gets_the_weight(place):
    runs = WorstMixture(towards(place), steps=20)(SPEECH, LENGTHS, np.ones(2, int), PIECES, MEAN, VARIANCE)
    assert len(runs) == 2
    for found in runs:
        assert (found.weights.argmax(axis=1) == place).all() and (found.weights[:, place] > 0.8).all()
        assert found.weights.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
        assert (np.abs(found.gains_db) <= 6).all() and (found.gradient_norm > 0).all()


def test_without_a_room_nothing_is_equalised():
    for found in WorstMixture(towards(1), steps=3, room_db=0.0)(
        SPEECH, LENGTHS, np.ones(2, int), PIECES, MEAN, VARIANCE
    ):
        assert not found.gains_db.any()
        for row, length, pieces, weights in zip(found.noise, LENGTHS, PIECES, found.weights, strict=True):
            centred = pieces[:, :length] - pieces[:, :length].mean(axis=1, keepdims=True)
            mixed = weights @ (centred / centred.std(axis=1, keepdims=True))
            assert row[:length] == pytest.approx(mixed / mixed.std(), abs=1e-3)


def test_the_mixture_has_mean_0_and_variance_1_and_the_margin_is_that_of_the_budget():
    for found in WorstMixture(towards(1), steps=4)(SPEECH, LENGTHS, np.ones(2, int), PIECES, MEAN, VARIANCE):
        for number, length in enumerate(LENGTHS):
            noise = found.noise[number, :length]
            assert noise.mean() == pytest.approx(0, abs=1e-4) and noise.var() == pytest.approx(1, rel=1e-3)
            assert not found.noise[number, length:].any()
            heard = SPEECH[number, :length] + MEAN[number] + np.sqrt(VARIANCE[number]) * noise
            assert found.margin[number] == pytest.approx(-heard @ PIECES[number, 1, :length], rel=1e-3, abs=0.02)
