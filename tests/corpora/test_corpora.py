"""What holds for every reader."""

import pytest

from kerasser import corpora
from kerasser.corpora import Corpus, Utterance, readers
from kerasser.corpora.base import inner_path, text_lines
from kerasser.util.errors import InputError
from tests.corpora.trees import make_iemocap, write_wav

FOLDERS = [name for name in readers() if name != "manifest"]


def test_all_readers_are_known():
    assert list(readers()) == ["audformat", "emodb", "fau-aibo", "iemocap", "manifest", "ravdess", "urdu"]


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("tree", ["missing", "empty", "other", "file"])
def test_another_tree_is_refused_in_one_line(tmp_path, name, tree):
    root = tmp_path / tree
    if tree == "file":
        root.write_text("x")
    elif tree != "missing":
        root.mkdir()
    if tree == "other":
        write_wav(root / "music" / "song.wav")
    received = {
        "missing": "no such file or folder",
        "empty": "an empty folder",
        "other": "a folder with 'music'",
        "file": "a file",
    }
    with pytest.raises(InputError) as error:
        corpora.read(name, root)
    message = str(error.value)
    assert message.startswith(f"{root}: expected ")
    assert message.endswith(f"Received: {received[tree]}")
    assert "\n" not in message


@pytest.mark.parametrize("tree", ["missing", "empty"])
def test_another_manifest_is_refused_in_one_line(tmp_path, tree):
    root = tmp_path / "list.csv" if tree == "missing" else tmp_path
    with pytest.raises(InputError, match=rf"^{root}: expected a CSV file .*Received: (no such|an empty)"):
        corpora.read("manifest", root)


def test_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(InputError, match="corpus: expected one of audformat, .*urdu. Received: 'IEMOCAP'"):
        corpora.read("IEMOCAP", tmp_path)


def test_read_takes_the_reader_s_own_map_unless_told_otherwise(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    assert "fear" not in {u.emotion for u in corpora.read("iemocap", str(tmp_path)).utterances}
    told = corpora.read("iemocap", tmp_path, {"fear": "negative"})
    assert {u.emotion for u in told.utterances} == {"fear"}


def test_emotions_that_are_asked_for_are_kept_without_a_valence_and_the_map_still_holds(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    plain = corpora.read("iemocap", tmp_path)
    more = corpora.read("iemocap", tmp_path, emotions=["fear", "anger"])
    assert "fear" not in {u.emotion for u in plain.utterances}
    assert {u.valence for u in more.utterances if u.emotion == "fear"} == {""}
    assert [u for u in more.utterances if u.valence] == list(plain.utterances)


def test_a_map_to_a_third_class_is_refused(tmp_path):
    with pytest.raises(InputError, match="valence: expected only negative or positive. Received: 'mixed'"):
        corpora.read("emodb", tmp_path, {"surprise": "mixed"})


def test_labelled_audio_that_is_all_missing_is_no_corpus(tmp_path):
    for path in make_iemocap(tmp_path, sessions=[1]).rglob("*.wav"):
        path.unlink()
    with pytest.raises(InputError, match="Received: no usable utterance .*'audio file missing': 18"):
        corpora.read("iemocap", tmp_path)


def test_ids_are_unique(tmp_path):
    one = Utterance("x", "x.wav", "a", "anger", "negative")
    with pytest.raises(InputError, match="expected unique utterance ids. Received: 'x' twice"):
        Corpus("any", tmp_path, (one, one))


def test_lines_end_in_any_way_and_keep_their_numbers(tmp_path):
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo\nth\xe9\x1cree")
    assert list(text_lines(tmp_path / "x")) == [(1, "one"), (3, "two"), (4, "th\ufffd\x1cree")]


@pytest.mark.parametrize(
    ("text", "path"), [("a/b.wav", "a/b.wav"), ("./a//b c.wav", "a/b c.wav"), ("..a/é.wav", "..a/é.wav")]
)
def test_inner_paths_are_kept(text, path):
    assert inner_path(text, "here") == path
