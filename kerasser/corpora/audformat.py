"""Any corpus in an audformat database, which is what the audEERING tools write."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from kerasser.corpora.base import SEX_WORDS, VALENCE, Corpus, Tally, received, segment_id
from kerasser.corpora.files import Files, written_path
from kerasser.corpora.left_out import MISSING
from kerasser.util.errors import InputError

NAME = "audformat"

_HEADER = "db.yaml"
_SPLITS = {"train": "train", "dev": "dev", "devel": "dev", "test": "test"}
_TABLE_ID = re.compile(r"[A-Za-z0-9_.-]+")


def read(root: Path, valence: Mapping[str, str] = VALENCE) -> Corpus:
    """Reads the table that has an `emotion` column, with speakers from it or from another, filewise table.

    Tables such as `emotion.train` and `emotion.test`, or tables that name their split, give the split. The sex is
    taken from columns or labels `gender` or `sex` of the speakers.

    Args:
        root: The folder of the database, with `db.yaml` and the tables as CSV or PARQUET.
        valence: From emotion to "negative" or "positive"; other emotions are skipped and counted.

    Returns:
        The corpus; ids are paths, with "#start-end" in seconds for segments.

    Raises:
        InputError: There is no such database, no table or more than one fits, or a path leaves the folder.
    """
    root = Path(root)
    if not (root / _HEADER).is_file():
        raise InputError(f"{root}: expected an audformat database with {_HEADER}. Received: {received(root)}")
    database = _load(root)
    tally, recordings = Tally(valence), Files(root)
    sexes = _sexes(database)
    for table_id, split in _emotion_tables(root, database).items():
        for file, start_s, end_s, emotion, speaker in _rows(root, database, table_id):
            where = f"{root}, table {table_id!r}"
            written = written_path(file, where, root)
            if start_s < 0 or (end_s is not None and end_s <= start_s):
                raise InputError(f"{where}: expected segments that end after they start. Received: {start_s}-{end_s} s")
            if emotion is None or speaker is None:
                tally.skip("no emotion" if emotion is None else "no speaker")
            elif (path := recordings.find(written)) is None:
                tally.skip(MISSING, written)
            else:
                name = segment_id(path, start_s, end_s)
                tally.add(
                    id=name,
                    path=path,
                    speaker=str(speaker),
                    emotion=str(emotion),
                    split=split,
                    start_s=start_s,
                    end_s=end_s,
                    sex=sexes.get(str(speaker)),
                )
    return tally.corpus(NAME, root)


def _load(root: Path) -> Any:
    """Loads header and tables, and nothing that could run code.

    audformat prefers a pickled table where there is one, and reads its header with a YAML loader that builds any
    Python object. So the header is read with the safe loader first, and only text and PARQUET tables are passed on.
    """
    # Loading it takes most of a second, which whoever reads another corpus need not wait for.
    import audformat

    try:
        header = yaml.safe_load((root / _HEADER).read_text(encoding="utf-8"))
        tables = [*(header.get("misc_tables") or ()), *(header.get("tables") or ())]
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError) as error:
        raise InputError(f"{root / _HEADER}: expected a header in plain YAML. Received: {_one_line(error)}") from error
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(root / _HEADER, Path(folder) / _HEADER)
        for table in map(str, tables):
            files = [root / f"db.{table}.{kind}" for kind in ("csv", "parquet")]
            if not _TABLE_ID.fullmatch(table) or not any(file.is_file() for file in files):
                raise InputError(
                    f"{root}: expected every table as db.<table>.csv or .parquet. Received: none of {table!r}"
                )
            for file in filter(Path.is_file, files):
                shutil.copyfile(file, Path(folder) / file.name)
        try:
            return audformat.Database.load(folder, load_data=True)
        except Exception as error:  # whatever a parser makes of a broken file
            raise InputError(f"{root}: expected an audformat database. Received: {_one_line(error)}") from error


def _emotion_tables(root: Path, database: Any) -> dict[str, str | None]:
    """Returns the tables to read, each with its split; those that have one go before those that have none."""
    found = {name: _split(database, name) for name in database.tables if "emotion" in database[name].columns}
    parts = {name: split for name, split in found.items() if split is not None}
    wanted: dict[str, str | None] = {**parts} or found
    stems = {".".join(word for word in name.split(".") if word not in _SPLITS) for name in wanted}
    named = all(set(name.split(".")) & _SPLITS.keys() for name in parts)
    # Tables with free names that tell their split in the header belong together if every split is there once.
    alone = len(stems) == 1 or (not named and len(set(parts.values())) == len(parts))
    if not wanted or not alone:
        raise InputError(
            f"{root}: expected one table with the column 'emotion', or one in parts such as emotion.train. "
            f"Received: {sorted(wanted) or 'none among ' + str(sorted(database.tables))}"
        )
    return wanted


def _split(database: Any, name: str) -> str | None:
    """Returns the split that a table's header or name tells."""
    split_id = database[name].split_id
    kind = database.splits[split_id].type if split_id else None
    told = [_SPLITS[word] for word in (kind, *name.split(".")) if word in _SPLITS]
    return told[0] if told else None


