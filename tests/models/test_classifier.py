import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasser.models import classifier
from kerasser.models.layers import FrameGroups, FrameNormalization, LastFrame, MeanFrame

FORMS = [
    {"frames_per_step": 1, "pooling": "last", "layers": 1},
    {"frames_per_step": 1, "pooling": "mean"},
    {"frames_per_step": 4, "pooling": "last"},
    {"frames_per_step": 4, "pooling": "mean"},
]


def speech(batch=5, frames=23, seed=0):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, frames + 1, batch).astype(np.int32)
    lengths[0] = frames
    return generator.normal(3, 2, (batch, frames, 25)).astype(np.float32), lengths


def build(**form):
    keras.utils.set_random_seed(1)
    model = classifier.build(units=8, **form)
    model.get_layer("normalization").adapt(np.full(25, 3.0), np.full(25, 4.0))
    return model


@pytest.fixture(scope="module", params=FORMS, ids=str)
def model(request):
    return build(**request.param)


@settings(deadline=None, max_examples=15)
@given(padding=st.sampled_from([0.0, -1.0, 1e30, float("nan"), float("inf")]), extra=st.integers(0, 9))
def test_no_padding_changes_an_answer(model, padding, extra):
    features, lengths = speech()
    plain = model({"features": features, "lengths": lengths})["logits"].numpy()
    padded = np.concatenate([features, np.zeros((5, extra, 25), np.float32)], axis=1)
    for row, length in zip(padded, lengths, strict=True):
        row[length:] = padding
    again = model({"features": padded, "lengths": lengths})["logits"].numpy()
    np.testing.assert_allclose(again, plain, atol=1e-6)


def test_an_utterance_is_answered_alike_alone_and_in_a_batch(model):
    features, lengths = speech()
    together = model({"features": features, "lengths": lengths})["probabilities"].numpy()
    for row in range(5):
        alone = model({"features": features[row : row + 1, : lengths[row]], "lengths": lengths[row : row + 1]})
        np.testing.assert_allclose(alone["probabilities"].numpy()[0], together[row], atol=1e-6)


def test_every_valid_frame_counts(model):
    features, lengths = speech()
    plain = model({"features": features, "lengths": lengths})["logits"].numpy()
    for frame in (0, 11, 22):
        changed = features.copy()
        changed[0, frame] += 4.0
        assert np.abs(model({"features": changed, "lengths": lengths})["logits"].numpy()[0] - plain[0]).max() > 1e-6


def test_probabilities_are_the_softmax_of_the_logits(model):
    features, lengths = speech()
    answer = model({"features": features, "lengths": lengths})
    exponents = np.exp(answer["logits"].numpy())
    np.testing.assert_allclose(answer["probabilities"], exponents / exponents.sum(axis=1, keepdims=True), rtol=1e-5)


def test_a_saved_model_answers_as_before(model, tmp_path):
    features, lengths = speech()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again({"features": features, "lengths": lengths})["logits"],
        model({"features": features, "lengths": lengths})["logits"],
    )


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_depth_is_the_number_of_lstm_layers(layers):
    model = build(layers=layers)
    assert sum(isinstance(layer, keras.layers.LSTM) for layer in model.layers) == layers


def test_normalisation_follows_its_statistics_and_bounds_outliers():
    layer = FrameNormalization(clip_value=4.0)
    features = np.full((1, 2, 3), 7.0, np.float32)
    features[0, 0, 2] = 1e9
    layer(features, np.array([2]))
    layer.adapt(np.array([7.0, 5.0, 0.0]), np.array([1.0, 4.0, 0.0]))
    np.testing.assert_allclose(layer(features, np.array([2]))[0, 0], [0.0, 1.0, 4.0])


def test_groups_average_the_frames_they_have():
    frames = np.arange(7, dtype=np.float32).reshape(1, 7, 1)
    frames[0, 5:] = 0
    groups, lengths = FrameGroups(3)(frames, np.array([5], np.int32))
    np.testing.assert_allclose(np.ravel(groups), [1.0, 3.5, 0.0])
    assert int(lengths[0]) == 2


def test_pooling_takes_the_last_or_the_mean_of_the_valid_frames():
    sequences = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    lengths = np.array([2, 3], np.int32)
    np.testing.assert_array_equal(LastFrame()(sequences, lengths), [[2, 3], [10, 11]])
    np.testing.assert_array_equal(MeanFrame()(sequences, lengths), [[1, 2], [8, 9]])


def test_gaussian_noise_is_heard_in_training_alone():
    features, lengths = speech()
    inputs = {"features": features, "lengths": lengths}
    quiet, noisy = build(), build(gaussian_noise=0.5)
    noisy.set_weights(quiet.get_weights())
    np.testing.assert_array_equal(noisy(inputs)["logits"], quiet(inputs)["logits"])
    heard = noisy(inputs, training=True)["logits"].numpy()
    assert not np.allclose(heard, quiet(inputs)["logits"], atol=1e-3)
    assert not np.array_equal(heard, noisy(inputs, training=True)["logits"])
