"""Any corpus that a CSV file lists: `path,speaker,emotion`, optionally `split`, `valence`, `start`, `end`, `sex`."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from kerasser.corpora.base import CLASSES, SEXES, VALENCE, Corpus, Tally, inner_path, received, segment_id
from kerasser.util.errors import InputError

NAME = "manifest"

_REQUIRED = ("path", "speaker", "emotion")
_SPLITS = ("train", "dev", "test")
_SEXES = {"f": "female", "m": "male", **{sex: sex for sex in SEXES}}


def read(root: Path, valence: Mapping[str, str] = VALENCE) -> Corpus:
    """Reads the utterances that a CSV file lists, UTF-8 with or without a byte-order mark.

    Args:
        root: The CSV file. Paths in it are relative to its folder; `start` and `end` are in seconds.
        valence: From emotion to "negative" or "positive", where the row itself does not say.

    Returns:
        The corpus; its root is the folder of the file.

    Raises:
        InputError: The file is absent or not UTF-8, a column is absent, or a row cannot be used.
    """
    root = Path(root)
    if not root.is_file():
        raise InputError(
            f"{root}: expected a CSV file with the columns {','.join(_REQUIRED)}. Received: {received(root)}"
        )
    tally = Tally(valence)
    for where, row in _rows(root):
        _add(root.parent, where, row, tally)
    return tally.corpus(NAME, root.parent)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields every row with the words that name it in an error."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [column.strip() for column in reader.fieldnames or ()]
            if not set(_REQUIRED) <= set(columns) or len(set(columns)) < len(columns):
                raise InputError(f"{path}: expected the columns {','.join(_REQUIRED)}, each once. Received: {columns}")
            reader.fieldnames = columns
            for row in reader:
                where = f"{path}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise InputError(f"{where}: expected {len(columns)} fields. Received: another number of them")
                yield where, {column: cell.strip() for column, cell in row.items()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV file in UTF-8. Received: {error}") from error


def _add(folder: Path, where: str, row: Mapping[str, str], tally: Tally) -> None:
    """Adds the utterance of one row, or counts that its audio is missing."""
    for column in _REQUIRED:
        if not row[column]:
            raise InputError(f"{where}: expected a value for {column}. Received: an empty field")
    path = inner_path(row["path"], where)
    start_s, end_s = _seconds(row, "start", where), _seconds(row, "end", where)
    if end_s is not None and end_s <= (start_s or 0.0):
        raise InputError(f"{where}: expected an end after the start {start_s or 0.0}. Received: {row['end']!r}")
    split, valence = _choice(row, "split", _SPLITS, where), _choice(row, "valence", CLASSES, where)
    sex = _choice(row, "sex", tuple(_SEXES), where)
    if not (folder / path).is_file():
        tally.skip("audio file missing")
        return
    tally.add(
        id=segment_id(path, start_s or 0.0, end_s),
        path=path,
        speaker=row["speaker"],
        emotion=row["emotion"],
        valence=valence,
        split=split,
        start_s=start_s or 0.0,
        end_s=end_s,
        sex=_SEXES[sex] if sex else None,
    )


def _seconds(row: Mapping[str, str], column: str, where: str) -> float | None:
    """Returns a time in seconds, None where the field is absent or empty."""
    text = row.get(column)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{where}: expected {column} in seconds, 0 or more. Received: {text!r}")
    return value


def _choice(row: Mapping[str, str], column: str, choices: tuple[str, ...], where: str) -> str | None:
    """Returns one of the allowed words, None where the field is absent or empty."""
    text = row.get(column)
    if text and text not in choices:
        raise InputError(f"{where}: expected {column} to be one of {', '.join(choices)}. Received: {text!r}")
    return text or None
