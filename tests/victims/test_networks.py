"""Networks as victims: the forms of input that they may take, what is refused, and whose output is the answer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasser.util.errors import InputError
from kerasser.victims.networks import keras_model, saved_model

SOUND = [np.linspace(-1, 1, count, dtype=np.float32) for count in (4, 6, 4)]
FRAMES = [np.full((count, 25), count, np.float32) for count in (2, 5)]


def signature(function, **inputs):
    specs = {name: tf.TensorSpec(shape, kind, name=name) for name, (shape, kind) in inputs.items()}
    return {"serve": tf.function(lambda **given: function(**given)).get_concrete_function(**specs)}


def asked(function, input_kind, **inputs):
    inputs = {name: given if isinstance(given, tuple) else (given, tf.float32) for name, given in inputs.items()}
    return saved_model(signature(function, **inputs), "serve", "mine", input_kind)


def outer(x):
    """Two probabilities from all of a sound."""
    first = tf.reduce_mean(tf.reshape(tf.abs(x), [tf.shape(x)[0], -1]), axis=1)
    return tf.stack([first, 1 - first], axis=1)


def expected(items):
    first = np.array([np.abs(item).mean() for item in items])
    return np.stack([first, 1 - first], axis=1)


@pytest.mark.parametrize("shape", [[None, None], [None, None, 1], None], ids=str)
def test_sound_of_any_length_is_asked_about_without_padding(shape):
    np.testing.assert_allclose(asked(lambda x: {"p": outer(x)}, "waveform", x=shape)(SOUND), expected(SOUND), atol=1e-6)


def test_speech_of_one_length_is_asked_about_together():
    batches = []

    def call(x):
        tf.py_function(lambda shape: batches.append(tuple(shape.numpy())), [tf.shape(x)], [])
        return {"p": outer(x)}

    asked(call, "waveform", x=[None, None])(SOUND)
    assert sorted(batches) == [(1, 6), (2, 4)]


def test_a_fixed_length_is_filled_with_zeros_or_cut():
    answers = asked(lambda x: {"p": outer(x)}, "waveform", x=[None, 5])(SOUND)
    np.testing.assert_allclose(answers, expected([np.pad(each[:5], (0, max(0, 5 - len(each)))) for each in SOUND]))


def test_lengths_go_along_with_padded_frames_and_keep_their_type():
    def call(features, lengths):
        assert lengths.dtype == tf.int64
        total = tf.reduce_sum(features, axis=[1, 2]) / 25
        return {"p": tf.stack([total, tf.cast(lengths, tf.float32)], axis=1)}

    ask = asked(call, "frames", features=[None, None, 25], lengths=([None], tf.int64))
    np.testing.assert_allclose(ask(FRAMES), [[4, 2], [25, 5]])


def test_lengths_are_cut_with_the_frames():
    def call(features, lengths):
        return {"p": tf.cast(tf.stack([lengths, lengths * 0 + tf.shape(features)[1]], axis=1), tf.float32)}

    ask = asked(call, "frames", features=[None, 3, 25], lengths=([None], tf.int32))
    np.testing.assert_allclose(ask(FRAMES), [[2, 3], [3, 3]])


def test_functionals_are_one_row_an_utterance():
    rows = [np.full(88, value, np.float32) for value in (0.25, 0.5)]
    np.testing.assert_allclose(asked(lambda x: {"p": outer(x)}, "functionals", x=[None, 88])(rows), expected(rows))


def test_the_output_named_probabilities_is_the_answer():
    ask = asked(lambda x: {"logits": -outer(x), "probabilities": outer(x)}, "waveform", x=[None, None])
    np.testing.assert_allclose(ask(SOUND), expected(SOUND), atol=1e-6)


def test_several_outputs_without_that_name_are_refused():
    ask = asked(lambda x: {"a": outer(x), "b": outer(x)}, "waveform", x=[None, None])
    with pytest.raises(InputError, match=r"mine: expected an output named probabilities, or a single one.*a, b"):
        ask(SOUND)


def test_an_answer_of_another_length_is_handed_on_for_the_caller_to_refuse():
    ask = asked(lambda x: {"p": outer(x)[:1]}, "waveform", x=[None, None])
    assert len(ask([SOUND[0], SOUND[2]])) == 1


def test_what_a_network_raises_names_it():
    def call(x):
        tf.debugging.assert_less(x, 0.5, message="too loud")
        return {"p": outer(x)}

    with pytest.raises(InputError, match="mine: .*too loud"):
        asked(call, "waveform", x=[None, None])(SOUND)


@pytest.mark.parametrize(
    ("input_kind", "inputs", "wanted", "found"),
    [
        ("frames", {"x": [None, None, 24]}, "[…, …, 25] for frames, perhaps with lengths", "x […, …, 24]"),
        ("frames", {"x": [None, 25]}, "[…, …, 25] for frames", "x […, 25]"),
        ("functionals", {"x": [None, 25]}, "[…, 88] for functionals", "x […, 25]"),
        ("waveform", {"x": [None, None, 2]}, "[…, …] or […, …, 1] for waveform", "x […, …, 2]"),
        ("waveform", {"x": [None, None], "y": [None]}, "[…, …] or", "x […, …], y […]"),
        ("waveform", {"features": [None, None], "lengths": [None]}, "[…, …] or", "features […, …], lengths […]"),
        ("frames", {"x": [None, None, 25], "lengths": [None]}, "[…, …, 25]", "lengths […]"),
    ],
)
def test_another_input_is_refused_with_both_forms(input_kind, inputs, wanted, found):
    with pytest.raises(InputError) as error:
        asked(lambda **given: {"p": next(iter(given.values()))}, input_kind, **inputs)
    before, _, received = str(error.value).partition(" Received: ")
    assert before.startswith("mine: expected an input ") and wanted in before and found in received


@pytest.mark.parametrize(
    ("has", "words"), [(["b", "a"], "one of a, b in mine"), ([], "one of those that it has, none")]
)
def test_an_unknown_signature_is_refused_with_those_that_there_are(has, words):
    with pytest.raises(InputError, match=f"victim.signature: expected {words}.* Received: serve"):
        saved_model(dict.fromkeys(has), "serve", "mine", "frames")


def test_a_keras_file_answers_as_the_model_whatever_the_type_of_its_input(tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, 1), dtype="float64", name="sound")
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(keras.layers.GlobalMaxPooling1D()(inputs)))
    model.save(tmp_path / "mine.keras")
    answers = keras_model(str(tmp_path / "mine.keras"), "waveform")(SOUND)
    direct = [np.asarray(model(item[None, :, None]))[0] for item in SOUND]
    np.testing.assert_allclose(answers, direct, atol=1e-6)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    layer = keras.layers.Lambda(lambda x: x, output_shape=(88,))
    keras.Sequential([keras.Input((88,)), layer]).save(tmp_path / "mine.keras")
    with pytest.raises(InputError, match=r"mine\.keras: expected a Keras model\. Received: "):
        keras_model(str(tmp_path / "mine.keras"), "functionals")


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "mine.keras").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"mine\.keras: expected a Keras model"):
        keras_model(str(tmp_path / "mine.keras"), "frames")
