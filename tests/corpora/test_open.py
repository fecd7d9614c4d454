"""EMO-DB, RAVDESS and URDU, whose file names are the labels."""

import csv
from collections import Counter

import pytest

from kerasser.corpora import emodb, folds, ravdess, urdu
from kerasser.corpora.folds import check
from kerasser.util.errors import InputError
from tests.corpora.trees import write_wav

NAMES = {"angry": "anger", "happy": "happiness", "sad": "sadness", "fearful": "fear", "surprised": "surprise"}
NEGATIVE = {"anger", "sadness", "fear", "disgust"}


def touch(root, *paths):
    for path in paths:
        write_wav(root / path)
    return root


def listed(real_data, corpus):
    """What the pack's own list says of a corpus, surprise left out: path, speaker, emotion and valence."""
    with open(real_data / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["corpus"] == corpus]
    found = set()
    for row in rows:
        emotion = NAMES.get(row["label"], row["label"])
        if emotion != "surprise":
            path = row["path"].removeprefix(f"{corpus}/")
            found.add((path, row["speaker_or_source"], emotion, "negative" if emotion in NEGATIVE else "positive"))
    return found


@pytest.mark.real_audio
@pytest.mark.parametrize(
    ("reader", "name", "negative", "positive", "speakers", "skipped"),
    [
        (emodb, "EMO-DB", 127 + 62, 71 + 79, 10, {}),
        (ravdess, "RAVDESS", 192 + 192 + 8 + 8, 96 + 192 + 8, 24, {"no valence for surprise": 8}),
        (urdu, "URDU", 200, 200, 29, {}),
    ],
)
def test_real_corpora_agree_with_their_list(real_data, reader, name, negative, positive, speakers, skipped):
    corpus = reader.read(real_data / name)
    assert Counter(u.valence for u in corpus.utterances) == {"negative": negative, "positive": positive}
    assert corpus.skipped == skipped
    assert len({u.speaker for u in corpus.utterances}) == speakers
    found = {(u.path, u.speaker.removeprefix("Actor_"), u.emotion, u.valence) for u in corpus.utterances}
    expected = {(path, speaker.removeprefix("Actor_"), *rest) for path, speaker, *rest in listed(real_data, name)}
    assert found == expected
    assert all((corpus.root / u.path).is_file() for u in corpus.utterances)


@pytest.mark.real_audio
@pytest.mark.parametrize(("reader", "name"), [(emodb, "EMO-DB"), (ravdess, "RAVDESS"), (urdu, "URDU")])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_part_of_a_real_fold_has_both_classes(real_data, reader, name, seed):
    corpus = reader.read(real_data / name)
    made = folds(corpus, seed=seed)
    assert len(made) == 5
    for fold in made:
        assert all(number > 0 for part in check(fold, corpus).values() for number in part.values())


@pytest.mark.real_audio
def test_real_urdu_warns_of_speakers_with_one_emotion(real_data):
    (remark,) = urdu.read(real_data / "URDU").remarks
    assert remark.startswith("26 of 29 speakers")


def test_emodb_reads_names(tmp_path):
    touch(tmp_path, "wav/03a01Wa.wav", "wav/16b10Lb.wav", "wav/03a01Xa.wav", "wav/readme.wav", "wav/._03a01Wa.wav")
    corpus = emodb.read(tmp_path)
    assert [(u.id, u.path, u.speaker, u.emotion, u.valence) for u in corpus.utterances] == [
        ("03a01Wa", "wav/03a01Wa.wav", "03", "anger", "negative"),
        ("16b10Lb", "wav/16b10Lb.wav", "16", "boredom", "negative"),
    ]
    assert corpus.skipped == {"file name of another form": 1, "unknown label X": 1}


def test_emodb_knows_five_women_and_five_men(tmp_path):
    touch(tmp_path, *(f"wav/{n:02d}a01Wa.wav" for n in (3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 99)))
    sexes = {u.speaker: u.sex for u in emodb.read(tmp_path).utterances}
    assert {speaker for speaker, sex in sexes.items() if sex == "male"} == {"03", "10", "11", "12", "15"}
    assert {speaker for speaker, sex in sexes.items() if sex == "female"} == {"08", "09", "13", "14", "16"}
    assert sexes["99"] is None


def test_ravdess_has_men_with_odd_numbers(tmp_path):
    touch(tmp_path, "Actor_07/03-01-03-01-02-01-07.wav", "Actor_08/03-01-03-01-02-01-08.wav")
    assert [u.sex for u in ravdess.read(tmp_path).utterances] == ["male", "female"]


