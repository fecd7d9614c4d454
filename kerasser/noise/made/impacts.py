"""Impacts: clatter, knocks, clicks and drops, each a burst and modes that ring and die."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.made import coloured, parts, room
from kerasser.noise.made.base import Drawn, Kind, Voice
from kerasser.util.arrays import Array

# Different impacts of an environment, each of which comes again at other levels.
_SHAPES = 6


def impact(rng: np.random.Generator, lowest_hz: float, highest_hz: float, decay_s: float) -> Array:
    """Returns one impact of energy 1: three to eight modes between two frequencies that die away, and a burst.

    Args:
        rng: Draws the modes.
        lowest_hz: Of the modes.
        highest_hz: Of the modes.
        decay_s: Time constant of the slowest mode.
    """
    clock = np.arange(int(5 * decay_s * SAMPLE_RATE_HZ) + 16)[:, None] / SAMPLE_RATE_HZ
    number = int(rng.integers(3, 9))
    modes, decays = rng.uniform(lowest_hz, highest_hz, number), decay_s * rng.uniform(0.2, 1.0, number)
    ring = np.exp(-clock / decays) * np.sin(2 * np.pi * modes * clock + rng.uniform(0, 2 * np.pi, number))
    burst = rng.standard_normal(clock.size) * np.exp(-clock[:, 0] / (0.1 * decay_s))
    one = (ring * rng.uniform(0.2, 1.0, number)).sum(axis=1) + rng.uniform(0, 2) * burst
    result: Array = one / np.sqrt(np.sum(one**2))
    return result


def clatter(
    count: int, rng: np.random.Generator, per_s: float, band_hz: tuple[float, float], decay_s: float, spread_db: float
) -> Array:
    """Returns impacts that come by chance: `[count]`.

    Args:
        count: Samples.
        rng: Draws all.
        per_s: Impacts a second, on average.
        band_hz: Of their modes.
        decay_s: Time constant of the slowest.
        spread_db: Deviation of their levels.
    """
    starts = parts.events(count, rng, per_s)
    levels = 10 ** (spread_db * rng.standard_normal(starts.size) / 20) * rng.choice([-1.0, 1.0], starts.size)
    which = rng.integers(0, _SHAPES, starts.size)
    out = np.zeros(count)
    for shape in range(_SHAPES):
        train = np.zeros(count)
        np.add.at(train, starts[which == shape], levels[which == shape])
        out += signal.oaconvolve(train, impact(rng, *band_hz, decay_s))[:count]
    return out


def make(count: int, rng: np.random.Generator, voices: Sequence[Voice]) -> Drawn:
    """Draws what falls how often, a room around it, and a faint noise behind; see `Kind`."""
    per_s, decay_s = parts.log_uniform(rng, 0.5, 20.0), parts.log_uniform(rng, 0.004, 0.12)
    lowest_hz = parts.log_uniform(rng, 100, 2500)
    band_hz = lowest_hz, min(lowest_hz * float(rng.uniform(2, 8)), 7500.0)
    heard, place = room.within(clatter(count, rng, per_s, band_hz, decay_s, rng.uniform(2, 9)), rng, 0.1, 1.2)
    behind, _ = coloured.drawn(count, rng)
    facts = {"per_s": parts.told(per_s), "decay_s": parts.told(decay_s), **place}
    return parts.unit(heard) + 10 ** (rng.uniform(-25, -6) / 20) * behind, facts


KIND = Kind("impacts", 3, make)
