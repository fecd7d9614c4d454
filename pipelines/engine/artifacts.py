"""Artifacts: directories that a component wrote, known by what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from kerasser.util import progress
from pipelines.engine import hashes

# Folders of the store that hold no artifacts; compared in lower case, since some file systems do.
RESERVED = frozenset({"records", "locks", "work"})


@dataclass(frozen=True)
class ArtifactType:
    """A kind of artifact.

    Attributes:
        name: Folder of the store that holds artifacts of this kind.
        volatile: Relative paths, files or folders, that differ from run to run without meaning anything: a SavedModel
            and event logs hold times and random ids. They are no part of the content hash, so what tells two artifacts
            apart must also lie outside of them.
    """

    name: str
    volatile: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name.lower() in RESERVED:
            raise ValueError(
                f"artifact type: expected an identifier, none of {sorted(RESERVED)}. Received: {self.name!r}"
            )
        for path in self.volatile:
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or not PurePosixPath(path).parts:
                raise ValueError(
                    f"{self.name}.volatile: expected relative paths inside the artifact. Received: {path!r}"
                )


@dataclass(frozen=True)
class Artifact:
    """One directory in the store.

    Attributes:
        type_name: Name of its `ArtifactType`.
        uri: The directory.
        properties: Facts for whoever reads it. They change no cache key: what a result depends on belongs in a file.
        content_hash: SHA-256 of the files, in hexadecimal.
    """

    type_name: str
    uri: Path
    properties: Mapping[str, Any] = field(default_factory=dict)
    content_hash: str = ""


class File(NamedTuple):
    """One file of an artifact as it was when it was published."""

    path: str
    size: int
    sha256: str


def inventory(directory: Path, *, quiet: bool = True) -> tuple[File, ...]:
    """Reads every file below a directory.

    Args:
        directory: The directory of an artifact.
        quiet: No progress bar.

    Returns:
        Its files, sorted by relative POSIX path; empty folders count for nothing.

    Raises:
        ValueError: If there is a symbolic link: what it leads to can change, or vanish when the store is moved.
    """
    found = _sizes(directory)
    shown = progress.steps(found.items(), len(found), "files", "hashes", quiet=quiet)
    return tuple(File(name, size, hashes.sha256(directory / name)) for name, size in shown)


def content_hash(directory: Path, volatile: Sequence[str] = ()) -> str:
    """Hashes what is in a directory: relative paths, sizes and bytes; neither times nor where it lies.

    Args:
        directory: The directory of an artifact.
        volatile: Relative paths, files or folders, to leave out.

    Returns:
        A SHA-256 in hexadecimal.

    Raises:
        ValueError: If there is a symbolic link.
    """
    return hash_files(inventory(directory), volatile)


def hash_files(files: Iterable[File], volatile: Sequence[str] = ()) -> str:
    """Hashes an inventory; see `content_hash`."""
    digest = hashlib.sha256()
    left_out = [PurePosixPath(path) for path in volatile]
    for file in files:
        if not any(PurePosixPath(file.path).is_relative_to(path) for path in left_out):
            # No file name holds a NUL, so that no two inventories read the same.
            digest.update(os.fsencode(f"{file.path}\0{file.size}\0{file.sha256}\0"))
    return digest.hexdigest()


def untouched(directory: Path, files: Iterable[File]) -> bool:
    """Tells whether a directory still holds the files of its inventory, volatile ones too.

    Files whose stat data are as remembered are not read (see `pipelines.engine.hashes`), so that gigabytes of examples
    are found again at once.

    Args:
        directory: The directory of an artifact.
        files: What `inventory` returned.

    Returns:
        False if a file is missing, added or changed, or if there is no such directory.
    """
    expected = {file.path: file for file in files}
    try:
        found = _sizes(directory)
        return (
            bool(found)
            and {name: file.size for name, file in expected.items()} == found
            and all(hashes.sha256(directory / name) == file.sha256 for name, file in expected.items())
        )
    except (ValueError, OSError):
        return False


def shown(path: Path) -> str:
    """Returns a path as people read it best: relative to the working directory if it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _sizes(directory: Path) -> dict[str, int]:
    """Returns the size of every file, by sorted relative path."""
    found = {}
    for folder, subfolders, names in os.walk(directory):
        for path in (Path(folder, name) for name in subfolders + names):
            relative = path.relative_to(directory).as_posix()
            if path.is_symlink():
                raise ValueError(f"{directory}: expected no symbolic link. Received: {relative}")
            if not path.is_dir():
                found[relative] = path.stat().st_size
    return dict(sorted(found.items()))
