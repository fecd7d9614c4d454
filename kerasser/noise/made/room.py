"""Random rooms: responses that decay exponentially, high frequencies sooner (after Polack 1988)."""

from __future__ import annotations

import numpy as np
from scipy import signal

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise.made.base import Drawn
from kerasser.noise.made.parts import told
from kerasser.util.arrays import Array

# The tail is made of two bands that decay apart.
_CROSSOVER_HZ = 1500.0


def response(
    rt60_s: float, direct_db: float, rng: np.random.Generator, high_share: float = 1.0, delay_s: float = 0.0
) -> Array:
    """Returns a room's response, its direct sound first.

    Args:
        rt60_s: Time in which the tail decays by 60 dB, in seconds.
        direct_db: Energy of the direct sound over that of the tail, in dB.
        rng: Draws the tail.
        high_share: Decay time above 1.5 kHz, of that below; in (0, 1].
        delay_s: From the direct sound to the tail.

    Returns:
        float64, as long as the tail takes to decay by 60 dB; the direct sound is 1.
    """
    size = max(int(rt60_s * SAMPLE_RATE_HZ), 1)
    clock = np.arange(size) / SAMPLE_RATE_HZ
    noise = rng.standard_normal(size)
    tail = noise * 10 ** (-3 * clock / rt60_s)
    if high_share < 1.0:
        low, high = (
            signal.sosfilt(signal.butter(2, _CROSSOVER_HZ, side, fs=SAMPLE_RATE_HZ, output="sos"), noise)
            for side in ("lowpass", "highpass")
        )
        tail = low * 10 ** (-3 * clock / rt60_s) + high * 10 ** (-3 * clock / (rt60_s * high_share))
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    result: Array = np.concatenate([np.zeros(max(int(delay_s * SAMPLE_RATE_HZ), 1)), tail])
    result[0] = 1.0
    return result


def within(dry: Array, rng: np.random.Generator, smallest_s: float = 0.15, largest_s: float = 1.8) -> Drawn:
    """Puts a sound into a room that is drawn for it.

    Args:
        dry: float `[samples]`, 16 kHz.
        rng: Draws the room.
        smallest_s: Shortest decay time, in seconds.
        largest_s: Longest.

    Returns:
        float64 `[samples]`, and `rt60_s` and `direct_db`.
    """
    rt60_s, direct_db = float(rng.uniform(smallest_s, largest_s)), float(rng.uniform(-8, 8))
    heard = response(rt60_s, direct_db, rng, float(rng.uniform(0.3, 1.0)), float(rng.uniform(0.001, 0.03)))
    return signal.oaconvolve(dry, heard)[: dry.size], {"rt60_s": told(rt60_s), "direct_db": told(direct_db)}
