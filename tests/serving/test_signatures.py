import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from kerasser.features.records import serialize_frames
from kerasser.serving import export
from tests.serving.small import CLASSES, networks, padded, speech

pytestmark = pytest.mark.smoke
LENGTHS = (1, 3, 4, 37, 120)
UTTERANCES = [speech(frames, seed) for seed, frames in enumerate(LENGTHS)]
ON_FRAMES = ("serving_default", "undefended", "clean", "evaluate")


@pytest.fixture(scope="module")
def signatures(saved_model):
    loaded = tf.saved_model.load(str(saved_model))
    yield loaded.signatures


def ask(signature, inputs):
    return {name: value.numpy() for name, value in signature(**{k: tf.constant(v) for k, v in inputs.items()}).items()}


def on_frames(signatures, name, batch):
    labels = {"labels": np.arange(len(batch["lengths"]), dtype=np.int32) % 2} if name == "evaluate" else {}
    return ask(signatures[name], {**batch, **labels})


def of_keras(made, batch):
    """Returns the answers of the networks themselves: cleaned, defended, undefended."""
    model, cleaner = made
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    cleaned = cleaner(tensors, training=False)
    return cleaned, model({**tensors, "features": cleaned}, training=False), model(tensors, training=False)


def test_saved_model_cli_prints_the_signatures(saved_model):
    command = "import sys; from tensorflow.python.tools.saved_model_cli import main; sys.exit(main())"
    shown = subprocess.run(
        [sys.executable, "-c", command, "show", "--dir", str(saved_model), "--all"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in (*ON_FRAMES, "serialized", "serialized_undefended"):
        assert f"signature_def['{name}']" in shown


def test_inputs_and_outputs_have_the_types_and_shapes_of_the_contract(signatures):
    frames = {"features": (tf.float32, [None, None, 25]), "lengths": (tf.int32, [None])}
    answer = {
        "probabilities": (tf.float32, [None, 2]),
        "logits": (tf.float32, [None, 2]),
        "label": (tf.string, [None]),
    }
    strings, classes = {"serialized": (tf.string, [None])}, {"classes": (tf.string, [None, 2])}
    score = {
        "correct": (tf.bool, [None]),
        "cross_entropy": (tf.float32, [None]),
        "margin": (tf.float32, [None]),
        "predicted": (tf.int32, [None]),
        "probabilities": (tf.float32, [None, 2]),
    }
    both = {f"{prefix}{name}": kind for prefix in ("", "undefended_") for name, kind in score.items()}
    expected = {
        "serving_default": (frames, answer),
        "undefended": (frames, answer),
        "clean": (frames, {"features": frames["features"]}),
        "evaluate": ({**frames, "labels": (tf.int32, [None])}, both),
        "serialized": (strings, {**answer, **classes}),
        "serialized_undefended": (strings, {**answer, **classes}),
    }
    assert set(signatures) == set(expected)
    for name, (inputs, outputs) in expected.items():
        for found, wanted in (
            (signatures[name].structured_input_signature[1], inputs),
            (signatures[name].structured_outputs, outputs),
        ):
            assert {key: (spec.dtype, spec.shape.as_list()) for key, spec in found.items()} == wanted


@pytest.mark.parametrize("shape", [{}, {"pooling": "mean", "frames_per_step": 1}, {"form": "segment"}], ids=str)
def test_it_answers_as_the_networks_do(shape, tmp_path):
    model, cleaner = networks(**shape)
    export.write(tmp_path / "saved_model", model, CLASSES, cleaner)
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    batch = padded(UTTERANCES)
    cleaned, defended, undefended = of_keras((model, cleaner), batch)
    np.testing.assert_allclose(on_frames(loaded.signatures, "clean", batch)["features"], cleaned, atol=1e-5)
    for name, expected in (("serving_default", defended), ("undefended", undefended)):
        found = on_frames(loaded.signatures, name, batch)
        for output in ("logits", "probabilities"):
            np.testing.assert_allclose(found[output], expected[output], atol=1e-5)
        labels = [CLASSES[index].encode() for index in np.argmax(expected["probabilities"], axis=1)]
        assert found["label"].tolist() == labels
    # Otherwise it would not matter which of the two is asked.
    assert np.abs(defended["logits"] - undefended["logits"]).max() > 0.01


def test_without_a_generator_it_is_the_classifier_alone(made, tmp_path):
    export.write(tmp_path / "saved_model", made[0], CLASSES)
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    assert set(loaded.signatures) == {"serving_default", "serialized", "evaluate"}
    batch = padded(UTTERANCES)
    expected = of_keras(made, batch)[2]
    np.testing.assert_allclose(
        on_frames(loaded.signatures, "serving_default", batch)["logits"], expected["logits"], atol=1e-5
    )
    assert set(on_frames(loaded.signatures, "evaluate", batch)) == {
        "correct",
        "cross_entropy",
        "margin",
        "predicted",
        "probabilities",
    }


@pytest.mark.parametrize("name", ON_FRAMES)
@pytest.mark.parametrize("extra", [0, 1, 63])
@pytest.mark.parametrize("fill", [0.0, float("nan"), 1e30, -1e30, float("inf"), "first element"], ids=str)
def test_no_padding_changes_an_answer(signatures, name, fill, extra):
    plain = on_frames(signatures, name, padded(UTTERANCES))
    # TF Serving itself pads with the first number of the whole tensor.
    value = UTTERANCES[0][0, 0] if fill == "first element" else fill
    again = on_frames(signatures, name, padded(UTTERANCES, max(LENGTHS) + extra, value))
    for output, expected in plain.items():
        found = again[output]
        if output == "features":
            assert not found[:, max(LENGTHS) :].any()
            found = found[:, : max(LENGTHS)]
        np.testing.assert_allclose(
            found, expected, atol=1e-5
        ) if found.dtype.kind == "f" else np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("lengths", [[0, 2], [-1, 2], [6, 2], [2**31 - 1, 1], [2], [2, 2, 2], []], ids=str)
@pytest.mark.parametrize("name", ON_FRAMES)
def test_wrong_lengths_are_an_error_and_not_an_answer(signatures, name, lengths):
    batch = {**padded([speech(5), speech(5)]), "lengths": np.array(lengths, np.int32)}
    with pytest.raises(tf.errors.InvalidArgumentError, match="lengths: expected .* Received"):
        ask(signatures[name], {**batch, **({"labels": np.zeros(2, np.int32)} if name == "evaluate" else {})})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_valid_frame_that_is_not_finite_is_an_error(signatures, value):
    batch = padded([speech(5), speech(3)])
    batch["features"][1, 2, 7] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match="finite"):
        on_frames(signatures, "serving_default", batch)
    batch["lengths"][1] = 2
    assert np.isfinite(on_frames(signatures, "serving_default", batch)["logits"]).all()


@pytest.mark.parametrize("labels", [[0, 2], [-1, 0], [0]], ids=str)
def test_labels_that_are_no_class_are_an_error(signatures, labels):
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels: expected"):
        ask(signatures["evaluate"], {**padded([speech(5), speech(3)]), "labels": np.array(labels, np.int32)})


@pytest.mark.parametrize("name", ["serving_default", "undefended", "clean", "evaluate"])
def test_a_batch_of_one_agrees_with_a_batch_of_64(signatures, name):
    batch = padded([speech(1 + 7 * number, number) for number in range(64)])
    together = on_frames(signatures, name, batch)
    for number in range(64):
        alone = {key: value[number : number + 1] for key, value in batch.items()}
        labels = {"labels": np.array([number % 2], np.int32)} if name == "evaluate" else {}
        for output, value in ask(signatures[name], {**alone, **labels}).items():
            if value.dtype.kind == "f":
                np.testing.assert_allclose(value[0], together[output][number], atol=1e-5, rtol=1e-5)
            else:
                assert value[0] == together[output][number]


def test_evaluate_agrees_with_numpy(signatures, made):
    batch, labels = padded(UTTERANCES), np.array([0, 1, 1, 0, 1], np.int32)
    found = ask(signatures["evaluate"], {**batch, "labels": labels})
    for prefix, answer in zip(("", "undefended_"), of_keras(made, batch)[1:], strict=True):
        logits = answer["logits"].numpy().astype(float)
        truth, other = logits[range(5), labels], logits[range(5), 1 - labels]
        np.testing.assert_allclose(found[f"{prefix}margin"], truth - other, atol=1e-4)
        np.testing.assert_allclose(found[f"{prefix}cross_entropy"], np.log(np.exp(logits).sum(1)) - truth, atol=1e-4)
        np.testing.assert_array_equal(found[f"{prefix}correct"], truth > other)
        np.testing.assert_array_equal(found[f"{prefix}predicted"], logits.argmax(1))
        np.testing.assert_allclose(found[f"{prefix}probabilities"], answer["probabilities"], atol=1e-5)


def test_serialized_examples_of_any_lengths_are_answered_as_frames_are(signatures):
    batch = padded(UTTERANCES)
    strings = {"serialized": np.array([serialize_frames(utterance) for utterance in UTTERANCES], object)}
    for name, frames in (("serialized", "serving_default"), ("serialized_undefended", "undefended")):
        found, expected = ask(signatures[name], strings), on_frames(signatures, frames, batch)
        np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-5)
        np.testing.assert_array_equal(found["label"], expected["label"])
        assert found["classes"].tolist() == [[b"negative", b"positive"]] * 5


