"""Tables as spreadsheets, pandas and editors write them: any common separator, encoding and form of header."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kerasser.util.errors import InputError

SEPARATORS = ",;\t|"
_SPELLED = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

# Four bytes first: the mark of UTF-32 begins as that of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What Excel reads, and some programs write, above the header.
_SEPARATOR_LINE = re.compile(r"sep=(.)[,;\s]*")


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        where: File and line, for an error message.
        cells: Column → content without spaces around it.
    """

    where: str
    cells: Mapping[str, str]


def rows(path: Path, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> Iterator[Row]:
    """Yields the rows of a table that are not empty.

    Args:
        path: UTF-8, or UTF-16 with a byte-order mark; separated by commas, semicolons, tabs or bars.
        columns: Name → what else the column may be called, without spaces, underscores, hyphens and capitals.
        required: Names of the columns that have to be there.

    Raises:
        InputError: The file is in another encoding, a column is absent or there twice, or a row has another number of
            fields than the header.
    """
    text = _text(path)
    separator, header, lines = _parsed(path, text, columns, required)
    names = _named(path, header, columns, required)
    index = _index(lines, len(header))
    for number, fields in lines:
        where = f"{path}, line {number}"
        cells = [field.strip() for field in fields[index:]]
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        if len(cells) != len(header):
            raise InputError(
                f"{where}: expected {len(header)} fields, as the header has, parted by {_SPELLED[separator]}; a field "
                f"that holds the separator stands in double quotes. Received: {len(cells)}"
            )
        yield Row(where, {name: cell for name, cell in zip(names, cells, strict=True) if name})


def _text(path: Path) -> str:
    """Returns what a file holds, decoded."""
    contents = path.read_bytes()
    if contents.startswith(b"PK\x03\x04"):
        raise InputError(f"{path}: expected a CSV file in UTF-8. Received: a workbook; save it as CSV UTF-8")
    encoding = next((name for mark, name in _MARKS if contents.startswith(mark)), None)
    if encoding is None:
        # Text in our columns' alphabet has a zero in every other byte of UTF-16, and nowhere in UTF-8.
        zeros = [contents[:200:2].count(0), contents[1:200:2].count(0)]
        encoding = "utf-8" if max(zeros) < 10 else ("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le")
    try:
        return contents.decode(encoding)
    except UnicodeDecodeError as error:
        line = contents[: error.start].count(b"\n") + 1
        cure = f"iconv -f WINDOWS-1252 -t UTF-8 {path.name}, or 'CSV UTF-8' where a spreadsheet saves it, makes it so"
        found = f"byte 0x{contents[error.start]:02x} of another encoding, such as Latin-1"
        if encoding != "utf-8":
            cure, found = "save it again", f"what is no {encoding.upper()}"
        raise InputError(
            f"{path}, line {line}: expected a CSV file in UTF-8, or UTF-16 with its mark; {cure}. Received: {found}"
        ) from None


Lines = list[tuple[int, list[str]]]


def _parsed(
    path: Path, text: str, columns: Mapping[str, Sequence[str]], required: Sequence[str]
) -> tuple[str, list[str], Lines]:
    """Returns the separator that shows most of the columns, the header, and the rows with their numbers."""
    skipped = len(text) - len(text.lstrip("\r\n"))
    first = text[skipped:].splitlines()[:1]
    said = _SEPARATOR_LINE.fullmatch(first[0]) if first else None
    best: tuple[int, int] = (-1, -1)
    chosen = ","
    for separator in [said[1]] if said and said[1] in SEPARATORS else SEPARATORS:
        try:
            header = next((fields for _, fields in _lines(text, separator, bool(said))), [])
        except csv.Error:
            continue
        found = {name for field in header for name, others in columns.items() if _squashed(field) in (name, *others)}
        score = len(found & set(required)), len(header)
        if score > best:
            best, chosen = score, separator
    try:
        lines = list(_lines(text, chosen, bool(said)))
    except csv.Error as error:
        raise InputError(
            f"{path}: expected a CSV file in UTF-8. Received: {error}, behind line {_broken(text, chosen)}; a quote "
            "in a field is written twice, and the field in quotes"
        ) from None
    return chosen, (lines[0][1] if lines else []), lines[1:]


def _lines(text: str, separator: str, below_first: bool) -> Iterator[tuple[int, list[str]]]:
    """Yields line numbers and fields of all rows with content."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    for fields in reader:
        if any(field.strip() for field in fields):
            if below_first:
                below_first = False
                continue
            yield reader.line_num, fields


def _broken(text: str, separator: str) -> int:
    """Returns the line of the last row that can be read, 0 where there is none."""
    last = 0
    try:
        for number, _ in _lines(text, separator, False):
            last = number
    except csv.Error:
        pass
    return last


def _squashed(name: str) -> str:
    """Returns the name of a column without what is no part of it: case, spaces, underscores, hyphens, marks."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _named(
    path: Path, header: Sequence[str], columns: Mapping[str, Sequence[str]], required: Sequence[str]
) -> list[str]:
    """Returns what each column is; "" for an index or a column that nobody asked for."""
    found = [_squashed(field) for field in header]
    names = [""] * len(header)
    listed = ",".join(required)
    for name, others in columns.items():
        # A column of the very name goes before its synonyms, which may then hold anything.
        places = [place for place, each in enumerate(found) if each == name]
        places = places or [place for place, each in enumerate(found) if each in others]
        if len(places) > 1:
            both = " and ".join(repr(header[place].strip()) for place in places)
            raise InputError(f"{path}: expected the columns {listed}, each once. Received: {both} for {name}")
        for place in places:
            names[place] = name
    if absent := [name for name in required if name not in names]:
        have = [field.strip() for field in header]
        called = "; ".join(f"{name} may be called {' or '.join(columns[name][:4])}" for name in absent if columns[name])
        raise InputError(
            f"{path}: expected the columns {listed}, each once. Received: {have or 'an empty file'}, without "
            f"{' and '.join(absent)}; {called}; commas, semicolons, tabs or bars part them"
        )
    return names


def _index(lines: Lines, width: int) -> int:
    """Returns how many numbers stand before the fields that the header names, as R writes the names of its rows."""
    extra = Counter(len(fields) - width for _, fields in lines)
    if len(extra) != 1 or (more := next(iter(extra))) not in (1, 2):
        return 0
    numbered = all(field.strip().isdecimal() for _, fields in lines for field in fields[:more])
    return more if numbered else 0
