from collections import Counter

import pytest

from kerasser.corpora.base import VALENCE
from kerasser.corpora.fau_aibo import CHALLENGE, read
from kerasser.util.errors import InputError
from tests.corpora.trees import make_fau_aibo

LABELS = "labels/IS2009EmotionChallenge/chunk_labels_{}cl_corpus.txt"


def test_valence_is_the_two_class_label_and_emotion_the_five_class_one(tmp_path):
    corpus = read(make_fau_aibo(tmp_path))
    chunks = {u.id: (u.emotion, u.valence) for u in corpus.utterances}
    assert len(chunks) == 36
    assert [chunks[f"Mont_02_{number:03d}_00"] for number in range(6)] == [
        ("anger", "negative"),
        ("emphatic", "negative"),
        ("neutral", "positive"),
        ("positive", "positive"),
        ("rest", "positive"),
        ("rest", "negative"),
    ]


def test_the_children_s_sex_is_not_told(tmp_path):
    assert {u.sex for u in read(make_fau_aibo(tmp_path)).utterances} == {None}


def test_without_the_five_classes_the_two_are_the_emotions(tmp_path):
    corpus = read(make_fau_aibo(tmp_path, five=False, labels="labels/CEICES"))
    assert {(u.emotion, u.valence) for u in corpus.utterances} == {("idle", "positive"), ("negative", "negative")}


def test_a_school_is_a_split_and_children_have_the_school_s_name(tmp_path):
    corpus = read(make_fau_aibo(tmp_path))
    assert Counter((u.speaker, u.split) for u in corpus.utterances) == {
        (f"{school}_0{child}", split): 6
        for school, split in (("Ohm", "train"), ("Mont", "test"))
        for child in (1, 2, 3)
    }
    assert {u.session for u in corpus.utterances} == {None}


def test_sizes_that_are_not_the_challenge_s_are_remarked_on(tmp_path, monkeypatch):
    ohm, mont = read(make_fau_aibo(tmp_path)).remarks
    assert "9959" in ohm and "Ohm" in ohm and "18" in ohm
    assert "8257" in mont and "Mont" in mont and "18" in mont
    monkeypatch.setitem(CHALLENGE, "Ohm", 18)
    assert read(tmp_path).remarks == (mont,)


def test_missing_audio_and_unknown_labels_are_counted(tmp_path):
    make_fau_aibo(tmp_path)
    (tmp_path / "wav/Ohm_01_000_00.wav").unlink()
    for classes, old, new in ((2, "Ohm_01_001_00 NEG", "Ohm_01_001_00 XYZ"), (5, "Ohm_01_002_00 N", "Ohm_01_002_00 Q")):
        path = tmp_path / LABELS.format(classes)
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()).replace(b"\n", b"\r\n"))
    corpus = read(tmp_path)
    assert len(corpus.utterances) == 33
    assert corpus.skipped == {"audio file missing": 1, "unknown label Q": 1, "unknown label XYZ": 1}


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize(
    "line", ["Ohm_01_000_00", "../Ohm_01_000_00 NEG 1.0", "Bonn_01_000_00 NEG 1.0", "Ohm_01_000_00 NEG x"]
)
def test_a_malformed_line_is_named(tmp_path, classes, line):
    make_fau_aibo(tmp_path)
    path = tmp_path / LABELS.format(classes)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=rf"{classes}cl_corpus\.txt, line 37: expected .*Received: "):
        read(tmp_path)


def test_the_same_labels_in_two_folders_are_read_once(tmp_path):
    make_fau_aibo(tmp_path)
    (tmp_path / "labels/CEICES").mkdir()
    copy = tmp_path / "labels/CEICES/chunk_labels_2cl_corpus.txt"
    copy.write_bytes((tmp_path / LABELS.format(2)).read_bytes())
    assert len(read(tmp_path).utterances) == 36
    copy.write_text("Ohm_01_000_00 IDL 1.0\n")
    with pytest.raises(InputError, match="expected one chunk_labels_2cl_corpus.txt. Received: 2 that differ"):
        read(tmp_path)


def test_a_map_without_either_class_is_refused(tmp_path):
    with pytest.raises(InputError, match="valence: expected the classes 'idle' and 'negative'"):
        read(make_fau_aibo(tmp_path), VALENCE)


def test_a_map_with_one_class_skips_the_other(tmp_path):
    corpus = read(make_fau_aibo(tmp_path), {"negative": "negative"})
    assert len(corpus.utterances) == 18
    assert corpus.skipped == {"no valence for idle": 18}
