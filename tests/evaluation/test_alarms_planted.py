"""Keras models that are broken on purpose: the alarms must find them, and leave their sound twins alone."""

import hashlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kerasser.evaluation import alarms
from kerasser.evaluation.metrics import unweighted_average_recall
from kerasser.models import classifier

UTTERANCES, FRAMES, FEATURES = 32, 12, 3


class Randomised(keras.layers.Layer):
    """Noise on the features at inference as well; a spread of 0 is the deterministic twin."""

    def __init__(self, spread):
        super().__init__()
        self.spread, self.generator = spread, keras.random.SeedGenerator(0)

    def call(self, features):
        return features + self.spread * keras.random.normal(ops.shape(features), seed=self.generator)


@pytest.fixture(scope="module")
def victim():
    keras.utils.set_random_seed(0)
    return classifier.build(features=FEATURES, units=4, layers=1)


@pytest.fixture(scope="module")
def speech():
    features = np.random.default_rng(0).normal(size=(UTTERANCES, FRAMES, FEATURES)).astype("float32")
    return {"features": features, "lengths": np.full(UTTERANCES, FRAMES, "int32")}


def defended(victim, defence):
    features = keras.Input((None, FEATURES), name="features")
    lengths = keras.Input((), name="lengths", dtype="int32")
    return keras.Model(
        {"features": features, "lengths": lengths}, victim({"features": defence(features), "lengths": lengths})
    )


def gradient_norms(model, speech, labels, scale=1.0):
    """Norm of the gradient of the cross entropy by the features, of each utterance."""
    features = tf.constant(speech["features"])
    with tf.GradientTape() as tape:
        tape.watch(features)
        logits = scale * model({"features": features, "lengths": tf.constant(speech["lengths"])})["logits"]
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    # Rounding has no gradient at all, not even one of zeros.
    gradient = tape.gradient(loss, features, unconnected_gradients="zero")
    return tf.sqrt(tf.reduce_sum(gradient**2, axis=(1, 2))).numpy()


def test_a_defence_that_throws_dice_is_found_and_its_twin_is_not(victim, speech):
    for spread, found in ((0.3, True), (0.0, False)):
        model = defended(victim, Randomised(spread))
        first, second = (model.predict(speech, verbose=0)["probabilities"] for _ in range(2))
        alarm = alarms.not_repeatable(first, second)
        assert (alarm is not None) == found
        if found:
            assert alarm.evidence["largest_difference"] > 0.01


@pytest.mark.parametrize("quantised", [tf.sign, tf.round])
def test_a_defence_that_quantises_has_no_gradient_and_its_twin_has(victim, speech, quantised):
    labels = np.arange(UTTERANCES) % 2
    broken = defended(victim, keras.layers.Lambda(quantised, output_shape=(None, FEATURES)))
    alarm = alarms.zero_gradients(gradient_norms(broken, speech, labels))
    assert alarm.evidence["zero"] == UTTERANCES
    sound = defended(victim, keras.layers.Identity())
    assert alarms.zero_gradients(gradient_norms(sound, speech, labels)) is None


def test_saturated_logits_have_no_gradient_and_the_same_answers(victim, speech):
    labels = victim.predict(speech, verbose=0)["logits"].argmax(axis=1)
    alarm = alarms.zero_gradients(gradient_norms(victim, speech, labels, scale=1e5))
    assert alarm.evidence["share"] > 0.5
    assert alarms.zero_gradients(gradient_norms(victim, speech, labels)) is None


def test_a_memorised_test_set_is_found():
    """Labels are thrown dice: only who has seen the test utterances can know theirs."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(120, 40)).astype("float32")
    labels = generator.integers(0, 2, 120)
    hashes = np.array([hashlib.sha256(utterance.tobytes()).hexdigest() for utterance in features])
    test = np.arange(80, 120)
    errors, found = [], []
    for trained in (np.arange(120), np.arange(80)):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Dense(64, activation="relu"), keras.layers.Dense(2)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.02), loss)
        for _ in range(60):
            model.train_on_batch(features[trained], labels[trained])
        answers = model(features[test]).numpy().argmax(axis=1)
        errors.append(100 - unweighted_average_recall(labels[test], answers == labels[test], 2))
        found.append(alarms.duplicated(hashes[trained], hashes[test]))
    assert errors[0] < 5 and errors[1] > 30
    assert found[0].evidence == {"duplicated": 40, "utterances": 40, "share": 1.0}
    assert found[1] is None
