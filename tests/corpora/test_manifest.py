import pytest

from kerasser.corpora.manifest import read
from kerasser.util.errors import InputError
from tests.corpora.trees import write_wav


def write(folder, *rows, header="path,speaker,emotion", encoding="utf-8", end="\n"):
    path = folder / "list.csv"
    path.write_bytes("".join(row + end for row in (header, *rows)).encode(encoding))
    return path


@pytest.fixture
def folder(tmp_path):
    for name in ("a.wav", "sub/b.wav"):
        write_wav(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_reads_rows_relative_to_the_file(folder, encoding, end):
    corpus = read(write(folder, "a.wav,Zoë,anger", "./sub//b.wav,two,neutral", encoding=encoding, end=end))
    assert corpus.root == folder
    assert [(u.id, u.path, u.speaker, u.emotion, u.valence, u.split) for u in corpus.utterances] == [
        ("a.wav", "a.wav", "Zoë", "anger", "negative", None),
        ("sub/b.wav", "sub/b.wav", "two", "neutral", "positive", None),
    ]


def test_optional_columns_may_be_empty_and_unknown_ones_are_fine(folder):
    header = "speaker,emotion,path,start,end,valence,split,note"
    rows = ("one,anger,a.wav,0.5,1.25,,train,hello", "one,awe,a.wav,2,,positive,train,", "two,awe,sub/b.wav,,,,test,")
    corpus = read(write(folder, *rows, header=header))
    assert [(u.id, u.start_s, u.end_s, u.valence, u.split) for u in corpus.utterances] == [
        ("a.wav#0.5-1.25", 0.5, 1.25, "negative", "train"),
        ("a.wav#2.0-", 2.0, None, "positive", "train"),
    ]
    assert corpus.skipped == {"no valence for awe": 1}


def test_missing_audio_is_counted(folder):
    corpus = read(write(folder, "a.wav,one,anger", "gone.wav,one,anger"))
    assert corpus.skipped == {"audio file missing": 1}


@pytest.mark.parametrize(
    "path",
    ["/a.wav", "../a.wav", "sub/../a.wav", "C:/a.wav", "C:a.wav", "sub\\b.wav", "//host/a.wav", ".", "a\x00.wav"],
)
def test_a_path_that_could_leave_the_folder_is_refused(folder, path):
    with pytest.raises(InputError, match=r"list\.csv, line 3: expected a path below .*Received: "):
        read(write(folder, "a.wav,one,anger", f"{path},one,anger"))


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("start", "x", "start in seconds"),
        ("start", "-1", "start in seconds"),
        ("start", "nan", "start in seconds"),
        ("end", "inf", "end in seconds"),
        ("end", "NaN", "end in seconds"),
        ("end", "1", "an end after the start 1.0"),
        ("end", "0.5", "an end after the start 1.0"),
        ("valence", "neutral", "valence to be one of negative, positive"),
        ("split", "validation", "split to be one of train, dev, test"),
        ("path", "", "a value for path"),
        ("speaker", " ", "a value for speaker"),
        ("emotion", "", "a value for emotion"),
    ],
)
def test_a_bad_field_is_named_with_its_line(folder, column, value, expected):
    row = {"path": "a.wav", "speaker": "one", "emotion": "anger", "start": "1", "end": "2", "split": "", "valence": ""}
    good = ",".join(row.values())
    bad = ",".join({**row, column: value}.values())
    with pytest.raises(InputError, match=rf"list\.csv, line 3: expected {expected}.*Received: "):
        read(write(folder, good, bad, header=",".join(row)))


def test_an_end_of_zero_is_refused(folder):
    with pytest.raises(InputError, match="expected an end after the start 0.0"):
        read(write(folder, "a.wav,one,anger,0", header="path,speaker,emotion,end"))


@pytest.mark.parametrize("header", ["", "path,speaker", "path;speaker;emotion", "path,speaker,emotion,path"])
def test_columns_are_required_once(folder, header):
    with pytest.raises(
        InputError, match=r"list\.csv: expected the columns path,speaker,emotion, each once\. Received: "
    ):
        read(write(folder, "a.wav,one,anger,b", header=header) if header else write_empty(folder))


def write_empty(folder):
    (folder / "list.csv").write_bytes(b"")
    return folder / "list.csv"


@pytest.mark.parametrize("row", ["a.wav,one", "a.wav,one,anger,more"])
def test_rows_have_as_many_fields_as_columns(folder, row):
    with pytest.raises(InputError, match=r"list\.csv, line 2: expected 3 fields"):
        read(write(folder, row))


def test_other_encodings_are_refused(folder):
    with pytest.raises(InputError, match=r"list\.csv: expected a CSV file in UTF-8\. Received: "):
        read(write(folder, "a.wav,Zoë,anger", encoding="latin-1"))


def test_broken_quotes_are_refused(folder):
    with pytest.raises(InputError, match=r"list\.csv: expected a CSV file in UTF-8\. Received: "):
        read(write(folder, '"a.wav,one,anger'))


def test_one_utterance_twice_is_refused(folder):
    with pytest.raises(InputError, match=r"Received: 'a\.wav' twice"):
        read(write(folder, "a.wav,one,anger", "./a.wav,one,anger"))


def test_a_folder_is_not_a_manifest(folder):
    with pytest.raises(InputError, match="expected a CSV file .*Received: a folder with 'a.wav', 'sub'"):
        read(folder)


def test_a_sex_may_be_a_letter_a_word_or_nothing(folder):
    rows = ("a.wav,one,anger,f", "sub/b.wav,two,anger,male")
    assert [u.sex for u in read(write(folder, *rows, header="path,speaker,emotion,sex")).utterances] == [
        "female",
        "male",
    ]
    assert read(write(folder, "a.wav,one,anger,", header="path,speaker,emotion,sex")).utterances[0].sex is None
    assert read(write(folder, "a.wav,one,anger")).utterances[0].sex is None


@pytest.mark.parametrize("sex", ["w", "F", "woman", "0"])
def test_another_sex_is_refused_in_one_line(folder, sex):
    with pytest.raises(InputError, match=rf"list\.csv, line 2: expected sex to be one of f, m, .*Received: '{sex}'"):
        read(write(folder, f"a.wav,one,anger,{sex}", header="path,speaker,emotion,sex"))


def test_a_speaker_of_two_sexes_is_refused(folder):
    rows = ("a.wav,one,anger,f", "sub/b.wav,one,anger,male")
    with pytest.raises(InputError, match="expected one sex for speaker 'one'. Received: female and male"):
        read(write(folder, *rows, header="path,speaker,emotion,sex"))
