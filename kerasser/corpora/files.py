"""Recordings below a corpus' folder, found under the names that people and other systems have written for them."""

from __future__ import annotations

import os
import unicodedata
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from kerasser.corpora.base import inner_path
from kerasser.util.errors import InputError


def wav_files(folder: Path, below: str = "*") -> list[Path]:
    """Returns the files of a folder, or of those that a pattern finds below it, that end in .wav or .WAV, sorted."""
    return sorted(path for path in folder.glob(below) if path.suffix.lower() == ".wav")


class Files:
    """Finds files below a folder; what a folder holds is read once, and only where a name is not there as written.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, list[str]] = {}

    def find(self, path: str) -> str | None:
        """Returns the path of a file as the disk has it, or None where there is no such file.

        A file system that tells cases and forms of accents apart gets names from one that does not: `A.WAV` is found
        as `a.wav`, a decomposed é as a composed one, where no other file could be meant.

        Args:
            path: Relative, with forward slashes, below the folder: see `inner_path`.
        """
        if (self._root / path).is_file():
            return path
        found = ""
        for part in PurePosixPath(path).parts:
            names = self._listed(found)
            alike = [part] if part in names else [name for name in names if _folded(name) == _folded(part)]
            if len(alike) != 1:
                return None
            found = f"{found}/{alike[0]}" if found else alike[0]
        return found if (self._root / found).is_file() else None

    def nearest(self, path: str) -> str | None:
        """Returns the path below the folder that is spelled most like one that is not there, or None."""
        place = PurePosixPath(path)
        # Written from a folder above, as a shell there would have it.
        inner = (PurePosixPath(*place.parts[number:]).as_posix() for number in range(1, len(place.parts)))
        if there := next(filter(None, map(self.find, inner)), None):
            return there
        folder = place.parent.as_posix()
        found = get_close_matches(place.name, self._listed("" if folder == "." else folder), 1, 0.75)
        return (place.parent / found[0]).as_posix() if found else None

    def _listed(self, folder: str) -> list[str]:
        if folder not in self._names:
            try:
                self._names[folder] = sorted(os.listdir(self._root / folder))
            except OSError:
                self._names[folder] = []
        return self._names[folder]


def written_path(text: str, where: str, root: Path) -> str:
    """Returns a path that a data file names, once it is sure to stay below the corpus' folder.

    Args:
        text: As written: relative, or absolute and below the folder; slashes may be backslashes.
        where: File and row, for the error message.
        root: The folder.

    Raises:
        InputError: If it lies elsewhere or is none; see `inner_path`.
    """
    path = text.replace("\\", "/")
    if PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts:
        for base in dict.fromkeys((Path(os.path.abspath(root)), root.resolve())):
            if PurePosixPath(path).is_relative_to(base.as_posix()):
                path = PurePosixPath(path).relative_to(base.as_posix()).as_posix()
                break
    try:
        return inner_path(path, where)
    except InputError:
        raise InputError(
            f"{where}: expected a path below the folder of the list, relative to it or absolute, and no '..'; a list "
            f"that lies in a folder around its recordings can name them. Received: {text!r}"
        ) from None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
