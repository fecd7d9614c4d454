"""Impulse responses of rooms: made by image sources, or measured; and the reverberation time of a response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

from kerasser import audio
from kerasser.attack.draws import derive_seed
from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.errors import InputError

PACKAGE = "pyroomacoustics"
#: Rooms of each reverberation time; a draw takes one of them.
ROOMS = 16
#: How far the RT60 of a measured response may lie from the one that is wanted, as a share of it.
TOLERANCE = 0.2
#: Metres between mouth and microphone, and from either to the walls at least.
DISTANCES_M, WALL_M = (1.0, 2.5), 0.5
# Image sources ring longer than Sabine's formula says, in rooms of these shapes by a fifth to a half.
_SABINE = 0.75
_SUFFIXES = (".wav", ".flac")
_LOCK = Lock()


@dataclass(frozen=True, eq=False)
class Room:
    """A room as it is heard at one place.

    Attributes:
        response: float64 `[samples]`, 16 kHz.
        direct: Sample at which the direct sound arrives.
        facts: What it is, plain enough for JSON.
    """

    response: np.ndarray
    direct: int
    facts: Mapping[str, Any] = field(default_factory=dict)


def rt60(response: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Measures the reverberation time of an impulse response.

    The energy that is still to come (Schroeder, "New method of measuring reverberation time", J. Acoust. Soc. Am. 37,
    1965) is fitted by a line from −5 to −35 dB, T30 of ISO 3382-2.

    Args:
        response: float `[samples]`.
        sample_rate_hz: Its sampling rate.

    Returns:
        Seconds; NaN for a response that does not fall by 35 dB.
    """
    left = np.cumsum(np.square(np.asarray(response, np.float64))[::-1])[::-1]
    left_db = 10.0 * np.log10(left[left > 0] / left[0]) if left.size and left[0] > 0 else np.zeros(0)
    fitted = np.flatnonzero((left_db <= -5.0) & (left_db >= -35.0))
    if fitted.size < 2 or left_db[-1] > -35.0:
        return float("nan")
    slope, _ = np.polyfit(fitted / sample_rate_hz, left_db[fitted], 1)
    return float(-60.0 / slope)


def of(rt60_s: float, rooms_dir: str = "") -> Sequence[Room]:
    """Returns the rooms of a reverberation time: measured ones where a folder is given, else made ones.

    Args:
        rt60_s: The time in which sound falls by 60 dB, in seconds.
        rooms_dir: Folder of measured responses, or "".

    Raises:
        InputError: If the package that makes them is missing, or no measured response has such a time.
    """
    # Whoever comes first makes them, and the other threads wait.
    with _LOCK:
        return _measured_near(rt60_s, rooms_dir) if rooms_dir else _made(rt60_s)


def refuse(times_s: Sequence[float], rooms_dir: str = "") -> None:
    """Refuses reverberation times of which there can be no room here.

    Raises:
        InputError: As `of`.
    """
    if rooms_dir:
        for rt60_s in times_s:
            _measured_near(rt60_s, rooms_dir)
    else:
        _package()


def outside(rooms_dir: str = "") -> str:
    """Returns what rooms are made from beside our own code: the release of a package, or the bytes of the folder."""
    if rooms_dir:
        return derive_seed(*([each.name, audio.sha256(each)] for each in _files(rooms_dir)))
    try:
        return f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        return f"{PACKAGE} absent"


@lru_cache(maxsize=16)
def _made(rt60_s: float) -> Sequence[Room]:
    return tuple(synthetic(rt60_s, number) for number in range(ROOMS))


def synthetic(rt60_s: float, number: int) -> Room:
    """Makes a room of a reverberation time.

    A box whose size grows with the time, as rooms do, one absorption on all walls (Sabine), a mouth and a microphone
    1 to 2.5 m apart at random places, by image sources (Allen & Berkley, "Image method for efficiently simulating
    small-room acoustics", J. Acoust. Soc. Am. 65, 1979; Scheibler et al., "Pyroomacoustics", ICASSP 2018). These ring
    at another rate than Sabine's formula says: an exponential brings the response to the time that is wanted, measured
    as `rt60` does.

    Args:
        rt60_s: The time, in seconds.
        number: Which room; the same number makes the same.

    Raises:
        InputError: If the package is missing.
    """
    package = _package()
    generator = np.random.default_rng(int(derive_seed("room", float(rt60_s), number), 16))
    size = np.array([3.5 + 6.0 * rt60_s, 2.6 + 4.5 * rt60_s, 2.5 + 1.2 * rt60_s]) * generator.uniform(0.9, 1.1, 3)
    mouth, microphone, distance = _places(size, generator)
    absorption, order = package.inverse_sabine(_SABINE * rt60_s, size)
    box = package.ShoeBox(size, fs=SAMPLE_RATE_HZ, materials=package.Material(absorption), max_order=order)
    box.add_source(mouth)
    box.add_microphone(microphone)
    box.compute_rir()
    delay = package.constants.get("frac_delay_length") // 2
    direct = round(distance / box.c * SAMPLE_RATE_HZ) + delay
    response = with_rt60(np.asarray(box.rir[0][0], np.float64), direct, rt60_s)
    facts = {
        "room": number,
        "room_size_m": [round(float(each), 3) for each in size],
        "distance_m": round(distance, 3),
        "rt60_s": round(rt60(response[direct:]), 3),
    }
    return Room(response, direct, facts)


