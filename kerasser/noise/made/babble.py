"""Babble: 2 to 30 voices at once, forwards and backwards, at other moments, pitches and rates than they had."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.made import parts, room
from kerasser.noise.made.base import Drawn, Kind, Voice
from kerasser.util.arrays import Array

#: Fewest and most voices.
FEWEST, MOST = 2, 30
# Pitch and rate of a voice together, in twentieths of its own: within three semitones.
_SPEEDS = (17, 18, 19, 20, 21, 22, 23)


def track(count: int, rng: np.random.Generator, said: Sequence[Array], speed: int = 20, pause_s: float = 0.4) -> Array:
    """Returns one voice that goes on for as long as is wanted: `[count]`.

    Args:
        count: Samples.
        rng: Draws order, directions, pauses and where it begins.
        said: What somebody says, float `[samples]` each at 16 kHz; in turn, each as often backwards as forwards.
        speed: Of 20, how fast it is played: pitch and rate in one.
        pause_s: Mean pause between two, in seconds.
    """
    pieces: list[Array] = []
    size = 0
    needed = count + SAMPLE_RATE_HZ
    while size < needed:
        for number in rng.permutation(len(said)):
            piece = parts.unit(np.asarray(said[number], float))
            piece = piece[::-1] if rng.random() < 0.5 else piece
            piece = signal.resample_poly(piece, 20, speed) if speed != 20 else piece
            pause = np.zeros(int(rng.exponential(pause_s) * SAMPLE_RATE_HZ) + 1)
            pieces += [piece, pause]
            size += piece.size + pause.size
            if size >= needed:
                break
    return np.roll(np.concatenate(pieces)[:needed], int(rng.integers(needed)))[:count]


def babble(count: int, rng: np.random.Generator, voices: Sequence[Voice], number: int) -> Drawn:
    """Returns so many voices at once.

    Args:
        count: Samples.
        rng: Draws the speakers and what they say.
        voices: What may be heard; a speaker comes a second time, at another speed, once all others have come.
        number: How many are heard.

    Returns:
        float64 `[count]`, and `voices`, how many, and `speakers`, who.
    """
    speakers = sorted({voice.speaker for voice in voices})
    order = [speakers[place] for _ in range(-(-number // len(speakers))) for place in rng.permutation(len(speakers))]
    out = np.zeros(count)
    for speaker in order[:number]:
        said = [voice.waveform for voice in voices if voice.speaker == speaker]
        one = track(count, rng, said, int(rng.choice(_SPEEDS)), float(rng.uniform(0.1, 1.0)))
        out += 10 ** (rng.uniform(-10, 0) / 20) * one
    return out, {"voices": number, "speakers": sorted(set(order[:number]))}


def make(count: int, rng: np.random.Generator, voices: Sequence[Voice]) -> Drawn:
    """Draws how many voices there are, and a room around them; see `Kind`."""
    number = min(max(round(parts.log_uniform(rng, FEWEST, MOST)), FEWEST), MOST)
    people, facts = babble(count, rng, voices, number)
    heard, place = room.within(people, rng)
    return heard, {**facts, **place}


KIND = Kind("babble", 6, make, needs_voices=True)
