"""Gain: speech turned up or down, as another microphone or distance would."""

from __future__ import annotations

import numpy as np

from kerasser.attack.channels.base import Options, Passed, Transmission


def apply(waveform: np.ndarray, level: float, generator: np.random.Generator, options: Options) -> Passed:
    """Returns speech with another level; what lies beyond full scale then is cut off as everywhere.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        level: Gain, in dB.
        generator: Not used.
        options: Not used.
    """
    return Passed(np.asarray(waveform, np.float64) * 10.0 ** (level / 20.0))


def _spell(level: float) -> str:
    return f"gain, {level:+g} dB".replace("-", "−")


CHANNEL = Transmission(
    name="gain",
    label="gain",
    place=60,
    unit="dB",
    levels=(-10.0, 10.0, -20.0, 20.0),
    lowest=-60.0,
    highest=40.0,
    spell=_spell,
    apply=apply,
    # Of two that are equally far, that which may clip.
    severity=lambda level: abs(level) + 0.5 * (level > 0),
)
