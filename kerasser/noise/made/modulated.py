"""Modulated noise: its level swings as that of speech does, or beats as a machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.made import coloured, parts
from kerasser.noise.made.base import Drawn, Kind, Voice
from kerasser.util.arrays import Array

# Envelopes of speech are drawn at this rate, which is far above what they hold.
_ENVELOPE_HZ = 200


def beating(
    count: int, rng: np.random.Generator, rate_hz: float, depth_db: float, sharpness: float = 1.0, drift: float = 0.0
) -> Array:
    """Returns the gain of something that turns or knocks: `[count]`.

    Args:
        count: Samples.
        rng: Draws the drift.
        rate_hz: Beats a second.
        depth_db: From the loudest to the softest, in dB.
        sharpness: 1 swings like a cosine; more makes beats that are short beside their pauses.
        drift: Deviation of the rate, of itself.
    """
    rate = rate_hz * (1.0 + drift * parts.slow(count, rng, 1.5))
    phase = 2 * np.pi * np.cumsum(rate) / SAMPLE_RATE_HZ + rng.uniform(0, 2 * np.pi)
    swing = (0.5 + 0.5 * np.cos(phase)) ** sharpness
    result: Array = 10 ** (-depth_db * (1 - swing) / 20)
    return result


def speaking(count: int, rng: np.random.Generator, rate_hz: float, depth_db: float) -> Array:
    """Returns a gain that swings by chance around so many times a second, with a deviation in dB: `[count]`."""
    size = int(count * _ENVELOPE_HZ / SAMPLE_RATE_HZ) + 2 * _ENVELOPE_HZ
    band = (rate_hz / 1.5, rate_hz * 1.5)
    swing = signal.sosfiltfilt(
        signal.butter(2, band, "bandpass", fs=_ENVELOPE_HZ, output="sos"), rng.standard_normal(size)
    )
    clock = np.arange(count) * _ENVELOPE_HZ / SAMPLE_RATE_HZ + _ENVELOPE_HZ
    result: Array = 10 ** (depth_db * np.interp(clock, np.arange(size), parts.unit(swing)) / 20)
    return result


def make(count: int, rng: np.random.Generator, voices: Sequence[Voice]) -> Drawn:
    """Draws coloured noise and how its level moves; see `Kind`."""
    carrier, facts = coloured.drawn(count, rng)
    if rng.random() < 0.5:
        rate_hz, depth_db = parts.log_uniform(rng, 1.5, 9.0), float(rng.uniform(3, 10))
        gain, manner = speaking(count, rng, rate_hz, depth_db), "speech"
    else:
        rate_hz, depth_db = parts.log_uniform(rng, 2.0, 45.0), float(rng.uniform(4, 30))
        sharpness, drift = parts.log_uniform(rng, 0.7, 8.0), float(rng.uniform(0, 0.1))
        gain, manner = beating(count, rng, rate_hz, depth_db, sharpness, drift), "machine"
    # A part that stands still behind what moves.
    still, _ = coloured.drawn(count, rng)
    still_db = float(rng.uniform(-30, -6))
    moving = {"manner": manner, "rate_hz": parts.told(rate_hz), "depth_db": parts.told(depth_db)}
    return parts.unit(carrier * gain) + 10 ** (still_db / 20) * still, {**facts, **moving}


KIND = Kind("modulated", 3, make)
