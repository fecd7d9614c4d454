"""Environmental noise on disk: DEMAND, or a folder per environment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ, SUFFIXES, AudioError, AudioFile, Limits, probe
from kerasser.util.errors import InputError

#: Environment → its names in DEMAND (Thiemann, Ito, Vincent 2013), the preferred one first.
DEMAND = {"cafe": ("PCAFETER", "SCAFE"), "meeting": ("OMEETING",), "station": ("PSTATION",)}
#: Names of environments that were made, not recorded, begin with it.
MADE_PREFIX = "made-"
#: What is shorter is not drawn from, in seconds.
SHORTEST_STRETCH_S = 1.0
#: What no training has heard of an environment that tests: these recordings of it, or the environment at all.
RECORDING, ENVIRONMENT = "recording", "environment"
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Recording:
    """One stretch of environmental noise.

    Attributes:
        environment: "cafe", "meeting", "station" or any other place.
        name: The recording's name in its bank.
        waveform: float32 `[samples]`, 16 kHz mono.
    """

    environment: str
    name: str
    waveform: np.ndarray


@dataclass(frozen=True)
class Source:
    """One recording of a place: the environment, the recording's name in the bank, its file."""

    environment: str
    name: str
    audio: AudioFile


def read(
    root: Path, channel: int = 1, limits: Limits | None = None, refused: dict[str, AudioError] | None = None
) -> tuple[Source, ...]:
    """Finds the recordings below a folder, in DEMAND's layout or as `<environment>/*.wav`.

    Args:
        root: DEMAND's folder (`PCAFETER/ch01.wav`, or `PCAFETER_16k/PCAFETER/ch01.wav`), or one with
            a folder an environment.
        channel: Which of DEMAND's 16 microphones; they hear one recording, so one is enough.
        limits: What a header may claim.
        refused: Is given what is wrong with each recording that cannot be used, by its name, and they are left out;
            None refuses the first.

    Returns:
        Recordings sorted by environment and name.

    Raises:
        InputError: If there is no usable recording.
    """
    if not root.is_dir():
        raise InputError(f"{root}: expected a folder of noise. Received: {'a file' if root.exists() else 'nothing'}")
    found = _demand(root, channel) or _folders(root)
    if not found:
        raise InputError(f"{root}: expected DEMAND or a folder of sound files per environment. Received: neither")
    sources = []
    for environment, name, file in sorted(found):
        try:
            sources.append(Source(environment, name, probe(file, limits=limits)))
        except AudioError as error:
            if refused is None:
                raise
            refused[name] = error
    if not sources:
        raise InputError(f"{root}: expected recordings that can be used. Received: none; {told_refused(refused or {})}")
    return tuple(sources)


def told_refused(refused: Mapping[str, AudioError]) -> str:
    """Says in one sentence which recordings are left out, and why."""
    return f"left out: {', '.join(f'{name} ({error.reason})' for name, error in refused.items())}"


_Found = tuple[str, str, Path]


def _demand(root: Path, channel: int) -> list[_Found]:
    """Returns environment, name and file of each recording."""
    found: list[_Found] = []
    for environment, places in DEMAND.items():
        folders = {place: _demand_folder(root, place) for place in places}
        place, folder = next(((place, each) for place, each in folders.items() if each), ("", None))
        if folder is None:
            continue
        file = folder / f"ch{channel:02d}.wav"
        if not file.is_file():
            raise InputError(f"{folder}: expected channel {channel} as {file.name}. Received: no such file")
        found.append((environment, f"{place}/{file.stem}", file))
    return found


def _demand_folder(root: Path, place: str) -> Path | None:
    """Returns the folder with the channels, as the archives unpack flat or one level deeper."""
    candidates = [root / place, *(root / f"{place}_{rate}" / place for rate in ("16k", "48k"))]
    return next((folder for folder in candidates if any(folder.glob("ch[0-9][0-9].wav"))), None)


def _folders(root: Path) -> list[_Found]:
    found: list[_Found] = []
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        files = _recordings(folder)
        if not files:
            continue
        checked_name(folder.name, str(folder))
        names = _names([file.relative_to(root) for file in files])
        found += [(folder.name, name, file) for name, file in zip(names, files, strict=True)]
    return found


def _recordings(folder: Path) -> list[Path]:
    """Returns the recordings in a folder and in the folders below it; what begins with a dot is hidden."""
    found = []
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
            found.append(file)
    return found


def _names(files: Sequence[Path]) -> list[str]:
    """Returns a name for each file, its path without the suffix; with it, or a number, where two would be alike.

    Alike are names that differ in case alone too, as some file systems and readers do not tell them apart.
    """
    names = [file.with_suffix("").as_posix() for file in files]
    for tried in ([file.as_posix() for file in files], [f"{f.as_posix()} ({n})" for n, f in enumerate(files, start=1)]):
        counts = Counter(name.casefold() for name in names)
        names = [new if counts[name.casefold()] > 1 else name for name, new in zip(names, tried, strict=True)]
    return names


def checked_name(environment: str, where: str) -> str:
    """Returns the name of an environment, once reports and folders can hold it.

    Args:
        environment: The name.
        where: What an error calls its place.

    Raises:
        InputError: If it has other characters than letters, digits, "-" and "_", or is "any".
    """
    if not _NAME.fullmatch(environment) or environment == "any":
        raise InputError(
            f'{where}: expected an environment named by letters, digits, "-" and "_", other than "any", '
            f"which stands for all of them. Received: {environment!r}"
        )
    return environment


def split(size: int, name: str, test_share: float, guard_s: float) -> tuple[slice, slice]:
    """Cuts a recording in time into a training and a test stretch, with a gap that neither hears.

    Args:
        size: Length of the recording, in samples at 16 kHz.
        name: What an error calls the recording.
        test_share: Share of the recording, its end, that is kept for testing; in (0, 1).
        guard_s: Length of the gap, in seconds.

    Returns:
        The training stretch and the test stretch.

    Raises:
        InputError: If a stretch would be shorter than a second.
    """
    if not 0.0 < test_share < 1.0 or guard_s < 0.0:
        raise InputError(f"noise: expected test_share in (0, 1) and guard_s >= 0. Received: {test_share} and {guard_s}")
    cut = round(size * (1.0 - test_share))
    guard = round(guard_s * SAMPLE_RATE_HZ)
    train, test = slice(0, cut - guard // 2), slice(cut + guard - guard // 2, size)
    for part, noise_split in (("training", train), ("test", test)):
        length = (noise_split.stop - noise_split.start) / SAMPLE_RATE_HZ
        if length < SHORTEST_STRETCH_S:
            raise InputError(
                f"{name}: expected a recording long enough for a {part} stretch of {SHORTEST_STRETCH_S} s. "
                f"Received: {max(length, 0):.2f} s of it, from {size / SAMPLE_RATE_HZ:.2f} s"
            )
    return train, test


def environments(sources: Sequence[Source], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the environments to use, and refuses a wanted one that the bank lacks."""
    return among({source.environment for source in sources}, wanted)


def among(names: Iterable[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the environments to use of those that there are; see `environments`."""
    known = sorted(set(names))
    missing = sorted(set(wanted or ()) - set(known))
    if missing:
        raise InputError(f"noise.environments: expected some of {', '.join(known)}. Received: {missing[0]!r}")
    return tuple(wanted) if wanted else tuple(known)
