"""What a survey measures, against signals whose measures are known."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile

from kerasser import corpora
from kerasser.corpora import survey
from kerasser.corpora.base import Corpus, Utterance
from kerasser.report import corpus_picture, corpus_text
from kerasser.util.errors import InputError
from tests.corpora import trees

RATE = 16000


def write(folder, sounds, header="path,speaker,emotion,sex"):
    """Writes a manifest of sounds: name → samples, speaker, emotion, sex."""
    rows = [header]
    for name, (samples, *row) in sounds.items():
        soundfile.write(folder / name, samples, RATE, subtype="PCM_16")
        rows.append(",".join((name, *row)))
    (folder / "list.csv").write_text("\n".join(rows))
    return corpora.read("manifest", folder / "list.csv")


def sounds(speakers=3, each=4, seed=0):
    generator = np.random.default_rng(seed)
    return {
        f"s{speaker}_{take}.wav": (
            generator.normal(0, 0.05, RATE // 2 + 160 * take),
            f"s{speaker}",
            ("anger", "neutral")[take % 2],
            "fm"[speaker % 2],
        )
        for speaker in range(speakers)
        for take in range(each)
    }


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_levels_are_those_of_a_tone_and_of_the_noise_between(rate):
    clock = np.arange(2 * rate) / rate
    tone = 0.1 * np.sin(2 * np.pi * 250 * clock) * (clock < 1)
    noise = 1e-3 * np.random.default_rng(0).normal(size=clock.size)
    # An offset of the recording is no sound.
    found = survey.level(tone + noise + 0.2, rate)
    assert found.level_dbfs == pytest.approx(10 * np.log10(0.1**2 / 2 / 2 + 1e-6), abs=0.1)
    assert found.floor_dbfs == pytest.approx(-60, abs=1)


def test_silence_has_a_level_and_what_is_not_finite_or_too_short_has_none():
    assert survey.level(np.zeros(RATE), RATE) == survey.Level(-120.0, -120.0)
    assert survey.level(np.full(RATE, np.nan), RATE) is None
    assert survey.level(np.zeros(3), RATE) is None


def test_counts_and_lengths_are_those_of_the_list(tmp_path):
    found = survey.survey(write(tmp_path, sounds()), fold_count=3)
    assert found.emotions == {"anger": {"negative": 6}, "neutral": {"positive": 6}}
    assert found.speakers == {f"s{number}": {"anger": 2, "neutral": 2} for number in range(3)}
    assert found.sexes == {"female": 2, "male": 1}
    np.testing.assert_allclose(found.durations_s, [0.5, 0.51, 0.52, 0.53] * 3)
    assert len(found.folds) == 3 and not found.no_folds and not found.copies and len(found.levels) == 12
    facts = json.loads(json.dumps(found.facts()))
    assert facts["utterances"] == 12 and facts["duration_s"] == [0.508, 0.515, 0.522]
    assert facts["level_dbfs"][1] == pytest.approx(20 * np.log10(0.05), abs=0.2)


def test_levels_are_measured_on_some_spread_evenly_and_that_is_said(tmp_path):
    corpus = write(tmp_path, sounds(each=8))
    found = survey.survey(corpus, measured=5)
    assert len(found.levels) == 5 and len(found.files) == 24
    assert any(line.endswith("; of 5 utterances, spread evenly") for line in corpus_text.lines(found))
    assert not any("spread evenly" in line for line in corpus_text.lines(survey.survey(corpus)))


def test_the_same_samples_under_two_speakers_are_copies_whatever_the_file(tmp_path):
    made = sounds()
    samples = made["s0_1.wav"][0]
    corpus = write(tmp_path, {**made, "x.wav": (samples, "s2", "neutral", "f"), "y.wav": (samples, "s0", "anger", "f")})
    decoded, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
    soundfile.write(tmp_path / "x.wav", decoded, RATE, subtype="PCM_24")
    assert (tmp_path / "x.wav").read_bytes() != (tmp_path / "s0_1.wav").read_bytes()
    found = survey.survey(corpus)
    # The second copy is of the same speaker: no fold parts it from the first.
    assert [(one.id, other.id) for one, other in found.copies] == [("s0_1.wav", "x.wav")]
    (line,) = [line for line in corpus_text.lines(found) if line.startswith("copies")]
    assert "duplicated" in line and "s0_1.wav of s0 and x.wav of s2" in line


def test_silence_of_two_speakers_is_no_copy(tmp_path):
    corpus = write(tmp_path, {**sounds(), **{f"{x}.wav": (np.zeros(RATE), f"s{x}", "anger", "") for x in range(2)}})
    assert survey.survey(corpus).copies == ()


def test_what_cannot_be_used_is_counted_and_named_and_the_rest_surveyed(tmp_path):
    corpus = write(tmp_path, sounds())
    (tmp_path / "s0_0.wav").write_bytes(b"no sound")
    found = survey.survey(corpus)
    assert found.corpus.skipped == {"audio cannot be used: no audio": 1} and len(found.files) == 11
    (line,) = [line for line in corpus_text.lines(found) if "left out" in line]
    assert line.startswith("1 of 12 utterances left out: audio cannot be used: no audio (1), such as ")
    assert "s0_0.wav" in line
    for path in tmp_path.glob("*.wav"):
        path.write_bytes(b"no sound")
    with pytest.raises(InputError, match="no usable utterance"):
        survey.survey(corpus)


def test_too_few_speakers_are_a_finding_and_no_error(tmp_path):
    found = survey.survey(write(tmp_path, sounds(speakers=3)), fold_count=5)
    assert found.folds == () and "--data.folds" in found.no_folds
    assert corpus_text.lines(found)[-1] == f"folds: none. {found.no_folds}"


def test_lines_say_what_was_left_out_and_how_labels_were_read(tmp_path):
    made = sounds()
    made = {name: (row[0], row[1], {"anger": "ANGRY", "neutral": "awe"}[row[2]], row[3]) for name, row in made.items()}
    found = survey.survey(write(tmp_path, made))
    lines = corpus_text.lines(found, corpora.VALENCE)
    assert lines[0] == "manifest: 6 utterances of 3 speakers, 0.1 min"
    assert any(line.startswith("6 of 12 utterances left out: no valence for awe (6); ") for line in lines)
    assert "labels read under known names: ANGRY as anger (6)" in lines
    assert "speakers: 2 female, 1 male; 2 utterances each" in lines


@pytest.mark.parametrize("speakers", [1, 60])
def test_the_picture_is_a_png_of_whatever_there_is(tmp_path, speakers):
    utterances = tuple(
        Utterance(f"{n}", "a.wav", f"$s{n}^{{", "an$ger", "negative", end_s=0.2) for n in range(speakers)
    )
    trees.write_wav(tmp_path / "a.wav")
    found = survey.survey(Corpus("manifest", tmp_path, utterances))
    assert corpus_picture.drawn(found).startswith(b"\x89PNG")
    assert corpus_picture.drawn(dataclasses.replace(found, levels=())).startswith(b"\x89PNG")
    assert corpus_text.lines(dataclasses.replace(found, levels=()))


@pytest.mark.real_audio
def test_emodb_is_surveyed_as_it_is_known(real_data):
    found = survey.survey(corpora.read("emodb", real_data / "EMO-DB"))
    assert found.sexes == {"female": 5, "male": 5} and not found.copies and len(found.folds) == 5
    assert {file.sample_rate_hz for file in found.files} == {16000}
    assert all(-40 < each.level_dbfs < -5 and each.floor_dbfs < each.level_dbfs - 5 for each in found.levels)
