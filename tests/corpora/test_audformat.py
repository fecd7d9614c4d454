import audformat
import pandas as pd
import pytest

from kerasser.corpora.audformat import read
from kerasser.util.errors import InputError
from tests.corpora.trees import write_wav

FILES = ("wav/a.wav", "wav/b.wav", "wav/c.wav")


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        write_wav(tmp_path / name)
    return tmp_path


def table(database, name, index, split=None, **columns):
    if split:
        database.splits[split] = audformat.Split(split)
    database[name] = audformat.Table(index, split_id=split)
    for column, values in columns.items():
        database[name][column] = audformat.Column()
        database[name][column].set(values)


def filewise(*files):
    return audformat.filewise_index(list(files or FILES))


def saved(folder, storage_format="csv", **tables):
    database = audformat.Database("tiny")
    for name, (index, split, columns) in tables.items():
        table(database, name, index, split, **columns)
    database.save(str(folder), storage_format=storage_format)
    return folder


SPEAKERS = {"speaker": ["one", "two", "three"]}
EMOTIONS = {"emotion": ["anger", "neutral", "surprise"]}


@pytest.mark.parametrize("storage_format", ["csv", "parquet"])
def test_reads_a_filewise_table(folder, storage_format):
    corpus = read(saved(folder, storage_format, labels=(filewise(), None, {**EMOTIONS, **SPEAKERS})))
    assert [(u.id, u.path, u.speaker, u.emotion, u.valence, u.start_s, u.end_s) for u in corpus.utterances] == [
        ("wav/a.wav", "wav/a.wav", "one", "anger", "negative", 0.0, None),
        ("wav/b.wav", "wav/b.wav", "two", "neutral", "positive", 0.0, None),
    ]
    assert corpus.skipped == {"no valence for surprise": 1}


def test_reads_segments_with_speakers_from_another_table(folder):
    index = audformat.segmented_index([FILES[0], FILES[0], FILES[1]], ["0s", "1.5s", "2s"], ["1s", "2s", pd.NaT])
    tables = {
        "emotion": (index, None, {"emotion": ["anger", "neutral", "anger"]}),
        "files": (filewise(), None, {"speaker": [3, 8, 9]}),
    }
    corpus = read(saved(folder, **tables))
    assert [(u.id, u.path, u.speaker, u.start_s, u.end_s) for u in corpus.utterances] == [
        ("wav/a.wav#0.0-1.0", "wav/a.wav", "3", 0.0, 1.0),
        ("wav/a.wav#1.5-2.0", "wav/a.wav", "3", 1.5, 2.0),
        ("wav/b.wav#2.0-", "wav/b.wav", "8", 2.0, None),
    ]


def test_parts_of_a_table_give_the_split(folder):
    tables = {
        "emotion": (filewise(), None, EMOTIONS),
        "emotion.train": (filewise(*FILES[:1]), None, {"emotion": ["anger"]}),
        "emotion.devel": (filewise(FILES[2]), None, {"emotion": ["neutral"]}),
        "emotion.test": (filewise(FILES[1]), None, {"emotion": ["neutral"]}),
        "files": (filewise(), None, SPEAKERS),
    }
    corpus = read(saved(folder, **tables))
    assert [(u.id, u.split) for u in corpus.utterances] == [
        ("wav/a.wav", "train"),
        ("wav/b.wav", "test"),
        ("wav/c.wav", "dev"),
    ]


def test_headers_give_the_split(folder):
    tables = {
        "known": (filewise(*FILES[:2]), "train", {"emotion": ["anger", "neutral"], "speaker": ["one", "two"]}),
        "unseen": (filewise(FILES[2]), "test", {"emotion": ["anger"], "speaker": ["three"]}),
    }
    assert [u.split for u in read(saved(folder, **tables)).utterances] == ["train", "train", "test"]


def test_what_is_not_labelled_or_not_there_is_counted(folder):
    (folder / FILES[0]).unlink()
    write_wav(folder / "wav/d.wav")
    columns = {"emotion": ["anger", None, "anger", "anger"], "speaker": ["one", "two", None, "four"]}
    corpus = read(saved(folder, labels=(filewise(*FILES, "wav/d.wav"), None, columns)))
    assert [u.id for u in corpus.utterances] == ["wav/d.wav"]
    assert corpus.skipped == {"audio file missing": 1, "no emotion": 1, "no speaker": 1}


def test_labels_sexes_and_names_of_files_may_be_in_another_case(folder):
    (folder / FILES[0]).rename((folder / FILES[0]).with_suffix(".WAV"))
    columns = {
        "emotion": ["Anger", "HAPPY", "neutral"],
        "speaker": ["one", "two", "three"],
        "gender": ["F", "Male", "x"],
    }
    corpus = read(saved(folder, labels=(filewise(*FILES), None, columns)))
    assert [(u.path, u.emotion, u.sex) for u in corpus.utterances] == [
        ("wav/a.WAV", "anger", "female"),
        ("wav/b.wav", "happiness", "male"),
        ("wav/c.wav", "neutral", None),
    ]
    assert corpus.read_as == {"Anger as anger": 1, "HAPPY as happiness": 1}


@pytest.mark.parametrize(
    ("tables", "received"),
    [
        ({"files": SPEAKERS}, r"none among \['files'\]"),
        ({"acted": {**EMOTIONS, **SPEAKERS}, "rated": {**EMOTIONS, **SPEAKERS}}, r"\['acted', 'rated'\]"),
        ({"acted.train": {**EMOTIONS, **SPEAKERS}, "rated.test": EMOTIONS}, r"\['acted.train', 'rated.test'\]"),
    ],
)
def test_no_table_or_several_are_refused(folder, tables, received):
    saved(folder, **{name: (filewise(), None, columns) for name, columns in tables.items()})
    with pytest.raises(InputError, match=f"expected one table with the column 'emotion'.*Received: {received}"):
        read(folder)


