"""From sound files to what a model is asked: decoded, resampled, clipped, eGeMAPS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from kerasser.audio import SUFFIXES, AudioFile, clip, probe, waveforms
from kerasser.features.base import FrontEnd
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError
from kerasser.util.parallel import ordered_map

#: What is wrong with a file that is passed over.
Reason = str


def files(names: Sequence[str | Path]) -> list[Path]:
    """Returns files as they are, and folders as the sound files below them, sorted.

    Raises:
        InputError: If a folder holds none.
    """
    found: list[Path] = []
    for path in map(Path, names):
        inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if path.is_dir() and not inside:
            raise InputError(f"{path}: expected sound files. Received: a folder without any")
        found += inside if path.is_dir() else [path]
    return found


def frames(
    paths: Sequence[Path], front_end: FrontEnd, *, workers: int = 0, skip_unusable: bool = False
) -> Iterator[tuple[Path, Array | Reason]]:
    """Yields every file with its features, float32 `[frames, features]`, in order.

    Every header is read before the first file is listened to.

    Args:
        paths: Sound files of any kind and rate.
        front_end: Extracts the features.
        workers: Threads that do; 0 takes every core.
        skip_unusable: Yield what is wrong with a file in its features' place, and go on.

    Raises:
        InputError: If a file cannot be used, unless those are skipped.
    """
    probed = [(path, _probed(path, skip_unusable)) for path in paths]

    def describe(item: tuple[Path, Array | Reason]) -> tuple[Path, Array | Reason]:
        path, waveform = item
        if isinstance(waveform, Reason):
            return path, waveform
        try:
            return path, front_end(clip(waveform)[0], str(path))
        except InputError as error:
            if not skip_unusable:
                raise
            return path, str(error)

    return ordered_map(describe, _decoded(probed, skip_unusable), workers)


def _probed(path: Path, skip_unusable: bool) -> AudioFile | Reason:
    try:
        return probe(path)
    except InputError as error:
        if not skip_unusable:
            raise
        return str(error)


def _decoded(
    probed: Sequence[tuple[Path, AudioFile | Reason]], skip_unusable: bool
) -> Iterator[tuple[Path, Array | Reason]]:
    usable = [file for _, file in probed if isinstance(file, AudioFile)]
    stream, heard = waveforms(usable), 0
    for path, file in probed:
        if isinstance(file, Reason):
            yield path, file
            continue
        heard += 1
        try:
            yield path, next(stream)
        except InputError as error:
            if not skip_unusable:
                raise
            # A stream that has failed is at its end: another goes on behind the bad file.
            stream = waveforms(usable[heard:])
            yield path, str(error)
