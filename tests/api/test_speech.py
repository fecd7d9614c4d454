"""Speech on disk, in memory and made on the spot: the same sound, and a fair choice of it."""

from collections import Counter

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import kerasser
from kerasser import audio
from kerasser.api.speech import Speech
from kerasser.corpora.base import Utterance
from kerasser.demo import corpus as demo
from tests.pipelines import corpus


def tones(count, rate=16000, seconds=0.3):
    clock = np.arange(int(rate * seconds)) / rate
    return [0.3 * np.sin(2 * np.pi * 100 * (number + 2) * clock) for number in range(count)]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_memory_hears_what_a_file_would(tmp_path, rate):
    samples = np.round(30000 * np.random.default_rng(0).uniform(-1, 1, rate)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="PCM_16")
    (read,) = audio.waveforms([audio.probe(tmp_path / "a.wav")])
    for given_samples in (samples, samples.astype(np.int32) * 2**16, samples / 2**15):
        (heard,) = Speech.from_arrays([given_samples], rate, ["anger"]).waveforms()
        np.testing.assert_array_equal(heard, read)


def test_every_item_may_have_its_own_rate():
    slow, fast = tones(1, 8000)[0], tones(1, 48000)[0]
    speech = Speech.from_arrays([slow, fast], [8000, 48000], ["anger", "neutral"])
    first, second = speech.waveforms()
    assert first.size == second.size == 4800
    np.testing.assert_allclose(first[500:-500], second[500:-500], atol=0.02)


def test_words_have_a_valence_and_numbers_wait_for_the_classes():
    words = Speech.from_arrays(tones(3), 16000, ["anger", "positive", "whisper"], speakers=["a", "a", "b"])
    assert [each.valence for each in words.utterances] == ["negative", "positive", ""]
    assert words.named(["x", "y"]) is words and words.remarks == ()
    places = Speech.from_arrays(tones(2), 16000, np.array([1, 0]))
    assert [each.emotion for each in places.named(["anger", "neutral"]).utterances] == ["neutral", "anger"]
    assert [each.speaker for each in places.utterances] == ["0", "1"] and "speakers are not known" in places.remarks[0]
    with pytest.raises(kerasser.InputError, match="labels: expected 0 to 0, for anger. Received: 1"):
        places.named(["anger"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["anger"]}, "labels: expected one for each of 2 waveforms. Received: 1"),
        ({"sample_rate_hz": [16000]}, "sample_rate_hz: expected one for each of 2"),
        ({"speakers": ["a"]}, "speakers: expected one for each of 2"),
        ({"ids": ["a", "a"]}, "ids: expected each once. Received: 'a'"),
        ({"labels": ["anger", 1]}, "labels: expected names, or whole numbers .* Received: 1"),
        ({"labels": [1.5, 0.5]}, r"labels: expected names, or whole numbers .* Received: 1\.5"),
        (
            {"waveforms": [tones(1)[0], np.zeros((2, 8000))]},
            r"waveform 1: expected mono, .* shape \[2, 8000\]",
        ),
        ({"waveforms": [tones(1)[0], np.zeros(8000)]}, "waveform 1: expected sound. Received: silence"),
        ({"waveforms": [tones(1)[0], np.full(8000, np.nan)]}, "waveform 1: expected finite samples"),
        ({"waveforms": [tones(1)[0], tones(1)[0][:99]]}, "waveform 1: expected at least 0.1 s"),
        ({"waveforms": [tones(1)[0], 30000 * tones(1)[0]]}, "waveform 1: expected floats in .* are these integers?"),
        ({"waveforms": [tones(1)[0], np.ones(8000, bool)]}, "waveform 1: expected floats, or integers .* bool"),
        ({"sample_rate_hz": 0}, "waveform 0: expected a sampling rate in Hz, .* Received: 0"),
        ({"waveforms": [], "labels": []}, "waveforms: expected some"),
    ],
)
def test_what_is_no_speech_is_refused_in_one_line(change, message):
    arguments = {"waveforms": tones(2), "sample_rate_hz": 16000, "labels": ["anger", "neutral"], **change}
    with pytest.raises(kerasser.InputError, match=message) as refused:
        Speech.from_arrays(**arguments)
    assert isinstance(refused.value, ValueError) and "\n" not in str(refused.value)


