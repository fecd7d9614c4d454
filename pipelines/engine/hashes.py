"""SHA-256 of files, remembered by their stat data as git's index remembers what it has read.

A file is read again unless size, modification time, change time and inode are what they were, and unless it is as
young as the memory of it: it could have been written again within the same tick of the clock. Links are followed, so
a link that leads elsewhere has another inode. The change time cannot be set by hand, so a copy that keeps its times
is noticed too.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

from kerasser.util import files

_FORMAT = 1
#: The coarsest clock of a file system that is still used (FAT).
_TICK_NS = 2 * 10**9


class _Known(NamedTuple):
    """What a file was when it was read; `read_ns` is when that began."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    read_ns: int
    sha256: str

    def holds(self, stat: os.stat_result) -> bool:
        """Tells whether the file is still what was read."""
        same = self[:4] == (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        return same and max(self.mtime_ns, self.ctime_ns) + _TICK_NS < self.read_ns


class FileHashes:
    """Remembers the hashes of files.

    Args:
        memory: The JSON file that keeps them from run to run, or None. Files below its folder are known by their
            relative paths, so that the folder can be moved; one that is damaged counts for nothing.
    """

    def __init__(self, memory: Path | None = None) -> None:
        self._memory = memory
        self._base = None if memory is None else Path(os.path.abspath(memory.parent))
        self._known = self._load()
        self._changed = False

    def sha256(self, path: Path) -> str:
        """Returns the SHA-256 of a file in hexadecimal, without reading it where it is known.

        Raises:
            OSError: If there is no such file, or it cannot be read.
        """
        known = self._known.get(self._name(path))
        return known.sha256 if known and known.holds(path.stat()) else self.read(path)

    def read(self, path: Path) -> str:
        """Returns the SHA-256 of a file after reading it, known or not."""
        started_ns = time.time_ns()
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
        known = [
            _Known(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, started_ns, digest)
            for stat in (before, after)
        ]
        if known[0] == known[1]:
            self._known[self._name(path)] = known[0]
            self._changed = True
        return digest

    def moved(self, source: Path, target: Path) -> None:
        """Knows files by their new names after their folder was renamed."""
        old, new = self._name(source) + "/", self._name(target) + "/"
        for name in [name for name in self._known if name.startswith(old)]:
            self._known[new + name.removeprefix(old)] = self._known.pop(name)
            self._changed = True

    def save(self) -> None:
        """Writes the memory, with what other runs have added meanwhile; a store that is read-only goes without."""
        if self._memory is None or not self._changed:
            return
        together = {**self._load(), **self._known}
        there = {name: list(known) for name, known in together.items() if Path(self._base or "", name).exists()}
        part = self._memory.with_name(f"{self._memory.name}.{os.getpid()}.part")
        with suppress(OSError):
            part.write_text(json.dumps(sealed({"format": _FORMAT, "files": there})))
            files.replace(part, self._memory)
            self._changed = False

    def _load(self) -> dict[str, _Known]:
        if self._memory is None:
            return {}
        content = read_sealed(self._memory)
        if content is None or content.get("format") != _FORMAT:
            return {}
        return {name: _Known(*known) for name, known in content["files"].items()}

    def _name(self, path: Path) -> str:
        whole = Path(os.path.abspath(path))
        inside = self._base is not None and whole.is_relative_to(self._base)
        return (whole.relative_to(self._base) if inside and self._base else whole).as_posix()


_CURRENT: ContextVar[FileHashes] = ContextVar("hashes", default=FileHashes())  # noqa: B039


@contextmanager
def remembered_by(hashes: FileHashes) -> Iterator[None]:
    """Lets `sha256` ask a memory, and saves it in the end."""
    token = _CURRENT.set(hashes)
    try:
        yield
    finally:
        _CURRENT.reset(token)
        hashes.save()


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal, from the memory of the run where it still holds."""
    return _CURRENT.get().sha256(path)


def walk(folder: Path) -> Iterator[Path]:
    """Yields every file below a folder in order, through symbolic links, but into no folder that it is already in."""

    def below(place: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
        stat = place.stat()
        here = (stat.st_dev, stat.st_ino)
        if here in above:
            return
        for entry in sorted(place.iterdir()):
            if entry.is_dir():
                yield from below(entry, above | {here})
            elif entry.is_file():
                yield entry

    if folder.is_dir():
        yield from below(folder, frozenset())


def fingerprint(found: Iterable[Path]) -> str:
    """Hashes names and contents of files outside the store.

    Args:
        found: Paths; what is no file counts as absent.

    Returns:
        A SHA-256 in hexadecimal.
    """
    return digest([(str(path), sha256(path) if path.is_file() else None) for path in found])


def tree(folder: Path) -> str:
    """Hashes relative names and contents of all files below a folder, wherever it lies."""
    return digest([(path.relative_to(folder).as_posix(), sha256(path)) for path in walk(folder)])


def digest(facts: Any) -> str:
    """Returns the SHA-256 of what JSON can hold, in hexadecimal; mappings have no order."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a mapping with its own SHA-256 beside, by which `read_sealed` knows it."""
    return {**content, "sha256": digest(content)}


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Reads what was `sealed`; None if there is no file, or if a byte of it is another."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if content.pop("sha256") == digest(content) else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
