"""From sound files to what a model is asked: decoded, resampled and clipped sound, or eGeMAPS of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from kerasser.audio import SUFFIXES, AudioFile, clip, probe, read
from kerasser.features.base import FrontEnd
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError
from kerasser.util.parallel import ordered_map

Result = TypeVar("Result")
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


def waveforms(
    paths: Sequence[Path], *, workers: int = 0, skip_unusable: bool = False
) -> Iterator[tuple[Path, Array | Reason]]:
    """Yields every file with its sound, float32 `[samples]` at 16 kHz in [−1, 1 − 2⁻¹⁵], in order.

    Every header is read before the first file is listened to.

    Args:
        paths: Sound files of any kind and rate.
        workers: Threads that decode; 0 takes every core.
        skip_unusable: Yield what is wrong with a file in its sound's place, and go on.

    Raises:
        InputError: If a file cannot be used, unless those are skipped.
    """
    return _heard(paths, lambda waveform, _: waveform, workers, skip_unusable)


def frames(
    paths: Sequence[Path], front_end: FrontEnd, *, workers: int = 0, skip_unusable: bool = False
) -> Iterator[tuple[Path, Array | Reason]]:
    """Yields every file with its features, float32 `[frames, features]`, in order; see `waveforms`.

    Args:
        paths: Sound files of any kind and rate.
        front_end: Extracts the features.
        workers: Threads that do; 0 takes every core.
        skip_unusable: Yield what is wrong with a file in its features' place, and go on.

    Raises:
        InputError: If a file cannot be used, unless those are skipped.
    """
    return _heard(paths, front_end, workers, skip_unusable)


def _heard(
    paths: Sequence[Path], describe: Callable[[Array, str], Array], workers: int, skip_unusable: bool
) -> Iterator[tuple[Path, Array | Reason]]:
    """Yields every file with what is made of its sound and its name."""

    def usable(work: Callable[[], Result]) -> Result | Reason:
        try:
            return work()
        except InputError as error:
            if not skip_unusable:
                raise
            return str(error)

    def hear(item: tuple[Path, AudioFile | Reason]) -> tuple[Path, Array | Reason]:
        path, file = item
        if isinstance(file, Reason):
            return path, file
        return path, usable(lambda: describe(clip(read(file))[0], str(path)))

    probed = [(path, usable(lambda path=path: probe(path))) for path in paths]  # type: ignore[misc]
    return ordered_map(hear, probed, workers)
