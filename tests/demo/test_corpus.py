"""The demo corpus: the same bits for a seed, emotions as the literature has them, rooms that tell nothing."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kerasser.demo import corpus as demo
from kerasser.features.opensmile import load
from kerasser.util.errors import InputError

MEASURES = {
    "f0": "F0semitoneFrom27.5Hz_sma3nz_amean",
    "range": "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2",
    "loudness": "loudness_sma3_amean",
    "jitter": "jitterLocal_sma3nz_amean",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    demo.write(root, seed=0)
    return demo.read(root)


@pytest.fixture(scope="module")
def waves(corpus):
    return {u.id: soundfile.read(corpus.root / u.path, dtype="float32")[0] for u in corpus.utterances}


@pytest.fixture(scope="module")
def means(corpus, waves):
    """Mean of each measure by emotion, from two takes of every speaker."""
    opensmile = load()
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    found: dict[str, list] = {emotion: [] for emotion in demo.EMOTIONS}
    for u in corpus.utterances:
        if u.id.endswith(("_1", "_2")):
            functionals = smile.process_signal(waves[u.id], 16000)
            found[u.emotion].append([functionals[name].iloc[0] for name in MEASURES.values()])
    return {e: dict(zip(MEASURES, np.mean(rows, axis=0), strict=True)) for e, rows in found.items()}


def hashes(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(demo, "SPEAKERS", 2)
    monkeypatch.setattr(demo, "TAKES", 2)


def test_same_seed_same_bytes_and_other_seed_other_bytes(small, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        demo.write(tmp_path / name, seed)
    first, again, other = (hashes(tmp_path / name) for name in "abc")
    assert len(first) == 2 * 4 * 2 + 1
    assert first == again
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first if name.endswith(".wav"))


def test_an_utterance_does_not_depend_on_the_others(small, corpus, tmp_path):
    demo.write(tmp_path, seed=0)
    few, all_ = hashes(tmp_path), hashes(corpus.root)
    assert {name: all_[name] for name in few if name.endswith(".wav")} == {
        name: few[name] for name in few if name.endswith(".wav")
    }


def test_counts_and_labels(corpus):
    assert len(corpus.utterances) == 240
    assert corpus.name == "demo" and corpus.synthetic
    assert corpus.remarks[0].startswith("synthetic speech: ")
    assert not corpus.skipped
    assert set(Counter(u.speaker for u in corpus.utterances).values()) == {16}
    assert Counter(u.emotion for u in corpus.utterances) == dict.fromkeys(demo.EMOTIONS, 60)
    assert Counter(u.valence for u in corpus.utterances) == {"positive": 120, "negative": 120}


def test_every_speaker_has_the_sex_of_the_voice(corpus):
    sexes = {u.speaker: u.sex for u in corpus.utterances}
    assert (sexes["s01"], sexes["s02"]) == ("female", "male")
    assert Counter(sexes.values()) == {"female": 8, "male": 7}


def test_files_are_16_khz_mono_pcm_16_of_the_stated_length(corpus):
    for u in corpus.utterances:
        info = soundfile.info(corpus.root / u.path)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert 1.4 < info.duration < 2.3


def test_nothing_clips_and_nothing_is_silent(waves):
    peaks = np.array([np.abs(wave).max() for wave in waves.values()])
    assert peaks.max() < 0.98
    assert peaks.min() > 0.03


def test_length_does_not_tell_the_emotion(corpus, waves):
    lengths = {e: [len(waves[u.id]) for u in corpus.utterances if u.emotion == e] for e in demo.EMOTIONS}
    spread = np.std([len(wave) for wave in waves.values()]) / np.sqrt(60)
    assert np.ptp([np.mean(lengths[e]) for e in demo.EMOTIONS]) < 4.5 * spread


def test_anger_is_higher_louder_and_rougher(means):
    anger, sadness = means["anger"], means["sadness"]
    assert anger["f0"] > sadness["f0"] + 3
    assert anger["range"] > sadness["range"]
    assert anger["loudness"] > 1.2 * sadness["loudness"]
    assert anger["jitter"] > 1.2 * means["happiness"]["jitter"]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_angry_speech_has_a_flatter_spectrum_than_sad_speech(seed, monkeypatch):
    # Without the room: its noise floor fills the top of soft speech, so that the Hammarberg index of the
    # recordings may point the other way.
    quiet = demo.background
    monkeypatch.setattr(demo, "background", lambda count, rng: 1e-3 * quiet(count, rng))
    opensmile = load()
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )
    mean = {}
    for emotion in ("anger", "sadness"):
        rngs = [np.random.default_rng([seed, number]) for number in range(12)]
        waves = [demo.utterance(demo.draw_voice(rng, k % 2 == 0), emotion, rng) for k, rng in enumerate(rngs)]
        columns = ["hammarbergIndexV_sma3nz_amean", "alphaRatioV_sma3nz_amean"]
        mean[emotion] = np.mean([smile.process_signal(wave, 16000)[columns].to_numpy()[0] for wave in waves], axis=0)
    # The index is the fall from below 2 kHz to above, the ratio compares above 1 kHz with below.
    assert mean["anger"][0] < mean["sadness"][0] - 1
    assert mean["anger"][1] > mean["sadness"][1] + 1


def test_happiness_is_high_and_neutral_lies_between(means):
    assert means["happiness"]["f0"] > means["neutral"]["f0"] + 1
    assert means["anger"]["f0"] > means["neutral"]["f0"] > means["sadness"]["f0"] + 1
    assert means["anger"]["loudness"] > means["neutral"]["loudness"] > means["sadness"]["loudness"]


def test_background_does_not_tell_the_emotion(corpus, waves):
    # The first 100 ms come before any speech.
    level = {u.id: 20 * np.log10(np.sqrt(np.mean(waves[u.id][:1600] ** 2))) for u in corpus.utterances}
    everything = np.array([level[u.id] for u in corpus.utterances])
    assert everything.std() > 2, "the background was to vary"
    groups = np.array([[level[u.id] for u in corpus.utterances if u.emotion == e] for e in demo.EMOTIONS])
    explained = groups.mean(1).var() / everything.var()
    assert explained < 0.05


def test_speech_stands_out_of_its_background(corpus, waves):
    snr = []
    for u in corpus.utterances:
        if u.emotion == "neutral":
            noise = np.mean(waves[u.id][:1600] ** 2)
            speech = np.mean(waves[u.id][3200:-3200] ** 2)
            snr.append(10 * np.log10(speech / noise))
    assert 10 < np.median(snr) < 20


def test_missing_list_is_named(tmp_path):
    with pytest.raises(InputError, match=r"demo\.csv.*no such file"):
        demo.read(tmp_path)


def test_missing_file_and_other_columns_are_named(small, tmp_path):
    demo.write(tmp_path)
    (tmp_path / "wav" / "s01_anger_1.wav").unlink()
    with pytest.raises(InputError, match="no wav/s01_anger_1.wav"):
        demo.read(tmp_path)
    (tmp_path / "demo.csv").write_text("file,who\n")
    with pytest.raises(InputError, match="expected the columns path,speaker,emotion"):
        demo.read(tmp_path)


def test_emotions_without_valence_are_counted(corpus):
    part = demo.read(corpus.root, {"anger": "negative", "happiness": "positive"})
    assert len(part.utterances) == 120
    assert part.skipped == {"no valence for neutral": 60, "no valence for sadness": 60}
