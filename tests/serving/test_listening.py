"""SavedModels that take sound."""

import io
import struct

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from kerasser.audio import FULL_SCALE
from kerasser.features.graph import egemaps
from kerasser.serving import export, listening, validation
from kerasser.serving.wav import encoded
from tests.serving.small import CLASSES, voice

VOICES = [voice(duration_s, seed) for seed, duration_s in enumerate((0.1, 0.5, 1.3))]
ON_SOUND = ("waveform", "waveform_undefended", "audio", "audio_undefended")


@pytest.fixture(scope="module")
def signatures(listening_model):
    loaded = tf.saved_model.load(str(listening_model))
    yield loaded.signatures


def side_by_side(waveforms, samples=0, fill=0.0):
    lengths = np.array([len(each) for each in waveforms], np.int32)
    padded = np.full((len(waveforms), max(samples, lengths.max())), fill, np.float32)
    for row, waveform in zip(padded, waveforms, strict=True):
        row[: len(waveform)] = waveform
    return {"waveform": padded, "lengths": lengths}


def files(*contents):
    return {"audio": np.array(contents, object)}


def ask(signature, inputs):
    return {name: value.numpy() for name, value in signature(**{k: tf.constant(v) for k, v in inputs.items()}).items()}


def wav(waveform, rate=16000, subtype="PCM_16", kind="WAV"):
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format=kind, subtype=subtype)
    return file.getvalue()


def test_sound_comes_in_and_answers_go_out(signatures):
    answer = {
        "probabilities": (tf.float32, [None, 2]),
        "logits": (tf.float32, [None, 2]),
        "label": (tf.string, [None]),
    }
    waveform = {"waveform": (tf.float32, [None, None]), "lengths": (tf.int32, [None])}
    audio, classes = {"audio": (tf.string, [None])}, {"classes": (tf.string, [None, 2])}
    for name in ON_SOUND:
        kind = {key: (spec.dtype, spec.shape.as_list()) for key, spec in signatures[name].structured_outputs.items()}
        given = signatures[name].structured_input_signature[1]
        assert kind == (answer if "waveform" in name else answer | classes)
        taken = {key: (spec.dtype, spec.shape.as_list()) for key, spec in given.items()}
        assert taken == (waveform if "waveform" in name else audio)
    assert {"serving_default", "serialized", "undefended", "serialized_undefended", "clean", "evaluate"} < set(
        signatures
    )


@pytest.fixture(scope="module")
def frames():
    """What the front end says of the voices."""
    features, lengths = egemaps(*map(tf.constant, side_by_side(VOICES).values()))
    return {"features": features, "lengths": lengths}


@pytest.mark.parametrize("suffix", ["", "_undefended"])
def test_sound_is_answered_as_its_frames_are(signatures, frames, suffix):
    given = side_by_side(VOICES)
    expected = ask(signatures["undefended" if suffix else "serving_default"], frames)
    found = ask(signatures[f"waveform{suffix}"], given)
    np.testing.assert_allclose(found["logits"], expected["logits"], atol=1e-4)
    assert found["label"].tolist() == expected["label"].tolist()
    of_files = ask(signatures[f"audio{suffix}"], files(*map(encoded, VOICES)))
    np.testing.assert_allclose(of_files["logits"], found["logits"], atol=1e-5)
    assert of_files["classes"].tolist() == [[name.encode() for name in CLASSES]] * 3


@pytest.mark.parametrize("extra", [0, 1, 7777])
@pytest.mark.parametrize("fill", [0.0, 0.5, float("nan"), 1e30, -float("inf")], ids=str)
def test_what_lies_beyond_the_lengths_changes_no_answer(signatures, fill, extra):
    plain = ask(signatures["waveform"], side_by_side(VOICES))
    again = ask(signatures["waveform"], side_by_side(VOICES, len(VOICES[-1]) + extra, fill))
    np.testing.assert_allclose(again["logits"], plain["logits"], atol=1e-4)


def test_an_utterance_is_answered_alone_as_among_others(signatures):
    together = ask(signatures["audio"], files(*map(encoded, VOICES)))
    for number, each in enumerate(VOICES):
        alone = ask(signatures["audio"], files(encoded(each)))
        np.testing.assert_allclose(alone["logits"][0], together["logits"][number], atol=1e-4)


def test_none_is_answered_by_none(signatures):
    assert ask(signatures["audio"], files())["classes"].shape == (0, 2)
    nothing = {"waveform": np.zeros((0, 2000), np.float32), "lengths": np.zeros(0, np.int32)}
    assert ask(signatures["waveform"], nothing)["logits"].shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda x: x["lengths"].__setitem__(0, 1599),
            r"at least 0.1 s of audio, 1600 samples. Received: \[1599 2000\]",
        ),
        (lambda x: x["lengths"].__setitem__(0, -1), r"at least 0.1 s"),
        (lambda x: x["lengths"].__setitem__(0, 2001), r"at most 2000 samples, as .* Received: \[2001 2000\]"),
        (lambda x: x.update(lengths=x["lengths"][:1]), r"one for each of 2 utterances. Received: \[1800\]"),
        (lambda x: x["waveform"].__setitem__((1, 1999), np.nan), "finite samples in all of 2 .* NaN or infinity"),
        (lambda x: x["waveform"].__setitem__((0, 0), -np.inf), "finite samples"),
        (lambda x: x["waveform"].__setitem__((0, 5), 1.0), r"samples in \[-1, 1 - 2\*\*-15\].* Received: .* to 1"),
        (lambda x: x["waveform"].__setitem__((0, 5), -1.01), r"samples in .* Received: -1.01 to"),
    ],
    ids=["short", "negative", "long", "one length", "NaN", "infinity", "too high", "too low"],
)
def test_the_client_hears_what_is_wrong_with_a_waveform(signatures, change, words):
    given = side_by_side([voice(1)[:1800], voice(1, 1)[:2000]])
    assert ask(signatures["waveform"], given)["logits"].shape == (2, 2)
    change(given)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        ask(signatures["waveform"], given)


