"""Opus: speech coded as voice calls and messages are, and decoded again."""

from __future__ import annotations

import numpy as np

from kerasser.attack.channels.base import Options, Passed, Transmission
from kerasser.attack.channels.coding import round_trip
from kerasser.audio import SAMPLE_RATE_HZ

#: What libsndfile lets a mono encoder aim at, in kbit/s.
LOWEST, HIGHEST = 6.0, 256.0


def apply(waveform: np.ndarray, level: float, generator: np.random.Generator, options: Options) -> Passed:
    """Returns speech coded by Opus (RFC 6716) in Ogg (RFC 7845) and decoded again.

    The rate is what the encoder aims at: it varies with the speech. The delay stands in the header, and the decoder
    takes it off.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        level: Bit rate, in kbit/s.
        generator: Not used.
        options: Not used.
    """
    share = (HIGHEST - level) / (HIGHEST - LOWEST)
    decoded = round_trip(waveform, SAMPLE_RATE_HZ, format="OGG", subtype="OPUS", compression_level=share)
    return Passed(decoded[: waveform.size])


CHANNEL = Transmission(
    name="opus",
    label="Opus",
    place=30,
    unit="kbit/s",
    levels=(32.0, 16.0, 8.0),
    lowest=LOWEST,
    highest=HIGHEST,
    spell=lambda level: f"Opus, {level:g} kbit/s",
    apply=apply,
    severity=lambda level: -level,
)