def _rows(root: Path, database: Any, table_id: str) -> Iterator[tuple[str, float, float | None, Any, Any]]:
    """Yields file, start and end in seconds, emotion and speaker of every row; what is not labelled is None."""
    import audformat

    frame = audformat.utils.to_segmented_index(database[table_id].df, allow_nat=True)
    files = frame.index.get_level_values("file")
    emotions = _objects(frame["emotion"])
    if "speaker" in frame.columns:
        speakers = _objects(frame["speaker"])
    else:
        known = _speakers(root, database)
        speakers = [known.get(file) for file in files]
    for (file, start, end), emotion, speaker in zip(frame.index, emotions, speakers, strict=True):
        end_s = end.total_seconds()
        yield file, start.total_seconds(), None if math.isnan(end_s) else end_s, emotion, speaker


def _speakers(root: Path, database: Any) -> dict[str, Any]:
    """Returns the speaker of every file, from the one filewise table that has them."""
    fits = [name for name, table in database.tables.items() if "speaker" in table.columns and table.is_filewise]
    if len(fits) != 1:
        raise InputError(f"{root}: expected one filewise table with the column 'speaker'. Received: {fits or 'none'}")
    column = database[fits[0]].df["speaker"]
    return dict(zip(column.index, _objects(column), strict=True))


def _sexes(database: Any) -> dict[str, str]:
    """Returns the sex of every speaker of whom one is known, from tables about speakers and the labels' own facts."""
    told: dict[str, set[str]] = defaultdict(set)
    for table in (*database.misc_tables.values(), *database.tables.values()):
        frame = table.df.reset_index()
        for name in {"gender", "sex"} & set(table.columns) if "speaker" in frame.columns else ():
            for speaker, sex in zip(_objects(frame["speaker"]), _objects(frame[name]), strict=True):
                told[str(speaker)].add(str(sex))
    scheme = database.schemes["speaker"] if "speaker" in database.schemes else None
    if scheme is not None and isinstance(scheme.labels, dict):
        for speaker, facts in scheme.labels.items():
            if isinstance(facts, dict):
                told[str(speaker)] |= {str(facts[name]) for name in ("gender", "sex") if name in facts}
    known = {
        speaker: {SEX_WORDS[value.casefold()] for value in values if value.casefold() in SEX_WORDS}
        for speaker, values in told.items()
    }
    return {speaker: next(iter(values)) for speaker, values in known.items() if len(values) == 1}


def _objects(column: Any) -> list[Any]:
    """Returns the values of a column, None where there is none."""
    return [None if absent else value for value, absent in zip(column, column.isna(), strict=True)]


def _one_line(error: Exception) -> str:
    """Returns an error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