def test_speakers_are_required(folder):
    with pytest.raises(InputError, match="expected one filewise table with the column 'speaker'. Received: none"):
        read(saved(folder, emotion=(filewise(), None, EMOTIONS)))


def test_speakers_in_two_tables_are_refused(folder):
    tables = {name: (filewise(), None, SPEAKERS) for name in ("files", "people")}
    with pytest.raises(InputError, match=r"with the column 'speaker'\. Received: \['files', 'people'\]"):
        read(saved(folder, emotion=(filewise(), None, EMOTIONS), **tables))


def test_a_table_name_cannot_lead_to_another_folder(folder):
    (folder / "db.x").mkdir()
    (folder / "db.x" / "y.csv").write_text("file,emotion,speaker\nwav/a.wav,anger,one\n")
    (folder / "db.yaml").write_text("name: x\nsource: y\nusage: other\ntables: {x/y: {type: filewise}}\n")
    with pytest.raises(InputError, match="expected every table as .*Received: none of 'x/y'"):
        read(folder)


@pytest.mark.parametrize("path", ["/etc/a.wav", "../a.wav"])
def test_a_path_that_leaves_the_folder_is_refused(folder, path):
    saved(folder, labels=(filewise(), None, {**EMOTIONS, **SPEAKERS}))
    listing = folder / "db.labels.csv"
    listing.write_text(listing.read_text().replace("wav/a.wav", path))
    with pytest.raises(InputError, match="table 'labels': expected a path below"):
        read(folder)


def test_a_segment_that_ends_before_it_starts_is_refused(folder):
    index = audformat.segmented_index([FILES[0]], ["2s"], ["1s"])
    with pytest.raises(InputError, match="expected segments that end after they start. Received: 2.0-1.0 s"):
        read(saved(folder, labels=(index, None, {"emotion": ["anger"], "speaker": ["one"]})))


def test_a_pickled_table_is_never_opened(folder):
    saved(folder, labels=(filewise(), None, {**EMOTIONS, **SPEAKERS}))
    # A newer pickle beside the CSV is what audformat itself would open: this one would leave a trace.
    trace = folder / "trace"
    pickle = f"cpathlib\nPath.touch\n(cpathlib\nPosixPath\n(V{trace}\ntRtR.".encode()
    (folder / "db.labels.pkl").write_bytes(pickle)
    assert len(read(folder).utterances) == 2
    (folder / "db.labels.csv").unlink()
    with pytest.raises(
        InputError, match=r"expected every table as db\.<table>\.csv or \.parquet\. Received: none of 'labels'"
    ):
        read(folder)
    assert not trace.exists()


def test_a_header_that_would_run_code_is_refused(folder):
    saved(folder, labels=(filewise(), None, {**EMOTIONS, **SPEAKERS}))
    trace = folder / "trace"
    with open(folder / "db.yaml", "a") as file:
        file.write(f"author: !!python/object/apply:os.mkdir ['{trace}']\n")
    with pytest.raises(InputError, match=r"db\.yaml: expected a header in plain YAML\. Received: ") as error:
        read(folder)
    assert "\n" not in str(error.value)
    assert not trace.exists()


@pytest.mark.parametrize(
    "header", ["", "- 1", "tables: {}", "name: x\nsource: y\nusage: z\ntables: {../x: {type: filewise}}"]
)
def test_a_broken_header_is_one_line(folder, header):
    (folder / "db.yaml").write_text(header)
    with pytest.raises(InputError, match="expected .*Received: ") as error:
        read(folder)
    assert "\n" not in str(error.value)


def test_the_sex_is_told_by_a_table_of_speakers(folder):
    """A miscellaneous table, as audformat's own databases have it."""
    database = audformat.Database("tiny")
    database.schemes["gender"] = audformat.Scheme(labels=["female", "male", "other"])
    index = pd.Index(["one", "two", "three"], name="speaker")
    database["speaker"] = audformat.MiscTable(index)
    database["speaker"]["gender"] = audformat.Column(scheme_id="gender")
    database["speaker"]["gender"].set(["female", "other", "male"])
    table(database, "labels", filewise(), **{**EMOTIONS, "emotion": ["anger"] * 3}, **SPEAKERS)
    database.save(str(folder))
    assert [u.sex for u in read(folder).utterances] == ["female", None, "male"]


def test_the_sex_is_told_by_the_speakers_labels(folder):
    database = audformat.Database("tiny")
    facts = {"one": {"gender": "male"}, "two": {"age": 30}, "three": {"gender": "female"}}
    database.schemes["speaker"] = audformat.Scheme("str", labels=facts)
    table(database, "labels", filewise(), emotion=["anger"] * 3)
    database["labels"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["labels"]["speaker"].set(SPEAKERS["speaker"])
    database.save(str(folder))
    assert [u.sex for u in read(folder).utterances] == ["male", None, "female"]


def test_the_sex_is_told_by_a_column_beside_the_speaker(folder):
    columns = {"emotion": ["anger"] * 3, **SPEAKERS, "sex": ["female", "male", None]}
    assert [u.sex for u in read(saved(folder, labels=(filewise(), None, columns))).utterances] == [
        "female",
        "male",
        None,
    ]
    without = {"emotion": ["anger"] * 3, **SPEAKERS}
    assert {u.sex for u in read(saved(folder, labels=(filewise(), None, without))).utterances} == {None}