def test_emodb_obeys_another_map(tmp_path):
    touch(tmp_path, "wav/03a01Wa.wav", "wav/03a01La.wav")
    (only,) = emodb.read(tmp_path, {"boredom": "positive"}).utterances
    assert (only.emotion, only.valence) == ("boredom", "positive")


def test_ravdess_reads_names_and_leaves_out_songs(tmp_path):
    touch(
        tmp_path,
        "Actor_07/03-01-03-01-02-01-07.wav",
        "Actor_07/03-01-03-01-02-02-07.wav",
        "Actor_07/03-02-03-01-02-02-07.wav",
        "Actor_07/03-01-09-01-02-02-07.wav",
        "Actor_07/03-01-08-01-02-02-07.wav",
        "Actor_07/._03-01-03-01-02-01-07.wav",
        "Actor_07/take.wav",
    )
    corpus = ravdess.read(tmp_path)
    assert [(u.id, u.speaker, u.emotion) for u in corpus.utterances] == [
        ("03-01-03-01-02-01-07", "Actor_07", "happiness"),
        ("03-01-03-01-02-02-07", "Actor_07", "happiness"),
    ]
    assert corpus.skipped == {
        "file name of another form": 1,
        "no valence for surprise": 1,
        "not audio-only speech": 1,
        "unknown label 09": 1,
    }


def test_ravdess_refuses_a_file_of_another_actor(tmp_path):
    touch(tmp_path, "Actor_07/03-01-03-01-02-01-08.wav")
    with pytest.raises(InputError, match=r"01-08\.wav: expected a file of Actor_07\. Received: .*'08'"):
        ravdess.read(tmp_path)


def urdu_tree(root, *paths):
    for folder in ("Angry", "Happy", "Neutral", "Sad"):
        (root / folder).mkdir()
    return touch(root, *paths)


def test_urdu_tells_men_from_women_and_reads_numbers_of_any_width(tmp_path):
    urdu_tree(tmp_path, "Angry/SM1_F10_A010.wav", "Sad/SF1_F02_S0100.wav", "Sad/._SF1_F02_S0100.wav", "Sad/x.wav")
    corpus = urdu.read(tmp_path)
    assert [(u.id, u.path, u.speaker, u.sex, u.emotion) for u in corpus.utterances] == [
        ("Angry/SM1_F10_A010", "Angry/SM1_F10_A010.wav", "M1", "male", "anger"),
        ("Sad/SF1_F02_S0100", "Sad/SF1_F02_S0100.wav", "F1", "female", "sadness"),
    ]
    assert corpus.skipped == {"file name of another form": 1}


def test_urdu_warns_only_when_it_is_true(tmp_path):
    urdu_tree(tmp_path, "Angry/SM1_F1_A1.wav", "Happy/SM1_F2_H1.wav", "Angry/SM2_F1_A2.wav")
    assert urdu.read(tmp_path).remarks == ()
    touch(tmp_path, "Sad/SF1_F1_S1.wav")
    (remark,) = urdu.read(tmp_path).remarks
    assert remark.startswith("2 of 3 speakers")


def test_urdu_refuses_a_letter_that_is_not_the_folder_s(tmp_path):
    urdu_tree(tmp_path, "Angry/SM1_F10_H010.wav")
    with pytest.raises(InputError, match=r"H010\.wav: expected the letter A of its folder\. Received: 'H'"):
        urdu.read(tmp_path)


@pytest.mark.parametrize(
    ("reader", "paths"),
    [
        (emodb, ("wav/03a01Wa.WAV", "wav/03a01Fa.wav")),
        (ravdess, ("Actor_01/03-01-05-01-01-01-01.Wav", "Actor_01/03-01-03-01-01-01-01.wav")),
        (urdu, ("Angry/SM1_F1_A01.WAV", "Happy/SM1_F1_H01.wav", "Neutral/SM1_F1_N01.wav", "Sad/SM1_F1_S01.wav")),
    ],
)
def test_a_suffix_in_capitals_is_a_recording_too(tmp_path, reader, paths):
    corpus = reader.read(touch(tmp_path, *paths))
    assert {u.path for u in corpus.utterances} == set(paths)
    assert all((tmp_path / u.path).is_file() for u in corpus.utterances)


def test_a_map_in_another_spelling_serves_every_reader(tmp_path):
    touch(tmp_path, "wav/03a01Wa.wav", "wav/03a01Fa.wav", "wav/03a01Ta.wav")
    corpus = emodb.read(tmp_path, {"Angry": "negative", "HAPPINESS": "positive"})
    assert [(u.emotion, u.valence) for u in corpus.utterances] == [("HAPPINESS", "positive"), ("Angry", "negative")]
    assert corpus.skipped == {"no valence for sadness": 1}
