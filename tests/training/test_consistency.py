"""Training on several versions of each utterance: what a step does, and that it can be taken up again."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasser.features import records
from kerasser.features.records import Example
from kerasser.models import classifier
from kerasser.models.consistency import cross_entropy, jensen_shannon
from kerasser.training.classifier import fit
from kerasser.training.consistency import Consistency, ConsistentClassifier
from kerasser.training.tensorboard.log import CONSISTENCY_TAGS
from kerasser.training.versions import VersionBatches, development
from tests.training.test_classifier import logged

NOISES = ("cafe", "station")


def examples(seed, noise=""):
    """Two classes that differ in one of three features; noise moves another, which tells nothing."""
    generator = np.random.default_rng(seed)
    for number in range(80):
        frames = generator.normal(0, 1, (int(generator.integers(8, 20)), 3)).astype(np.float32)
        frames[:, 1] += 0.7 * (number % 2)
        # Each utterance under its noise has the same frames, moved.
        frames[:, 0] += NOISES.index(noise) * 2 - 1 if noise else 0
        yield Example(f"u{number}", f"s{number // 8}", "anger", number % 2, frames, {"noise": noise})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("versions")
    for seed, part in enumerate(("train", "dev")):
        records.write(place / part, examples(seed))
        records.write(place / f"{part}-attacked", [each for noise in NOISES for each in examples(seed, noise)])
    return place


def network(dropout=0.0):
    keras.utils.set_random_seed(5)
    model = classifier.build(features=3, units=8, layers=1, dropout=dropout)
    model.get_layer("normalization").adapt(np.zeros(3), np.ones(3))
    return model


def train(files, work_dir, epochs, terms, dropout=0.0, log=False):
    model = network(dropout)
    data = VersionBatches([files / "train"], [files / "train-attacked"], 3, versions=2, batch_size=32, seed=5)
    work_dir.mkdir(exist_ok=True)
    history = fit(
        model,
        data,
        development([files / "dev"], [files / "dev-attacked"], 3, batch_size=64, rounds=2),
        consistency=terms,
        work_dir=work_dir,
        log_dir=work_dir / "logs" if log else None,
        epochs=epochs,
        learning_rate=0.02,
    )
    return model, history


def same(weights, others):
    return all(np.array_equal(one, other) for one, other in zip(weights, others, strict=True))


def test_training_in_pieces_gives_the_same_weights_as_in_one(files, tmp_path):
    terms = Consistency(10.0)
    whole, history = train(files, tmp_path / "whole", 3, terms, dropout=0.3)
    for epochs in (1, 3):
        pieces, again = train(files, tmp_path / "pieces", epochs, terms, dropout=0.3)
    assert again == history and same(whole.get_weights(), pieces.get_weights())


def test_the_term_lets_versions_be_answered_alike_where_pairing_alone_does_not(files, tmp_path):
    apart = {}
    for weight in (0.0, 10.0):
        model, history = train(files, tmp_path / str(weight), 6, Consistency(weight))
        assert history[-1]["val_uar"] > 80
        apart[weight] = history[-1]["divergence"]
    assert 0 < apart[10.0] < 0.5 * apart[0.0]


def test_both_terms_and_both_kinds_of_development_speech_are_in_history_and_tensorboard(files, tmp_path):
    model, history = train(files, tmp_path, 3, Consistency(10.0), log=True)
    for row in history:
        assert row["loss"] == pytest.approx(row["cross_entropy"] + 10 * row["divergence"], rel=1e-5)
        assert row["val_error"] == pytest.approx((row["val_error_clean"] + row["val_error_adversarial"]) / 2)
    curves = logged(tmp_path / "logs")
    assert curves.keys() == set(CONSISTENCY_TAGS.values())
    for name, tag in CONSISTENCY_TAGS.items():
        assert [value for _, value in curves[tag]] == pytest.approx([row[name] for row in history], rel=1e-5)
    # The best epoch is what remains, and its figures are what the development speakers give.
    best = max(history, key=lambda row: row["val_uar"])
    for kind, noisy in (("clean", False), ("adversarial", True)):
        data = development([files / "dev"], [files / "dev-attacked"], 3, batch_size=64, rounds=2)
        wrong = [[], []]
        for inputs, labels in data:
            answered = np.argmax(model({name: inputs[name] for name in ("features", "lengths")})["logits"], axis=1)
            for label, answer, attacked in zip(labels.numpy(), answered, inputs["adversarial"].numpy(), strict=True):
                wrong[label] += [answer != label] if attacked == noisy else []
        assert best[f"val_error_{kind}"] == pytest.approx(50 * (np.mean(wrong[0]) + np.mean(wrong[1])), abs=1e-4)


@pytest.mark.parametrize("terms", [Consistency(0.0), Consistency(10.0), Consistency(3.0, worst=True)])
def test_a_step_follows_the_gradient_of_the_terms_and_padding_changes_nothing(terms):
    generator = np.random.default_rng(3)
    features = generator.normal(size=(6, 3, 9, 3)).astype(np.float32)
    lengths, labels = np.array([9, 5, 9, 7, 8, 6], np.int32), np.array([0, 1, 0, 1, 1, 0], np.int64)
    weights = np.array([1, 2, 1, 1, 0.5, 1], np.float32)
    moved = []
    for padding in (0, 1000):
        padded = np.where(np.arange(9)[:, None] < lengths[:, None, None, None], features, padding).astype(np.float32)
        model = network()
        trained = ConsistentClassifier(keras.Model(model.inputs, model.get_layer("logits").output), 2, terms)
        trained.compile(keras.optimizers.SGD(0.1), jit_compile=False)
        trained.optimizer.build(trained.trainable_variables)
        before = [variable.numpy() for variable in trained.trainable_variables]
        batch = {"features": padded, "lengths": lengths, "labels": labels, "weights": weights}
        trained.train_step({name: tf.constant(value) for name, value in batch.items()})
        moved.append([one - two.numpy() for one, two in zip(before, trained.trainable_variables, strict=True)])
    model = network()
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        # One version after the other, instead of all as one batch.
        each = [model({"features": features[:, n], "lengths": lengths})["logits"] for n in range(3)]
        logits = tf.stack(each, axis=1)
        loss = cross_entropy(logits, labels, terms.worst) + terms.weight * jensen_shannon(logits)
        loss = tf.reduce_mean(weights * loss)
    expected = [0.1 * gradient for gradient in tape.gradient(loss, variables)]
    for found in moved:
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
