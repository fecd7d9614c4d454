"""Rumble: deep noise of traffic, wheels and wind, in which something swells and passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.made import parts
from kerasser.noise.made.base import Drawn, Kind, Voice
from kerasser.util.arrays import Array


def passing(count: int, rng: np.random.Generator, per_s: float, width_s: float) -> Array:
    """Returns the gain of things that pass: bells in time, each up to 1 high, that add up: `[count]`.

    Args:
        count: Samples.
        rng: Draws when, how wide and how high.
        per_s: How many a second, on average.
        width_s: Deviation of a bell, about.
    """
    clock, gain = np.arange(count) / SAMPLE_RATE_HZ, np.zeros(count)
    for start in parts.events(count, rng, per_s):
        width = width_s * rng.uniform(0.6, 1.6)
        gain += rng.uniform(0.3, 1.0) * np.exp(-0.5 * ((clock - start / SAMPLE_RATE_HZ) / width) ** 2)
    return gain


def make(count: int, rng: np.random.Generator, voices: Sequence[Voice]) -> Drawn:
    """Draws deep noise that goes on, with gusts, and another that passes; see `Kind`."""
    corner_hz, tilt_db = parts.log_uniform(rng, 30, 250), float(rng.uniform(-15, -6))
    every_s, gusts_db = parts.log_uniform(rng, 0.15, 3.0), float(rng.uniform(1, 7))
    lasting = parts.tilted(count, rng, tilt_db, corner_hz) * parts.wander(count, rng, every_s, gusts_db)
    wheels = parts.tilted(count, rng, float(rng.uniform(-9, -4)), parts.log_uniform(rng, 60, 800))
    swell = passing(count, rng, parts.log_uniform(rng, 0.04, 0.4), parts.log_uniform(rng, 0.4, 3.0))
    # What lies above the rumble, so that speech is not left in the clear.
    above = parts.tilted(count, rng, float(rng.uniform(-6, -2)), 200.0)
    out = parts.unit(lasting) + rng.uniform(0, 1.5) * wheels * swell + 10 ** (rng.uniform(-25, -5) / 20) * above
    return out, {"corner_hz": parts.told(corner_hz), "tilt_db": parts.told(tilt_db), "gusts_db": parts.told(gusts_db)}


KIND = Kind("rumble", 3, make)