def test_all_that_16_bits_can_hold_is_heard(signatures):
    full = np.tile(np.array([-1.0, FULL_SCALE], np.float32), 1000)
    assert np.isfinite(ask(signatures["waveform"], side_by_side([full]))["logits"]).all()


SECOND = voice(1)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "a WAV file of 16-bit PCM at 16000 Hz, mono. Received: 0 bytes of something else"),
        (b"RIFF", "too short"),
        (wav(SECOND, 8000), "mono. Received: 8000 Hz, 1 channels"),
        (wav(np.stack([SECOND, SECOND], 1)), "mono. Received: 16000 Hz, 2 channels"),
        (wav(SECOND, subtype="PCM_24"), "16-bit WAV files, but received 24"),
        (wav(SECOND, subtype="FLOAT"), r"Expected 1 \(PCM\), but got ?3"),
        (wav(SECOND, kind="FLAC"), "bytes of something else"),
        (wav(SECOND)[:9000], "too short"),
        (wav(SECOND[:1500]), r"at least 0.1 s of audio, 1600 samples. Received: \[16000 1500\]"),
    ],
    ids=["nothing", "head", "8 kHz", "stereo", "24 bits", "floats", "FLAC", "cut", "short"],
)
def test_the_client_hears_what_is_wrong_with_a_file(signatures, file, words):
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        ask(signatures["audio"], files(wav(SECOND), file))


def test_other_chunks_of_a_file_are_passed_over(signatures):
    plain = encoded(SECOND)
    at = plain.index(b"data")
    listed = plain[:at] + b"LIST" + struct.pack("<I", 8) + b"INFOabcd" + plain[at:]
    whole = listed[:4] + struct.pack("<I", len(listed) - 8) + listed[8:]
    found = ask(signatures["audio"], files(whole, plain))["logits"]
    np.testing.assert_array_equal(found[0], found[1])


def test_a_file_is_cut_to_16_bits_as_the_front_end_cuts():
    """So that nothing is lost between them: samples between two steps go towards zero."""
    waveform = np.random.default_rng(0).uniform(-1, FULL_SCALE, 4000).astype(np.float32)
    samples, lengths = listening.decoded(tf.constant([encoded(waveform)]))
    assert lengths.numpy() == [4000]
    np.testing.assert_array_equal(samples.numpy()[0] * 2.0**15, np.trunc(waveform * 2.0**15))
    straight, _ = egemaps(waveform[None], lengths)
    np.testing.assert_array_equal(straight, egemaps(samples, lengths)[0])
    kept = np.array([-1.0, -(2.0**-15), 0.0, 2.0**-15, FULL_SCALE] * 400, np.float32)
    np.testing.assert_array_equal(listening.decoded(tf.constant([encoded(kept)]))[0][0], kept)


def test_a_fresh_process_with_tensorflow_alone_answers_to_sound(listening_model):
    found = validation.validate(listening_model)
    # Four signatures, 1 s, 4 s and both.
    assert found.records == 12
    assert found.difference <= 1e-5


def test_the_graph_holds_nothing_that_a_cpu_server_lacks(listening_model):
    content = (listening_model / "saved_model.pb").read_bytes()
    graph = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def
    operations = {node.op for node in graph.node} | {n.op for f in graph.library.function for n in f.node_def}
    assert "DecodeWav" in operations
    assert not [name for name in operations if "CudnnRNN" in name or "PyFunc" in name or "Xla" in name or "IO>" in name]


def test_without_a_generator_an_input_has_one_answer(made, tmp_path):
    specs = (tf.TensorSpec((None, None, 25), tf.float32, name="halves"),)
    halves = export.Input("halves", specs, lambda x: (2 * x, tf.repeat(tf.shape(x)[1], tf.shape(x)[0])), named=True)
    export.write(tmp_path / "saved_model", made[0], CLASSES, inputs=[halves])
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    assert set(loaded.signatures) == {"serving_default", "serialized", "evaluate", "halves"}
    frames = np.random.default_rng(0).standard_normal((2, 30, 25)).astype(np.float32)
    found = ask(loaded.signatures["halves"], {"halves": frames / 2})
    lengths = np.array([30, 30], np.int32)
    expected = ask(loaded.signatures["serving_default"], {"features": frames, "lengths": lengths})
    np.testing.assert_allclose(found["logits"], expected["logits"], atol=1e-5)
    assert found["classes"].tolist() == [[name.encode() for name in CLASSES]] * 2
