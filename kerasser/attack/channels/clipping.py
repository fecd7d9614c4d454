"""Clipping: a microphone or converter that is overdriven, so that the loudest samples are cut off."""

from __future__ import annotations

import numpy as np

from kerasser.attack.channels.base import Options, Passed, Transmission


def apply(waveform: np.ndarray, level: float, generator: np.random.Generator, options: Options) -> Passed:
    """Returns speech whose loudest samples are cut off at one height, above and below.

    The height is the quantile of the magnitude that so many samples exceed (a share, not a height: recordings differ in
    level); nothing is scaled afterwards, so that all other samples stay what they were.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        level: Share of the samples that are cut, in percent.
        generator: Not used.
        options: Not used.
    """
    height = np.quantile(np.abs(waveform), 1.0 - level / 100.0)
    return Passed(np.clip(waveform, -height, height))


CHANNEL = Transmission(
    name="clipping",
    label="clipping",
    place=50,
    unit="%",
    levels=(1.0, 5.0, 20.0),
    lowest=0.0,
    highest=90.0,
    spell=lambda level: f"clipping, {level:g} % of the samples",
    apply=apply,
)
