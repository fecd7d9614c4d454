"""MP3: speech coded by LAME and decoded again, at 16 kHz."""

from __future__ import annotations

import numpy as np

from kerasser.attack.channels.base import Options, Passed, Transmission
from kerasser.attack.channels.coding import round_trip
from kerasser.audio import SAMPLE_RATE_HZ

#: Bit rates of MPEG-2 layer III, which is what codes 16 kHz (ISO/IEC 13818-3), in kbit/s, but for the lowest, 8, which
#: some releases of libsndfile refuse.
BIT_RATES = (16.0, 24.0, 32.0, 40.0, 48.0, 56.0, 64.0, 80.0, 96.0, 112.0, 128.0, 144.0, 160.0)
#: Of LAME's encoder, 576 samples, and of every decoder, 529: what has no header for it is as late.
DELAY = 576 + 529


def apply(waveform: np.ndarray, level: float, generator: np.random.Generator, options: Options) -> Passed:
    """Returns speech coded at a constant bit rate (ISO/IEC 13818-3) and decoded again.

    Below 40 kbit/s no frame has room for the header that tells a decoder where speech begins, so that the delay is
    taken off here; from there on libsndfile takes it off itself.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        level: Bit rate, in kbit/s.
        generator: Not used.
        options: Not used.
    """
    # libsndfile spreads the rates from 160 to 8 kbit/s over [0, 1].
    coding = {"compression_level": (160.0 - level) / (160.0 - 8.0), "bitrate_mode": "CONSTANT"}
    decoded = round_trip(waveform, SAMPLE_RATE_HZ, format="MP3", subtype="MPEG_LAYER_III", **coding)
    delay = DELAY if decoded.size > waveform.size else 0
    return Passed(decoded[delay:][: waveform.size])


CHANNEL = Transmission(
    name="mp3",
    label="MP3",
    place=20,
    unit="kbit/s",
    levels=(64.0, 32.0, 16.0),
    lowest=BIT_RATES[0],
    highest=BIT_RATES[-1],
    spell=lambda level: f"MP3, {level:g} kbit/s",
    apply=apply,
    severity=lambda level: -level,
    choices=BIT_RATES,
)