@pytest.mark.parametrize(
    "broken",
    [
        b"no example",
        b"",
        serialize_frames(np.zeros((0, 25), np.float32)),
        serialize_frames(np.zeros((4, 24), np.float32)),
    ],
)
def test_what_is_no_example_with_frames_is_an_error(signatures, broken):
    with pytest.raises(tf.errors.InvalidArgumentError):
        ask(signatures["serialized"], {"serialized": np.array([serialize_frames(speech(4)), broken], object)})


def test_the_graph_holds_nothing_that_a_cpu_server_lacks(saved_model):
    graph = (
        saved_model_pb2.SavedModel.FromString((saved_model / "saved_model.pb").read_bytes()).meta_graphs[0].graph_def
    )
    operations = {node.op for node in graph.node} | {n.op for f in graph.library.function for n in f.node_def}
    assert "While" in operations or "StatelessWhile" in operations
    assert not [name for name in operations if "CudnnRNN" in name or "PyFunc" in name or "Xla" in name or "IO>" in name]


def lstms(model):
    """The LSTMs of a model and of the models in it."""
    within = [lstms(layer) if hasattr(layer, "layers") else [layer] for layer in model.layers]
    return [layer for layers in within for layer in layers if isinstance(layer, keras.layers.LSTM)]


def test_a_copy_for_the_cpu_answers_the_same_and_never_asks_cudnn(made):
    copy = export.cpu_copy(made[1])
    flat = lstms(copy)
    assert len(flat) == 2
    assert all(layer.use_cudnn is False for layer in flat)
    batch = {name: tf.constant(value) for name, value in padded(UTTERANCES).items()}
    np.testing.assert_allclose(copy(batch), made[1](batch), atol=1e-6)
    assert any(layer.use_cudnn is not False for layer in lstms(made[1]))
