"""Figures that tell one noise from another: tilt, modulation, kurtosis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.util.arrays import Array

# Of the envelope, in Hz.
_ENVELOPE_HZ = 100
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 6300.0
_SLOWEST_HZ, _FASTEST_HZ = 0.5, 40.0


@dataclass(frozen=True)
class Statistics:
    """What noise is like.

    Attributes:
        tilt_db: Slope of its spectrum between 100 Hz and 6.3 kHz, in dB an octave.
        modulation_share: Share of its envelope's power between 0.5 and 40 Hz that lies at the rates of speech, 2 to
            16 Hz.
        modulation_depth: Deviation of its envelope over its mean.
        kurtosis: Of its samples; 3 for Gaussian noise.
        envelope_kurtosis: Of its envelope in frames of 10 ms.
    """

    tilt_db: float
    modulation_share: float
    modulation_depth: float
    kurtosis: float
    envelope_kurtosis: float


def of(waveform: Array) -> Statistics:
    """Measures noise.

    Args:
        waveform: float `[samples]`, 16 kHz, 2 s or more.
    """
    level = envelope(waveform)
    return Statistics(
        tilt(waveform),
        modulation_share(waveform),
        float(level.std() / level.mean()),
        kurtosis(waveform),
        kurtosis(level),
    )


def tilt(waveform: Array) -> float:
    """Returns the slope of a line through the third-octave levels between 100 Hz and 6.3 kHz, in dB an octave."""
    frequency, power = signal.welch(np.asarray(waveform, float), SAMPLE_RATE_HZ, nperseg=4096)
    centres = _LOWEST_HZ * 2 ** (np.arange(19) / 3)
    levels = []
    for centre in centres:
        band = (frequency >= centre * 2 ** (-1 / 6)) & (frequency < centre * 2 ** (1 / 6))
        levels.append(10 * np.log10(power[band].mean() + 1e-20))
    return float(np.polyfit(np.log2(centres), levels, 1)[0])


def envelope(waveform: Array) -> Array:
    """Returns the root mean square of frames of 10 ms: `[frames]`."""
    hop = SAMPLE_RATE_HZ // _ENVELOPE_HZ
    frames = np.asarray(waveform, float)[: waveform.size // hop * hop].reshape(-1, hop)
    result: Array = np.sqrt(np.mean(frames**2, axis=1))
    return result


def modulation_spectrum(waveform: Array) -> tuple[Array, Array]:
    """Returns frequencies up to 50 Hz, and the power of the envelope there, over its squared mean."""
    level = envelope(waveform)
    frequency, power = signal.welch(level / level.mean(), _ENVELOPE_HZ, nperseg=min(400, level.size))
    return frequency, power


def modulation_share(waveform: Array, slowest_hz: float = 2.0, fastest_hz: float = 16.0) -> float:
    """Returns the share of the envelope's power between 0.5 and 40 Hz that lies between two rates."""
    frequency, power = modulation_spectrum(waveform)
    all_of_it = power[(frequency >= _SLOWEST_HZ) & (frequency <= _FASTEST_HZ)].sum()
    return float(power[(frequency >= slowest_hz) & (frequency <= fastest_hz)].sum() / all_of_it)


def kurtosis(values: Array) -> float:
    """Returns the fourth moment about the mean over the squared variance: 3 for a normal distribution."""
    centred = np.asarray(values, float) - np.mean(values)
    return float(np.mean(centred**4) / np.mean(centred**2) ** 2)
