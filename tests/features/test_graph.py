"""The graph front end against opensmile, itself in other batches, and as a member of the registry."""

import threading

import numpy as np
import pytest
import tensorflow as tf

from kerasser import audio, corpora
from kerasser.features import front_end, graph
from kerasser.features.agreement import agreements
from kerasser.features.base import EGEMAPS_NAMES
from kerasser.features.opensmile import Egemaps
from kerasser.util.errors import InputError
from pipelines.engine.source_hash import counted
from tests.features import checkpoint


@pytest.fixture(scope="module")
def ours():
    return front_end("graph")


@pytest.fixture(scope="module")
def reference():
    return Egemaps()


def noise(samples, seed=0):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, samples).astype(np.float32)


def spoken(count):
    """Waveforms with voiced stretches of several pitches."""
    generator = np.random.default_rng(count)
    sounds = []
    for number in range(count):
        samples = 8000 + 1234 * number
        phase = 2 * np.pi * np.cumsum(100 + 30 * number + 20 * np.sin(np.arange(samples) / 3000)) / 16000
        voice = sum(np.sin(order * phase) / order for order in range(1, 12))
        gate = np.sin(np.arange(samples) / 1700) > 0
        sounds.append((0.1 * gate * voice + generator.normal(0, 0.003, samples)).clip(-1, 0.99).astype(np.float32))
    return sounds


@pytest.mark.parametrize("samples", [1600, 1601, 1759, 1760, 1761, 4801, 16000, 48123])
def test_there_are_as_many_frames_as_of_opensmile(ours, reference, samples):
    frames = ours(noise(samples))
    assert frames.shape == reference(noise(samples)).shape
    assert frames.dtype == np.float32


def test_the_shortest_sound_has_two_frames_and_a_shorter_one_none():
    lengths = tf.constant([960, 959, 1120, 0])
    features, frames = graph.egemaps(tf.constant(np.stack([noise(1600)] * 4)), lengths)
    assert frames.numpy().tolist() == [2, 0, 3, 0]
    assert np.any(features[0, :2] != 0)
    np.testing.assert_array_equal(features[1], 0)
    np.testing.assert_array_equal(features[0, 2:], 0)


def test_neither_padding_nor_what_it_holds_nor_neighbours_have_influence(ours):
    sounds = spoken(4)
    alone = [ours(sound) for sound in sounds]
    for together in (ours.batch(sounds, ["a"] * 4), ours.batch(sounds[::-1], ["a"] * 4)[::-1]):
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    padded = np.full((1, sounds[0].size + 5000), np.nan, np.float32)
    padded[0, : sounds[0].size] = sounds[0]
    features, frames = graph.egemaps(tf.constant(padded), tf.constant([sounds[0].size]))
    assert int(frames[0]) == len(alone[0])
    np.testing.assert_allclose(features[0, : len(alone[0])], alone[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(features[0, len(alone[0]) :], 0)


def test_synthetic_voices_reach_every_bar(ours, reference):
    sounds = spoken(6)
    found = agreements(*(np.concatenate([each(sound) for sound in sounds]) for each in (ours, reference)))
    assert [each for each in found if not each.holds] == []


@pytest.mark.real_audio
@pytest.mark.parametrize(("reader", "folder"), [("emodb", "EMO-DB"), ("ravdess", "RAVDESS"), ("urdu", "URDU")])
def test_real_speech_reaches_every_bar(ours, reference, real_data, reader, folder):
    corpus = corpora.read(reader, real_data / folder)
    some = corpus.utterances[:: len(corpus.utterances) // 15][:16]
    speech = [audio.clip(each)[0] for each in audio.waveforms([audio.probe(corpus.root / each.path) for each in some])]
    found = ours.batch(speech, [each.id for each in some])
    expected = [reference(each) for each in speech]
    assert [len(each) for each in found] == [len(each) for each in expected]
    assert [each for each in agreements(np.concatenate(found), np.concatenate(expected)) if not each.holds] == []


def test_compiled_it_says_the_same(ours):
    compiled = graph.Graph(compiled=True)
    np.testing.assert_allclose(compiled(checkpoint.signal()), ours(checkpoint.signal()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("level", [0.0, 1e-5, 0.3])
def test_derivatives_are_finite_from_silence_to_speech(level):
    waveform = tf.constant((level * np.stack([noise(4000), checkpoint.signal()[3000:7000]])).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(waveform)
        features, _ = graph.egemaps(waveform, tf.constant([4000, 3000]))
    slope = tape.gradient(features, waveform).numpy()
    assert np.isfinite(slope).all()
    np.testing.assert_array_equal(slope[1, 3000:], 0)
    assert level < 1e-4 or np.abs(slope[1, :3000]).max() > 0


def test_several_threads_get_what_one_gets(ours):
    sounds = spoken(6)
    expected, found = [ours(sound) for sound in sounds], {}
    threads = [
        threading.Thread(target=lambda number=number: found.update({number: ours(sounds[number])}))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, frames in enumerate(expected):
        np.testing.assert_array_equal(found[number], frames)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (noise(800), "short.wav: expected at least 0.1 s of audio. Received: 0.050 s"),
        (np.full(4000, np.nan, np.float32), "short.wav: expected finite samples"),
        (np.append(noise(16000), np.float32(1.0)), "clip them first. Received: 1"),
        (np.ones((4000, 2), np.float32), "expected mono"),
    ],
)
def test_what_cannot_be_described_is_refused_by_name(ours, waveform, message):
    with pytest.raises(InputError, match=message):
        ours(waveform, "short.wav")


def test_it_is_in_the_registry_and_its_key_holds_every_descriptor():
    assert front_end("graph").names == EGEMAPS_NAMES
    reached = counted(["kerasser.features.graph"])
    wanted = {
        f"kerasser.features.descriptors.{name}" for name in ("egemaps", "formants", "pitch", "roots", "smoothing")
    }
    assert wanted <= reached.keys()
    assert "kerasser.features.opensmile" not in reached
