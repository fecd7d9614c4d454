import unicodedata

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
    [
        *("/a.wav", "../a.wav", "sub/../a.wav", "..\\a.wav", "C:/a.wav", "C:\\a.wav", "C:a.wav", "//host/a.wav"),
        *("\\\\host\\a.wav", ".", "a\x00.wav"),
    ],
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


@pytest.mark.parametrize("header", ["", "path,speaker", "path speaker emotion", "path,speaker,emotion,path"])
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
    with pytest.raises(InputError, match=r"list\.csv, line 3: expected a CSV file in UTF-8, .*iconv.*Received: .*0xeb"):
        read(write(folder, "a.wav,one,anger", "a.wav,Zoë,anger", encoding="latin-1"))


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
    for female, male in (("f", "male"), ("F", "M"), ("Female", "MALE"), ("w", "m"), ("W", " m ")):
        rows = (f"a.wav,one,anger,{female}", f"sub/b.wav,two,anger,{male}")
        told = read(write(folder, *rows, header="path,speaker,emotion,sex"))
        assert [u.sex for u in told.utterances] == ["female", "male"]
    assert read(write(folder, "a.wav,one,anger,", header="path,speaker,emotion,sex")).utterances[0].sex is None
    assert read(write(folder, "a.wav,one,anger")).utterances[0].sex is None


@pytest.mark.parametrize("sex", ["x", "femme", "woman", "0"])
def test_another_sex_is_refused_in_one_line(folder, sex):
    with pytest.raises(InputError, match=rf"list\.csv, line 2: expected sex to be one of f, m, .*Received: '{sex}'"):
        read(write(folder, f"a.wav,one,anger,{sex}", header="path,speaker,emotion,sex"))


def test_a_speaker_of_two_sexes_is_refused(folder):
    rows = ("a.wav,one,anger,f", "sub/b.wav,one,anger,male")
    with pytest.raises(InputError, match="expected one sex for speaker 'one'. Received: female and male"):
        read(write(folder, *rows, header="path,speaker,emotion,sex"))


ROWS = ("a.wav", "one", "anger"), ("sub/b.wav", "two", "neutral")
WANTED = [("a.wav", "one", "anger", "negative"), ("sub/b.wav", "two", "neutral", "positive")]


def told(corpus):
    return [(u.path, u.speaker, u.emotion, u.valence) for u in corpus.utterances]