@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from("uvw")), min_size=1, max_size=40),
    st.integers(1, 45),
    st.integers(0, 3),
)
def test_a_limit_takes_emotions_and_speakers_as_evenly_as_there_are_any(pairs, limit, seed):
    utterances = tuple(Utterance(str(n), "", who, what, "") for n, (who, what) in enumerate(pairs))
    whole = Speech("x", utterances, tuple(np.zeros(1) for _ in pairs))
    chosen = whole.spread(limit, seed).utterances
    assert len(chosen) == min(limit, len(pairs)) and len(set(chosen)) == len(chosen)
    assert chosen == whole.spread(limit, seed).utterances
    for part, of in ((lambda each: each.emotion, utterances), (lambda each: (each.emotion, each.speaker), utterances)):
        there, taken = Counter(map(part, of)), Counter(map(part, chosen))
        group = (lambda key: key[0]) if isinstance(next(iter(there)), tuple) else (lambda key: "")
        for one in there:
            for other in there:
                # Whoever has fewer, by more than one, has no more to give.
                if group(one) == group(other) and taken[one] + 1 < taken[other]:
                    assert taken[one] == there[one]


def test_a_corpus_is_read_with_its_labels_and_sound(tmp_path):
    listing, _ = corpus.write(tmp_path)
    speech = kerasser.load_corpus("manifest", listing)
    assert (speech.name, len(speech), str(speech)) == (
        "manifest",
        24,
        "manifest: 24 utterances of 6 speakers (anger 12, neutral 12)",
    )
    some = kerasser.load_corpus("manifest", listing, limit=12)
    assert Counter((each.speaker, each.emotion) for each in some.utterances) == dict.fromkeys(
        ((f"s{number}", emotion) for number in range(6) for emotion in ("anger", "neutral")), 1
    )
    first = next(some.waveforms())
    samples, _ = soundfile.read(listing.parent / some.utterances[0].path, dtype="float32")
    np.testing.assert_array_equal(first, samples)


def test_audio_that_cannot_be_used_is_refused_or_counted(tmp_path):
    listing, _ = corpus.write(tmp_path)
    (listing.parent / "s0_0.wav").write_bytes(b"")
    with pytest.raises(kerasser.InputError, match="s0_0.wav: expected WAV"):
        kerasser.load_corpus("manifest", listing)
    speech = kerasser.load_corpus("manifest", listing, skip_unusable=True)
    assert (len(speech), speech.skipped) == (23, {"audio cannot be used: no audio": 1})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("emodb",), "root: expected the place of emodb. Received: none"),
        (("nobody", "."), "corpus: expected one of .*iemocap"),
        (("demo", "here"), "root: expected none for the demo"),
        (("demo", None, 0), "limit: expected at least 1. Received: 0"),
        (("demo", None, 4, {"anger": "bad"}), "valence: expected only negative or positive. Received: 'bad'"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_one_line(arguments, message):
    with pytest.raises(kerasser.InputError, match=message):
        kerasser.load_corpus(*arguments)


def test_the_demo_is_the_one_that_commands_write(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "SPEAKERS", 2)
    demo.write(tmp_path, seed=3)
    written = demo.read(tmp_path)
    files = [audio.probe(tmp_path / each.path) for each in written.utterances]
    speech = kerasser.load_corpus("demo", seed=3)
    assert speech.utterances == written.utterances and speech.synthetic and speech.remarks == written.remarks
    for made, read in zip(speech.waveforms(), audio.waveforms(files), strict=True):
        np.testing.assert_array_equal(made, read)


@pytest.mark.real_audio
def test_a_real_corpus_gives_a_spread_of_its_speakers(real_data):
    speech = kerasser.load_corpus("emodb", real_data / "EMO-DB", limit=20)
    assert len({each.speaker for each in speech.utterances}) == 10
    counts = Counter(each.emotion for each in speech.utterances).values()
    assert len(speech) == 20 and len(counts) > 3 and max(counts) - min(counts) <= 1
    assert all(0.5 < waveform.size / 16000 < 12 for waveform in speech.waveforms())
