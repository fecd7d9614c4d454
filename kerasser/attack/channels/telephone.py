"""Telephone: the band from 300 Hz up, at 8 kHz, and G.711 µ-law there and back."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import signal

from kerasser.attack.channels.base import Options, Passed, Transmission
from kerasser.attack.channels.coding import round_trip
from kerasser.audio import SAMPLE_RATE_HZ

RATE_HZ, LOWEST_HZ = 8000, 300.0
# 40 ms: −6 dB at both edges of the band, and 60 dB below it 100 Hz beyond.
_TAPS = 321


def apply(waveform: np.ndarray, level: float, generator: np.random.Generator, options: Options) -> Passed:
    """Returns speech as a narrow-band telephone carries it.

    The band is that of ITU-T G.712 (2001), cut by a filter of linear phase whose delay is taken off, so that speech
    stays where it was; the code is the µ-law of ITU-T G.711 (1988), 8 bits a sample, by libsndfile.

    Args:
        waveform: float32 `[samples]`, 16 kHz.
        level: Upper edge of the band, in Hz.
        generator: Not used.
        options: Not used.
    """
    narrow = signal.resample_poly(np.asarray(waveform, np.float64), 1, SAMPLE_RATE_HZ // RATE_HZ)
    coded = round_trip(band(narrow, level), RATE_HZ, format="RAW", subtype="ULAW")
    return Passed(signal.resample_poly(coded.astype(np.float64), SAMPLE_RATE_HZ // RATE_HZ, 1)[: waveform.size])


def band(waveform: np.ndarray, upper_hz: float) -> np.ndarray:
    """Cuts the band out of sound at 8 kHz, `[samples]`, without a delay."""
    return signal.fftconvolve(waveform, _filter(upper_hz))[_TAPS // 2 :][: waveform.size]


@lru_cache(maxsize=8)
def _filter(upper_hz: float) -> np.ndarray:
    return signal.firwin(_TAPS, [LOWEST_HZ, upper_hz], pass_zero=False, fs=RATE_HZ, window=("kaiser", 5.65))


CHANNEL = Transmission(
    name="telephone",
    label="telephone",
    place=10,
    unit="Hz",
    levels=(3400.0,),
    lowest=1000.0,
    highest=3800.0,
    spell=lambda level: f"telephone, {LOWEST_HZ:g}–{level:g} Hz, µ-law",
    apply=apply,
    severity=lambda level: -level,
)