def table(folder, rows, separator=",", encoding="utf-8", end="\n", name="list.csv"):
    path = folder / name
    path.write_bytes("".join(separator.join(row) + end for row in rows).encode(encoding))
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_and_encodings_are_told_apart(folder, separator, encoding, end):
    rows = (("path", "speaker", "emotion"), ("a.wav", "Zoë", "anger"), ("sub/b.wav", "two", "neutral"))
    found = told(read(table(folder, rows, separator, encoding, end)))
    assert found == [("a.wav", "Zoë", "anger", "negative"), WANTED[1]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_field_in_quotes_may_hold_the_separator(folder, separator):
    rows = (("path", '"speaker"', "emotion"), ('"a.wav"', f' "Doe{separator} ""Jo"""', '"anger"'))
    assert told(read(table(folder, rows, separator)))[0][:2] == ("a.wav", f'Doe{separator} "Jo"')


@pytest.mark.parametrize(
    "header",
    [
        ("PATH", " Speaker ", "_emotion_"),
        ("File", "speaker_id", "label"),
        ("File Name", "Speaker-ID", "Emotion Label"),
        ("filepath", "spk", "EMOTION"),
        ("wav", "SpeakerId", "Label"),
    ],
)
def test_headers_in_any_case_and_under_common_names(folder, header):
    assert told(read(table(folder, (header, *ROWS)))) == WANTED


def test_a_column_of_the_very_name_goes_before_its_synonyms(folder):
    header, rows = ("file", "path", "label", "emotion", "speaker"), (("17", "a.wav", "3", "anger", "one"),)
    assert told(read(table(folder, (header, *rows)))) == WANTED[:1]


def test_two_synonyms_of_one_column_are_refused_by_their_names(folder):
    with pytest.raises(InputError, match=r"list\.csv: expected .*each once.*Received: 'file' and 'WAV' for path"):
        read(table(folder, (("file", "WAV", "speaker", "emotion"), ("a.wav", "b.wav", "one", "anger"))))


@pytest.mark.parametrize(
    ("header", "front"),
    [
        (("",), ("0",)),
        (("Unnamed: 0",), ("0",)),
        (("Unnamed: 0.1", "Unnamed: 0"), ("0", "7")),
        (("", ""), ("0", "7")),
        (("index", ""), ("0", "7")),
        # As R writes its row names: there is no header above them.
        ((), ("1",)),
        ((), ("1", "2")),
    ],
)
def test_an_index_column_or_two_are_no_content(folder, header, front):
    rows = ((*header, "path", "speaker", "emotion"), *((*front, *row) for row in ROWS))
    assert told(read(table(folder, rows))) == WANTED


def test_what_spreadsheets_add_is_no_content(folder):
    rows = (("sep=;",), ("path", "speaker", "emotion", ""), (*ROWS[0], "", ""), ("", "", ""), (*ROWS[1],) + ("",))
    assert told(read(table(folder, rows, ";"))) == WANTED
    (folder / "list.csv").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(InputError, match=r"list\.csv: expected a CSV file in UTF-8\. Received: a workbook; save it as"):
        read(folder / "list.csv")


def test_times_may_have_a_decimal_comma_and_an_onset_an_offset(folder):
    rows = (("path", "speaker", "emotion", "Onset", "Offset"), (*ROWS[0], "0,5", "1,25"), (*ROWS[1], "", "2"))
    found = read(table(folder, rows, ";")).utterances
    assert [(u.start_s, u.end_s) for u in found] == [(0.5, 1.25), (0.0, 2.0)]
    rows = (("path", "speaker", "emotion", "begin", "stop"), (*ROWS[0], "0.5", "1.25"))
    assert read(table(folder, rows)).utterances[0].end_s == 1.25


def test_an_offset_alone_may_be_either_and_is_refused(folder):
    with pytest.raises(InputError, match=r"line 2: expected 'offset' beside a column 'onset'; .* Received: "):
        read(table(folder, (("path", "speaker", "emotion", "offset"), (*ROWS[0], "0.5"))))


def test_backslashes_and_absolute_paths_below_the_folder(folder):
    rows = (
        ("path", "speaker", "emotion"),
        (str(folder / "a.wav"), "one", "anger"),
        (".\\sub\\b.wav", "two", "neutral"),
    )
    assert told(read(table(folder, rows))) == WANTED
    assert [u.id for u in read(table(folder, rows)).utterances] == ["a.wav", "sub/b.wav"]


def test_absolute_paths_through_a_link_to_the_folder(folder, tmp_path_factory):
    link = tmp_path_factory.mktemp("elsewhere") / "link"
    link.symlink_to(folder)
    for written, listed in ((folder, link), (link, link)):
        rows = (("path", "speaker", "emotion"), (str(written / "a.wav"), "one", "anger"))
        table(folder, rows)
        assert told(read(listed / "list.csv")) == WANTED[:1]


@pytest.mark.parametrize(("disk", "listed"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_composed_and_decomposed_names_are_one(folder, disk, listed):
    name = "Zoë/Ärger.wav"
    write_wav(folder / unicodedata.normalize(disk, name))
    rows = (("path", "speaker", "emotion"), (unicodedata.normalize(listed, name), "one", "anger"))
    (found,) = read(table(folder, rows)).utterances
    assert found.path == unicodedata.normalize(disk, name) and (folder / found.path).is_file()


def test_names_in_another_case_where_no_other_file_is_meant(folder):
    write_wav(folder / "Sub2/C.WAV")
    rows = (("path", "speaker", "emotion"), ("sub2/c.wav", "one", "anger"), ("A.WAV", "two", "neutral"))
    assert [u.path for u in read(table(folder, rows)).utterances] == ["Sub2/C.WAV", "a.wav"]
    # With a second file that could be meant, none is.
    write_wav(folder / "Sub2/c.Wav")
    corpus = read(table(folder, rows))
    assert [u.path for u in corpus.utterances] == ["a.wav"] and corpus.skipped == {"audio file missing": 1}


def test_a_missing_file_is_named_beside_the_nearest(folder):
    corpus = read(table(folder, (("path", "speaker", "emotion"), ROWS[0], ("sub/b.wave", "two", "neutral"))))
    assert corpus.skipped == {"audio file missing": 1}
    assert corpus.examples == {"audio file missing": "sub/b.wave (there is sub/b.wav)"}
    # As somebody writes it who stands above the folder.
    corpus = read(table(folder, (("path", "speaker", "emotion"), ROWS[0], ("rec/sub/B.wav", "two", "neutral"))))
    assert corpus.examples == {"audio file missing": "rec/sub/B.wav (there is sub/b.wav)"}


@pytest.mark.parametrize(
    ("written", "name"),
    [("Anger", "anger"), ("ANGRY", "anger"), (" angry ", "anger"), ("ang", "anger"), ("Wut", "anger")]
    + [("Happy", "happiness"), ("SAD", "sadness"), ("Fearful", "fear"), ("disgusted", "disgust"), ("Bored", "boredom")]
    + [("excited", "excitement"), ("NEUTRAL", "neutral"), ("Calm", "calm")],
)
def test_labels_fold_to_known_names_and_say_so(folder, written, name):
    corpus = read(table(folder, (("path", "speaker", "emotion"), ("a.wav", "one", written))))
    assert corpus.utterances[0].emotion == name and not corpus.skipped
    assert corpus.read_as == ({f"{written.strip()} as {name}": 1} if written.strip() != name else {})


def test_a_map_of_the_users_own_decides_what_a_label_is_called(folder):
    rows = (("path", "speaker", "emotion"), ("a.wav", "one", "RAGE"), ("sub/b.wav", "two", "angry"))
    corpus = read(table(folder, rows), {"Rage": "negative"})
    assert told(corpus) == [("a.wav", "one", "Rage", "negative")]
    assert corpus.skipped == {"no valence for angry": 1}
    # A label that the map has as it stands is no other, whatever it resembles.
    rows = (("path", "speaker", "emotion"), ("a.wav", "one", "angry"), ("sub/b.wav", "two", "anger"))
    corpus = read(table(folder, rows), {"angry": "negative", "anger": "positive"})
    assert [u.emotion for u in corpus.utterances] == ["angry", "anger"] and not corpus.read_as
    # One that two names of the map could mean is neither.
    rows = (("path", "speaker", "emotion"), ("a.wav", "one", "ANGRY"), ("sub/b.wav", "two", "anger"))
    corpus = read(table(folder, rows), {"angry": "negative", "Angry": "positive", "anger": "negative"})
    assert corpus.skipped == {"no valence for ANGRY": 1}


def test_one_utterance_twice_names_both_lines(folder):
    with pytest.raises(InputError, match=r"line 3: .*'a\.wav' twice, as line 2"):
        read(table(folder, (("path", "speaker", "emotion"), ROWS[0], (".\\a.wav", "two", "anger"))))
    # As one file under the labels of two schemes is, of which the map knows one.
    corpus = read(table(folder, (("path", "speaker", "emotion"), ROWS[0], ("a.wav", "one", "rage"))))
    assert [u.emotion for u in corpus.utterances] == ["anger"]