def with_rt60(response: np.ndarray, direct: int, rt60_s: float) -> np.ndarray:
    """Brings a response to a reverberation time by an exponential that begins at the direct sound.

    Args:
        response: float64 `[samples]`, 16 kHz.
        direct: Sample at which the direct sound arrives.
        rt60_s: The time that is wanted, in seconds.
    """
    after_s = np.maximum(np.arange(response.size) - direct, 0) / SAMPLE_RATE_HZ
    shaped = response
    # Early reflections bend the curve, so that one step does not quite reach it.
    for _ in range(4):
        measured = rt60(shaped[direct:])
        shaped = shaped * 10.0 ** (-3.0 * after_s * (1.0 / rt60_s - 1.0 / measured))
    return shaped


def _places(size: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """Draws where mouth and microphone are, between 1 m and 1.8 m above the floor, and how far apart."""
    low, high = np.array([WALL_M, WALL_M, 1.0]), np.array([*(size[:2] - WALL_M), min(1.8, size[2] - WALL_M)])
    while True:
        mouth, microphone = generator.uniform(low, high, (2, 3))
        distance = float(np.linalg.norm(mouth - microphone))
        if DISTANCES_M[0] <= distance <= DISTANCES_M[1]:
            return mouth, microphone, distance


def _package() -> ModuleType:
    try:
        return import_module(PACKAGE)
    except ModuleNotFoundError as error:
        raise InputError(
            f'reverberation: expected the package {PACKAGE}, which pip install "kerasser[channels]" brings, or '
            "measured responses in attack.rooms_dir. Received: neither"
        ) from error


def _measured_near(rt60_s: float, rooms_dir: str) -> Sequence[Room]:
    found = measured(rooms_dir)
    near = [room for room in found if abs(room.facts["rt60_s"] - rt60_s) <= TOLERANCE * rt60_s]
    if not near:
        times = sorted(room.facts["rt60_s"] for room in found)
        raise InputError(
            f"attack.rooms_dir: expected a response with an RT60 of {rt60_s:g} s ± {100 * TOLERANCE:g} %. "
            f"Received: {len(found)} of {times[0]:.2f} to {times[-1]:.2f} s in {rooms_dir}"
        )
    return near


def _files(rooms_dir: str) -> list[Path]:
    place = Path(rooms_dir).expanduser()
    found = sorted(each for each in place.rglob("*") if each.suffix.lower() in _SUFFIXES) if place.is_dir() else []
    if not found:
        received = "no such folder" if not place.is_dir() else "none"
        raise InputError(f"attack.rooms_dir: expected a folder of room responses, WAV or FLAC. Received: {received}")
    return found


@cache
def measured(rooms_dir: str) -> Sequence[Room]:
    """Reads the measured responses of a folder; the direct sound is where each is loudest.

    Args:
        rooms_dir: The folder.

    Raises:
        InputError: If there is none, one cannot be read, or one does not fall by 35 dB, so that it has no RT60.
    """
    files, found = _files(rooms_dir), []
    for file, waveform in zip(files, audio.waveforms([audio.probe(each) for each in files]), strict=True):
        response = np.asarray(waveform, np.float64)
        direct = int(np.argmax(np.abs(response)))
        time_s = rt60(response[direct:])
        if not np.isfinite(time_s):
            raise InputError(f"{file}: expected a room response that falls by 35 dB. Received: one that does not")
        name = file.relative_to(Path(rooms_dir).expanduser()).as_posix()
        found.append(Room(response, direct, {"recording": name, "rt60_s": round(time_s, 3)}))
    return tuple(found)
