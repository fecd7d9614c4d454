"""Hum: a fundamental and its harmonics, of mains, fans and engines, whose pitch drifts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.made import coloured, parts
from kerasser.noise.made.base import Drawn, Kind, Voice
from kerasser.util.arrays import Array

# Partials above this share of the sampling rate are left out, drift and all.
_HIGHEST_HZ = 0.45 * SAMPLE_RATE_HZ


def harmonics(
    count: int, rng: np.random.Generator, pitch_hz: float, levels_db: Sequence[float], drift: float, every_s: float
) -> Array:
    """Returns a fundamental and its harmonics: `[count]`.

    Args:
        count: Samples.
        rng: Draws phases and the drift.
        pitch_hz: Of the fundamental, on average.
        levels_db: Level of each harmonic, the fundamental first; those that are too high are left out.
        drift: Deviation of the pitch, of itself; it goes at most three times as far.
        every_s: How long the pitch moves one way, in seconds.
    """
    pitch = pitch_hz * (1.0 + drift * np.clip(parts.slow(count, rng, every_s), -3, 3))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    out = np.zeros(count)
    for number, level_db in enumerate(levels_db, start=1):
        if number * pitch_hz * (1 + 3 * drift) < _HIGHEST_HZ:
            out += 10 ** (level_db / 20) * np.cos(number * phase + rng.uniform(0, 2 * np.pi))
    return out


def make(count: int, rng: np.random.Generator, voices: Sequence[Voice]) -> Drawn:
    """Draws one to three sources of hum and a faint noise about them; see `Kind`."""
    out, sources = np.zeros(count), []
    for _ in range(rng.integers(1, 4)):
        pitch_hz = float(rng.choice([50.0, 60.0])) if rng.random() < 0.3 else parts.log_uniform(rng, 40, 500)
        tilt_db, drift = float(rng.uniform(-9, 0)), parts.log_uniform(rng, 0.0005, 0.04)
        number = int(rng.integers(3, 31))
        levels = tilt_db * np.log2(np.arange(1, number + 1)) + rng.normal(0, 5, number)
        source = harmonics(count, rng, pitch_hz, list(levels), drift, parts.log_uniform(rng, 0.3, 6))
        out += parts.unit(source * parts.wander(count, rng, 2.0, rng.uniform(0, 4))) * 10 ** (rng.uniform(-10, 0) / 20)
        sources.append([parts.told(pitch_hz), parts.told(drift)])
    around, _ = coloured.drawn(count, rng)
    return parts.unit(out) + 10 ** (rng.uniform(-25, 0) / 20) * around, {"pitches_hz": sources}


KIND = Kind("hum", 3, make)
