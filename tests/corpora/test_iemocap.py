from collections import Counter

import pytest

from kerasser.corpora import VALENCE
from kerasser.corpora.iemocap import FULL_RELEASE, TABLE_1, read
from kerasser.util.errors import InputError
from tests.corpora.trees import iemocap_line, make_iemocap, write_wav

LABELS = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"


def add_line(root, line):
    with open(root / LABELS, "a", encoding="latin-1", newline="") as file:
        file.write(line)


def test_reads_table_1_and_counts_what_it_leaves_out(tmp_path):
    corpus = read(make_iemocap(tmp_path))
    assert len(corpus.utterances) == 50
    assert Counter(u.valence for u in corpus.utterances) == {"positive": 30, "negative": 20}
    assert corpus.skipped == {
        "no valence for disgust": 10,
        "no valence for fear": 10,
        "no valence for frustration": 10,
        "no valence for unknown": 10,
    }


def test_speaker_is_session_and_the_letter_before_the_digits(tmp_path):
    corpus = read(make_iemocap(tmp_path, sessions=[3]))
    turns = {u.id: u for u in corpus.utterances}
    man = turns["Ses03F_impro01_M003"]
    assert (man.speaker, man.session, man.emotion, man.valence) == ("Ses03M", "Ses03", "anger", "negative")
    assert man.path == "Session3/sentences/wav/Ses03F_impro01/Ses03F_impro01_M003.wav"
    assert (corpus.root / man.path).is_file()
    assert turns["Ses03F_impro01_F002"].emotion == "excitement"


def test_the_sex_is_that_of_the_speaker_not_of_whoever_wears_the_markers(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    add_line(tmp_path, iemocap_line("Ses01F_impro05_M019", "sad"))
    write_wav(tmp_path / "Session1/sentences/wav/Ses01F_impro05/Ses01F_impro05_M019.wav")
    sexes = {u.id: u.sex for u in read(tmp_path).utterances}
    assert sexes["Ses01F_impro05_M019"] == "male"
    assert sexes["Ses01F_impro01_M003"] == "male" and sexes["Ses01F_impro01_F002"] == "female"


def test_scripted_dialogs_with_a_letter_are_read(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    add_line(tmp_path, iemocap_line("Ses01M_script01_1b_F012", "sad"))
    write_wav(tmp_path / "Session1/sentences/wav/Ses01M_script01_1b/Ses01M_script01_1b_F012.wav")
    assert "Ses01M_script01_1b_F012" in {u.id for u in read(tmp_path).utterances}


def test_counts_of_a_full_release_are_the_paper_s():
    assert sum(FULL_RELEASE[emotion] for emotion in TABLE_1) == 5531


def test_five_sessions_of_another_size_are_remarked_on(tmp_path):
    (remark,) = read(make_iemocap(tmp_path)).remarks
    assert "5531" in remark and "50" in remark


def test_the_remark_follows_the_map(tmp_path):
    (remark,) = read(make_iemocap(tmp_path), {"anger": "negative", "neutral": "positive"}).remarks
    assert "2811" in remark and "20" in remark


def test_a_part_of_the_release_is_not_remarked_on(tmp_path):
    assert read(make_iemocap(tmp_path, sessions=[1, 2])).remarks == ()


def test_another_map_is_obeyed(tmp_path):
    corpus = read(make_iemocap(tmp_path, sessions=[1]), VALENCE)
    assert {"fear", "disgust"} <= {u.emotion for u in corpus.utterances}


def test_missing_audio_and_unknown_labels_are_counted(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    (tmp_path / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav").unlink()
    add_line(tmp_path, iemocap_line("Ses01F_impro01_F099", "zzz"))
    corpus = read(tmp_path)
    assert len(corpus.utterances) == 9
    assert corpus.skipped["audio file missing"] == 1
    assert corpus.skipped["unknown label zzz"] == 1


def test_raters_comments_in_latin_1_do_no_harm(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    add_line(tmp_path, "C-F1:\tOther;\t(caf\xe9)\r\n")
    assert len(read(tmp_path).utterances) == 10


@pytest.mark.parametrize(
    "line",
    [
        "[1.0 - 2.0]\tSes01F_impro01_F000\tneu",
        "[1.0 - 2.0] Ses01F_impro01_F000 neu [1, 2, 3]",
        "[1.0 - 2.0]\t../../../etc/passwd_F000\tneu\t[1, 2, 3]",
        "[1.0 - 2.0]\tSes01F_impro01/../x_F000\tneu\t[1, 2, 3]",
        "[1.0 - 2.0]\tSes02F_impro01_F000\tneu\t[1, 2, 3]",
        "[1.0 - 2.0]\tSes01F_impro01_X000\tneu\t[1, 2, 3]",
    ],
)
def test_a_malformed_label_line_is_named(tmp_path, line):
    make_iemocap(tmp_path, sessions=[1])
    before = len((tmp_path / LABELS).read_bytes().splitlines())
    add_line(tmp_path, line + "\r\n")
    with pytest.raises(InputError, match=rf"Ses01F_impro01\.txt, line {before + 1}: expected .*Received: ") as error:
        read(tmp_path)
    assert "\n" not in str(error.value)


def test_a_turn_labelled_twice_is_refused(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    add_line(tmp_path, iemocap_line("Ses01F_impro01_F000", "neu"))
    with pytest.raises(InputError, match="'Ses01F_impro01_F000' twice"):
        read(tmp_path)


def test_a_session_without_labels_is_named(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    (tmp_path / "Session2").mkdir()
    with pytest.raises(InputError, match=r"Session2/dialog/EmoEvaluation: expected .*Received: no such"):
        read(tmp_path)


def test_recordings_with_a_suffix_in_capitals_are_found(tmp_path):
    make_iemocap(tmp_path, sessions=[1])
    before = read(tmp_path)
    for path in list(tmp_path.rglob("*.wav")):
        path.rename(path.with_suffix(".WAV"))
    after = read(tmp_path)
    assert [u.id for u in after.utterances] == [u.id for u in before.utterances] and not after.skipped.get(
        "audio file missing"
    )
    assert all((tmp_path / u.path).is_file() for u in after.utterances)
