"""Coloured noise: a random tilt, resonances and notches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasser.noise.made import parts
from kerasser.noise.made.base import Drawn, Kind, Voice
from kerasser.util.arrays import Array


def level_db(frequency: Array, tilt_db: float, bumps: Sequence[tuple[float, float, float]]) -> Array:
    """Returns the level of a spectrum, in dB.

    Args:
        frequency: In Hz.
        tilt_db: Its slope, in dB an octave, 0 dB at 1 kHz.
        bumps: Centre in Hz, deviation in octaves and height in dB of each resonance; notches have heights below 0.
    """
    octaves = np.log2(frequency / 1000.0)
    level: Array = tilt_db * octaves
    for centre_hz, width, height in bumps:
        level = level + height * np.exp(-0.5 * ((octaves - np.log2(centre_hz / 1000.0)) / width) ** 2)
    return level


def noise(count: int, rng: np.random.Generator, tilt_db: float, bumps: Sequence[tuple[float, float, float]]) -> Array:
    """Returns Gaussian noise of variance 1 with that spectrum: `[count]`."""
    return parts.shaped(count, rng, lambda frequency: level_db(frequency, tilt_db, bumps))


def drawn(count: int, rng: np.random.Generator, steepest_db: float = -12.0, flattest_db: float = 2.0) -> Drawn:
    """Draws a tilt, up to five resonances and up to three notches, and noise with them."""
    tilt_db = float(rng.uniform(steepest_db, flattest_db))
    bumps = [
        (parts.log_uniform(rng, 80, 7000), parts.log_uniform(rng, 0.04, 0.8), sign * float(rng.uniform(*heights)))
        for most, sign, heights in ((5, 1.0, (3.0, 18.0)), (3, -1.0, (6.0, 25.0)))
        for _ in range(rng.integers(0, most + 1))
    ]
    facts = {"tilt_db": parts.told(tilt_db), "bumps": [[parts.told(each) for each in bump] for bump in bumps]}
    return noise(count, rng, tilt_db, bumps), facts


def make(count: int, rng: np.random.Generator, voices: Sequence[Voice]) -> Drawn:
    """Draws coloured noise; see `Kind`."""
    return drawn(count, rng)


KIND = Kind("coloured", 3, make)
