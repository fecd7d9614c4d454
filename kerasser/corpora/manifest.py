"""Any corpus that a CSV file lists: `path,speaker,emotion`, optionally `split`, `valence`, `start`, `end`, `sex`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from kerasser.corpora import tables
from kerasser.corpora.base import CLASSES, SEX_WORDS, VALENCE, Corpus, Tally, received, segment_id
from kerasser.corpora.files import Files, written_path
from kerasser.corpora.labels import known_as
from kerasser.corpora.left_out import MISSING
from kerasser.util.errors import InputError

NAME = "manifest"

_REQUIRED = ("path", "speaker", "emotion")
_SPLITS = ("train", "dev", "test")
#: Column → its other names, in small letters without spaces, underscores and hyphens.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("file", "filename", "filepath", "wav", "audio", "audiofile", "audiopath", "wavfile", "wavpath"),
    "speaker": ("speakerid", "spk", "spkid", "spkr", "speakername"),
    "emotion": ("label", "emotionlabel", "emotionname", "emo"),
    "valence": (),
    "start": ("begin", "onset", "startsec", "starts", "starttime", "begintime"),
    "end": ("stop", "endsec", "ends", "endtime", "stoptime"),
    # Where a stretch ends in some lists, where it begins in others: only an onset tells.
    "offset": (),
    "split": (),
    "sex": ("gender",),
}


def read(root: Path, valence: Mapping[str, str] = VALENCE) -> Corpus:
    """Reads the utterances that a table lists: UTF-8 or UTF-16, parted by commas, semicolons, tabs or bars.

    Args:
        root: The table. Paths in it are relative to its folder, or absolute and below it; `start` and `end` are in
            seconds.
        valence: From emotion to "negative" or "positive", where the row itself does not say.

    Returns:
        The corpus; its root is the folder of the file.

    Raises:
        InputError: The file is absent or in another encoding, a column is absent, or a row cannot be used.
    """
    root = Path(root)
    if not root.is_file():
        raise InputError(
            f"{root}: expected a CSV file with the columns {','.join(_REQUIRED)}. Received: {received(root)}"
        )
    listing = _Listing(root, Tally(valence))
    for row in tables.rows(root, _COLUMNS, _REQUIRED):
        listing.add(row)
    return listing.tally.corpus(NAME, root.parent)


class _Listing:
    """The utterances of a table so far.

    Args:
        path: The table.
        tally: Where they are kept.
    """

    def __init__(self, path: Path, tally: Tally) -> None:
        self.tally = tally
        self._folder, self._files = path.parent, Files(path.parent)
        self._lines: dict[str, str] = {}
        self._sexes: dict[str, tuple[str, str]] = {}

    def add(self, row: tables.Row) -> None:
        """Adds the utterance of one row, or counts that its audio is missing."""
        where, cells = row.where, row.cells
        for column in _REQUIRED:
            if not cells[column]:
                raise InputError(f"{where}: expected a value for {column}. Received: an empty field")
        written = written_path(cells["path"], where, self._folder)
        start_s, end_s = _stretch(cells, where)
        split = _choice(cells, "split", _SPLITS, where)
        valence = _choice(cells, "valence", CLASSES, where)
        sex = self._sex(cells, where)
        path = self._files.find(written)
        if path is None:
            self.tally.skip(MISSING, self._example(written))
            return
        name = segment_id(path, start_s, end_s)
        before = len(self.tally.kept)
        self.tally.add(
            id=name,
            path=path,
            speaker=cells["speaker"],
            emotion=cells["emotion"],
            valence=valence,
            split=split,
            start_s=start_s,
            end_s=end_s,
            sex=sex,
        )
        # A row that is left out, as one of an emotion that the map does not know, is nobody's double.
        if len(self.tally.kept) == before:
            return
        if name in self._lines:
            raise InputError(f"{where}: expected each utterance once. Received: {name!r} twice, as {self._lines[name]}")
        self._lines[name] = where.rpartition(", ")[2]

    def _sex(self, cells: Mapping[str, str], where: str) -> str | None:
        """Returns the speaker's sex, once it is the one that other rows have told."""
        text, speaker = cells.get("sex"), cells["speaker"]
        if not text:
            return None
        if text.casefold() not in SEX_WORDS:
            known = ", ".join(SEX_WORDS)
            raise InputError(
                f"{where}: expected sex to be one of {known}, or nothing where it is not known. Received: {text!r}"
            )
        sex = SEX_WORDS[text.casefold()]
        told, line = self._sexes.setdefault(speaker, (sex, where.rpartition(", ")[2]))
        if told != sex:
            both = " and ".join(sorted({told, sex}))
            raise InputError(f"{where}: expected one sex for speaker {speaker!r}. Received: {both}, as {line} has")
        return sex

    def _example(self, written: str) -> str:
        """Returns a missing path, beside the one that may have been meant."""
        if MISSING in self.tally.examples:
            # One is said.
            return written
        near = self._files.nearest(written)
        return f"{written} (there is {near})" if near else written


def _stretch(cells: Mapping[str, str], where: str) -> tuple[float, float | None]:
    """Returns where an utterance begins and ends, in seconds; an end of None is that of the file."""
    end = "end"
    if "offset" in cells and "end" not in cells:
        if "start" not in cells:
            raise InputError(
                f"{where}: expected 'offset' beside a column 'onset'; alone, it is called start or end, whichever it is"
                f". Received: {', '.join(cells)}"
            )
        end = "offset"
    start_s, end_s = _seconds(cells, "start", where) or 0.0, _seconds(cells, end, where)
    if end_s is not None and end_s <= start_s:
        raise InputError(f"{where}: expected an end after the start {start_s}. Received: {cells[end]!r}")
    return start_s, end_s


def _seconds(cells: Mapping[str, str], column: str, where: str) -> float | None:
    """Returns a time in seconds, None where the field is absent or empty."""
    text = cells.get(column)
    if not text:
        return None
    try:
        # Where commas do not part the fields, they may part the decimals.
        value = float(text.replace(",", ".", 1))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{where}: expected {column} in seconds, 0 or more. Received: {text!r}")
    return value


def _choice(cells: Mapping[str, str], column: str, choices: tuple[str, ...], where: str) -> str | None:
    """Returns one of the allowed words, None where the field is absent or empty."""
    text = cells.get(column)
    if not text:
        return None
    known = known_as(text, choices)
    if known is None:
        raise InputError(
            f"{where}: expected {column} to be one of {', '.join(choices)}; a column of other content needs another "
            f"name. Received: {text!r}"
        )
    return known
