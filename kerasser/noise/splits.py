"""Which sound trains and which tests: recordings cut in time, or whole ones, environments or folders for the test.

Whatever the way, no sample is on both sides, nor is one whose twin is on the other side; digital silence is on neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ, SHORTEST_S
from kerasser.noise.bank import ENVIRONMENT, RECORDING, SHORTEST_STRETCH_S, split
from kerasser.twins import Twin
from kerasser.util.errors import InputError

Way = Literal["time", "recording", "environment", "folder"]
#: Stretches, `(start, end)` in samples, sorted and disjoint, the end not included.
Stretches = list[tuple[int, int]]
SIDES = ("train", "test")


@dataclass(frozen=True)
class Options:
    """How the sound is divided.

    Attributes:
        way: "time" cuts every recording, "recording" leaves whole ones for the test, "environment" whole environments;
            "folder" takes every recording whole, for the side that it says.
        test_share: Share for testing, of every recording or of the recordings of an environment; in (0, 1).
        guard_s: What is kept out between the two sides of a recording, and around a twin, in seconds.
        test_environments: Those that test, for the way "environment".
        seed: Deals recordings.
    """

    way: Way
    test_share: float
    guard_s: float
    test_environments: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Sound:
    """What is known of a recording before it is divided.

    Attributes:
        environment: Where it was recorded.
        name: What remarks and errors call it.
        samples: Its length at 16 kHz.
        silence: Its digital silence.
        side: "train" or "test", for the way "folder"; "" where another way divides.
    """

    environment: str
    name: str
    samples: int
    silence: Stretches = field(default_factory=list)
    side: str = ""


@dataclass(frozen=True)
class Division:
    """The stretches of every recording that train and that test, and what a reader must know of them."""

    train: list[Stretches]
    test: list[Stretches]
    remarks: list[str]


def silence(waveform: np.ndarray) -> Stretches:
    """Returns where a recording, in 16 bits, stays at one value for as long as the shortest utterance or longer.

    A piece of noise that is constant has no variance to be brought to any level.

    Args:
        waveform: float `[samples]`, 16 kHz.
    """
    (turns,) = np.nonzero(np.diff(np.round(waveform * 2.0**15)))
    edges = np.concatenate([[0], turns + 1, [waveform.size]])
    long = np.flatnonzero(np.diff(edges) >= SHORTEST_S * SAMPLE_RATE_HZ)
    return [(int(edges[place]), int(edges[place + 1])) for place in long]


def divide(sounds: Sequence[Sound], twins: Sequence[Twin], options: Options) -> Division:
    """Divides recordings into what trains and what tests.

    Where a piece that trains is heard in one that tests as well, it is taken from training, with the guard on either
    side: what the attack draws from stays what it was.

    Args:
        sounds: The recordings.
        twins: What they share, from `kerasser.twins.find` over the same recordings.
        options: How to divide.

    Raises:
        InputError: An environment would have less than a second on a side where it must be heard.
    """
    train, test, remarks = _WAYS[options.way](sounds, twins, options)
    train, test = ([_without(s, x.silence) for s, x in zip(part, sounds, strict=True)] for part in (train, test))
    train, shared = _without_twins(train, test, twins, round(options.guard_s * SAMPLE_RATE_HZ))
    train, test = (
        [[(a, b) for a, b in part if b - a >= SHORTEST_STRETCH_S * SAMPLE_RATE_HZ] for part in parts]
        for parts in (train, test)
    )
    remarks += _silence_remarks(sounds) + _twin_remarks(sounds, shared)
    _refuse_too_little(sounds, train, test, options, shared)
    for sound, here, there in zip(sounds, train, test, strict=True):
        if any(min(b, d) > max(a, c) for a, b in here for c, d in there):
            raise AssertionError(f"{sound.name}: a sample would both train and test")
    return Division(train, test, remarks)


def _by_time(sounds: Sequence[Sound], twins: Sequence[Twin], options: Options) -> tuple[list, list, list[str]]:
    made = [_cut(sound, options) for sound in sounds]
    return [train for train, _ in made], [test for _, test in made], []


def _cut(sound: Sound, options: Options) -> tuple[Stretches, Stretches]:
    """Cuts a recording in time, by the sound that is in it."""
    heard = _without([(0, sound.samples)], sound.silence)
    size = sum(end - start for start, end in heard)
    # Environments that silence leaves too little of are refused as a whole, with the reason.
    if sound.silence and size * min(options.test_share, 1 - options.test_share) < SHORTEST_STRETCH_S * SAMPLE_RATE_HZ:
        return [], []
    train, test = split(size, sound.name, options.test_share, options.guard_s)
    return _place(heard, 0, train.stop), _place(heard, test.start, test.stop)


def _place(heard: Stretches, start: int, end: int) -> Stretches:
    """Returns where in the recording a stretch of its sound lies, what is silent between counted out."""
    found, passed = [], 0
    for a, b in heard:
        first, last = max(start, passed), min(end, passed + b - a)
        if last > first:
            found.append((a + first - passed, a + last - passed))
        passed += b - a
    return found


def _by_recording(sounds: Sequence[Sound], twins: Sequence[Twin], options: Options) -> tuple[list, list, list[str]]:
    """Leaves whole recordings for the test; recordings that share sound are one. A single one is cut in time."""
    one = list(range(len(sounds)))
    for twin in twins:
        if sounds[twin.first].environment == sounds[twin.second].environment:
            old, new = one[twin.second], one[twin.first]
            one = [new if each == old else each for each in one]
    train: list[Stretches] = [[] for _ in sounds]
    test: list[Stretches] = [[] for _ in sounds]
    remarks = []
    for environment in dict.fromkeys(sound.environment for sound in sounds):
        mine = [number for number, sound in enumerate(sounds) if sound.environment == environment]
        units = sorted({one[number] for number in mine}, key=lambda unit: _shuffled(options.seed, sounds[unit].name))
        if len(units) == 1:
            for number in mine:
                train[number], test[number] = _cut(sounds[number], options)
            remarks.append(
                f"The environment {environment} has one recording: it is cut in time, not left whole for the test."
            )
            continue
        lengths = np.cumsum([sum(sounds[n].samples for n in mine if one[n] == unit) for unit in units])
        tested = units[: 1 + int(np.argmin(np.abs(lengths[:-1] - options.test_share * lengths[-1])))]
        for number in mine:
            (test if one[number] in tested else train)[number] = [(0, sounds[number].samples)]
    return train, test, remarks


def _by_environment(sounds: Sequence[Sound], twins: Sequence[Twin], options: Options) -> tuple[list, list, list[str]]:
    known = sorted({sound.environment for sound in sounds})
    wanted = set(options.test_environments)
    if not wanted or not wanted < set(known):
        raise InputError(
            f"noise.test_environments: expected some, but not all, of {', '.join(known)}. "
            f"Received: {', '.join(sorted(wanted)) or 'none'}"
        )
    whole: list[Stretches] = [[(0, sound.samples)] for sound in sounds]
    parts = [[each if (s.environment in wanted) == side else [] for each, s in zip(whole, sounds, strict=True)]
             for side in (False, True)]  # fmt: skip
    return parts[0], parts[1], []


def _by_folder(sounds: Sequence[Sound], twins: Sequence[Twin], options: Options) -> tuple[list, list, list[str]]:
    """Takes every recording whole, for the side that its folder is for."""
    train, test = ([[(0, s.samples)] if s.side == side else [] for s in sounds] for side in SIDES)
    return train, test, []


_WAYS = {"time": _by_time, "recording": _by_recording, "environment": _by_environment, "folder": _by_folder}


def unheard(sounds: Sequence[Sound], division: Division, way: Way) -> dict[str, str]:
    """Returns what no training hears of the environments that test.

    Args:
        sounds: The recordings.
        division: What `divide` made of them.
        way: How they were divided; by time, what tests is the rest of recordings that train.

    Returns:
        Environment → `kerasser.noise.bank.ENVIRONMENT` where no recording of it trains, `RECORDING` where others train
        than test.
    """
    if way == "time":
        return {}
    trained = {sound.environment for sound, parts in zip(sounds, division.train, strict=True) if parts}
    heard: dict[str, bool] = {}
    for sound, here, there in zip(sounds, division.train, division.test, strict=True):
        if there:
            heard[sound.environment] = heard.get(sound.environment, False) or bool(here)
    return {
        environment: RECORDING if environment in trained else ENVIRONMENT
        for environment, known in sorted(heard.items())
        if not known
    }


def _shuffled(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()


def _without(stretches: Stretches, holes: Stretches) -> Stretches:
    """Returns the stretches less the holes."""
    left = list(stretches)
    for start, end in holes:
        sides = [side for a, b in left for side in ((a, min(b, start)), (max(a, end), b))]
        left = [(a, b) for a, b in sides if b > a]
    return left


def images(stretches: Stretches, twin: Twin, recording: int) -> list[tuple[int, int, int]]:
    """Returns where else stretches of a recording are heard by a twin: recording, start and end."""
    found = []
    sides = ((twin.first, twin.first_start, twin.second, twin.second_start),)
    for mine, here, other, there in (*sides, (twin.second, twin.second_start, twin.first, twin.first_start)):
        if mine == recording:
            for a, b in stretches:
                start, end = max(a, here), min(b, here + twin.samples)
                if end > start:
                    found.append((other, start - here + there, end - here + there))
    return found


def _without_twins(
    train: list[Stretches], test: list[Stretches], twins: Sequence[Twin], guard: int
) -> tuple[list[Stretches], list[tuple[int, int, int, int]]]:
    """Takes from training what is heard in the test; returns what is left, and recording, its twin and stretch."""
    shared = []
    for number, stretches in enumerate(test):
        for twin in twins:
            for other, start, end in images(stretches, twin, number):
                shared += [
                    (other, number, max(a, start), min(b, end)) for a, b in train[other] if min(b, end) > max(a, start)
                ]
    left = list(train)
    for other, _, start, end in shared:
        left[other] = _without(left[other], [(start - guard, end + guard)])
    return left, shared


def _silence_remarks(sounds: Sequence[Sound]) -> list[str]:
    lost = {sound.name: sum(b - a for a, b in sound.silence) / SAMPLE_RATE_HZ for sound in sounds if sound.silence}
    if not lost:
        return []
    listed = ", ".join(f"{name} ({seconds:.1f} s)" for name, seconds in lost.items())
    return [f"Digital silence in recordings of noise was left out: {listed}."]


def _twin_remarks(sounds: Sequence[Sound], shared: Sequence[tuple[int, int, int, int]]) -> list[str]:
    return [
        f"{sounds[other].name} holds, at {start / SAMPLE_RATE_HZ:.2f} to {end / SAMPLE_RATE_HZ:.2f} s, sound that "
        f"{'it repeats in its test part' if number == other else f'tests in {sounds[number].name}'}: it was taken "
        "from the noise that trains."
        for other, number, start, end in sorted(set(shared))
    ]


def _refuse_too_little(
    sounds: Sequence[Sound],
    train: list[Stretches],
    test: list[Stretches],
    options: Options,
    shared: Sequence[tuple[int, int, int, int]],
) -> None:
    for environment in dict.fromkeys(sound.environment for sound in sounds):
        sides = {"train": train, "test": test}
        if options.way == "environment":
            del sides["train" if environment in options.test_environments else "test"]
        for side, parts in sides.items():
            mine = [n for n, s in enumerate(sounds) if s.environment == environment and s.side in ("", side)]
            if not mine or any(parts[number] for number in mine):
                continue
            samples = sum(sounds[number].samples for number in mine)
            silent = sum(b - a for number in mine for a, b in sounds[number].silence)
            repeated = " and sound that tests as well" if any(each[0] in mine for each in shared) else ""
            raise InputError(
                f"noise: expected recordings of {environment} with a stretch of {SHORTEST_STRETCH_S} s of sound to "
                f"{side}. Received: {samples / SAMPLE_RATE_HZ:.1f} s, of which {silent / SAMPLE_RATE_HZ:.1f} s are "
                f"digital silence{repeated}"
            )
