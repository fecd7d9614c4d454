"""Tones: notes of a scale one after another, chords, signals and glides, as music and machines have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.made import coloured, parts, room
from kerasser.noise.made.base import Drawn, Kind, Voice
from kerasser.util.arrays import Array

# Semitones of scales above their first note: major, minor, pentatonic.
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))
_HIGHEST_HZ = 0.45 * SAMPLE_RATE_HZ


def note(pitch_hz: float, seconds: float, partials_db: Sequence[float], glide: float = 0.0, fade: float = 3.0) -> Array:
    """Returns one note, with an onset of 10 ms.

    Args:
        pitch_hz: At its beginning.
        seconds: How long it lasts.
        partials_db: Level of each partial; those that are too high are left out.
        glide: By how many semitones it ends higher.
        fade: Time constants of its decay within its length; 0 holds it.
    """
    clock = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch = pitch_hz * 2 ** (glide * clock / seconds / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    out = np.zeros(clock.size)
    for number, level_db in enumerate(partials_db, start=1):
        if number * pitch_hz * 2 ** (abs(glide) / 12) < _HIGHEST_HZ:
            out += 10 ** (level_db / 20) * np.sin(number * phase)
    ends = np.minimum(np.minimum(clock, seconds - clock) / 0.01, 1.0)
    result: Array = out * np.clip(ends, 0, 1) * np.exp(-fade * clock / seconds)
    return result


def tune(count: int, rng: np.random.Generator, beat_s: float, base_hz: float, chord: int) -> Array:
    """Returns notes of one scale and one timbre: `[count]`.

    Args:
        count: Samples.
        rng: Draws the scale, the timbre and the notes.
        beat_s: The shortest note, in seconds; others are two or four times as long.
        base_hz: First note of the scale.
        chord: Notes at once.
    """
    scale = _SCALES[rng.integers(len(_SCALES))]
    partials = rng.uniform(-12, -3) * np.log2(np.arange(1, 11)) + rng.normal(0, 4, 10)
    fade, out, now = float(rng.uniform(0, 5)), np.zeros(count), 0
    while now < count:
        seconds = beat_s * float(rng.choice([1, 1, 2, 4]))
        for _ in range(chord if rng.random() < 0.85 else 0):
            semitones = scale[rng.integers(len(scale))] + 12 * int(rng.integers(0, 2))
            parts.add(out, now, note(base_hz * 2 ** (semitones / 12), seconds, list(partials), 0.0, fade))
        now += int(seconds * SAMPLE_RATE_HZ)
    return out


def signals(count: int, rng: np.random.Generator, per_s: float) -> Array:
    """Returns beeps and glides that come by chance, each kind of them again and again: `[count]`."""
    out = np.zeros(count)
    pitch_hz, seconds = parts.log_uniform(rng, 400, 3500), parts.log_uniform(rng, 0.08, 1.5)
    glide, partials = float(rng.choice([0.0, rng.uniform(-12, 12)])), list(rng.uniform(-25, 0, 4))
    for start in parts.events(count, rng, per_s):
        parts.add(out, int(start), rng.uniform(0.4, 1) * note(pitch_hz, seconds, partials, glide, 0.0))
    return out


def make(count: int, rng: np.random.Generator, voices: Sequence[Voice]) -> Drawn:
    """Draws a tune or signals, a room around them, and a faint noise behind; see `Kind`."""
    if rng.random() < 0.65:
        beat_s, base_hz = parts.log_uniform(rng, 0.1, 0.6), parts.log_uniform(rng, 90, 600)
        heard = tune(count, rng, beat_s, base_hz, int(rng.integers(1, 5)))
        facts: dict[str, Any] = {"manner": "tune", "beat_s": parts.told(beat_s), "base_hz": parts.told(base_hz)}
    else:
        per_s = parts.log_uniform(rng, 0.3, 2.0)
        heard, facts = signals(count, rng, per_s), {"manner": "signals", "per_s": parts.told(per_s)}
    heard, place = room.within(heard, rng)
    behind, _ = coloured.drawn(count, rng)
    return parts.unit(heard) + 10 ** (rng.uniform(-25, -5) / 20) * behind, {**facts, **place}


KIND = Kind("tones", 3, make)
