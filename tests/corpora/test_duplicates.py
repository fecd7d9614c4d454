"""The same sound under two speakers is found among many utterances, whatever its level, cut and coder."""

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from kerasser import audio, corpora, landmarks, twins
from kerasser.corpora import duplicates

RATE_HZ = 16000


def read(file):
    return soundfile.read(file, dtype="float32")[0]


def vorbis(waveform):
    coded = io.BytesIO()
    soundfile.write(coded, waveform, RATE_HZ, format="OGG", subtype="VORBIS")
    coded.seek(0)
    return read(coded)


@pytest.fixture(scope="module")
def speech(real_data):
    files = sorted((real_data / "EMO-DB/wav").glob("*.wav"))[::3]
    return [read(file) for file in files], [file.name[:2] for file in files]


@pytest.mark.real_audio
def test_different_utterances_are_no_twins(speech):
    assert twins.find_among_many(*speech) == []


@pytest.mark.real_audio
@pytest.mark.parametrize("coder", [lambda x: x, vorbis], ids=["cut and scaled", "and coded"])
def test_parts_of_utterances_under_another_name_are_found(speech, coder):
    waveforms, speakers = speech
    generator = np.random.default_rng(0)
    sources = generator.choice(len(waveforms), 20, replace=False)
    copies, starts = [], []
    for number in sources:
        start = int(generator.integers(0, waveforms[number].size - RATE_HZ))
        copies.append(coder(0.3 * waveforms[number][start : start + round(1.5 * RATE_HZ)]))
        starts.append(start)
    found = twins.find_among_many([*waveforms, *copies], [*speakers, *["copy"] * len(copies)])
    pairs = {(twin.first, twin.second - len(waveforms)): twin for twin in found}
    right = {(int(source), number) for number, source in enumerate(sources)}
    # No pair that is none, and nine of ten of those that are.
    assert pairs.keys() <= right and len(pairs) >= 18
    for (_, number), twin in pairs.items():
        assert twin.first_start - twin.second_start == pytest.approx(starts[number], abs=8)


def test_no_recordings_and_short_ones_have_no_candidates():
    assert landmarks.candidates([]) == []
    assert landmarks.candidates([np.zeros(0), np.zeros(5000), np.ones(100)]) == []


@pytest.mark.real_audio
def test_a_corpus_with_a_clip_filed_twice_is_remarked(real_data):
    corpus = corpora.read("emodb", real_data / "EMO-DB", None, [])
    mine = list(corpus.utterances[:20])
    mine.append(replace(mine[3], id="again", speaker="somebody else"))
    files = [audio.probe(corpus.root / each.path) for each in mine]
    (twin,) = duplicates.find(mine, files)
    assert (mine[twin.first].id, mine[twin.second].id) == (mine[3].id, "again")
    assert f"({mine[3].id} of {mine[3].speaker} and again of somebody else)" in duplicates.remark([twin], mine)
    assert duplicates.remark([], mine) == ""


@pytest.mark.real_audio
def test_two_urdu_speakers_are_known_to_share_a_clip(real_data):
    corpus = corpora.read("urdu", real_data / "URDU", None, [])
    mine = [each for each in corpus.utterances if each.speaker in ("F1", "F3", "F4", "F5")]
    found = duplicates.find(mine, [audio.probe(corpus.root / each.path) for each in mine])
    names = {(mine[twin.first].path.split("/")[-1], mine[twin.second].path.split("/")[-1]) for twin in found}
    assert ("SF1_F4_H04.wav", "SF4_F3_H019.wav") in names
