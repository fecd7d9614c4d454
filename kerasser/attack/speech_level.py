"""Active speech level: how loud speech is while somebody speaks (ITU-T Recommendation P.56, method B).

The power of a whole utterance falls with every pause in it, so one signal-to-noise ratio is another amount of noise in
an utterance with long pauses. The active level counts speech and the short pauses within it alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy

from kerasser.attack.perturbation import power
from kerasser.audio import SAMPLE_RATE_HZ

#: What an SNR budget may be measured against: the whole utterance, or its active speech.
SPEECH_LEVELS = ("utterance", "active")
#: Time constant of the envelope and hangover, in seconds, and margin between speech and threshold, in dB (P.56).
SMOOTHING_S, HANGOVER_S, MARGIN_DB = 0.03, 0.2, 15.9
#: Thresholds of the envelope, a factor of 2 apart; those below 2⁻¹⁵, the lowest of P.56, serve quiet float recordings.
THRESHOLDS = 2.0 ** -np.arange(24, 0, -1)


class SpeechLevel(NamedTuple):
    """How loud speech is.

    Attributes:
        power: Mean square while speech is active, in units of full scale squared; 0 for silence.
        activity: Share of the time in which it is, in [0, 1].
    """

    power: float
    activity: float


def active_level(waveform: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ) -> SpeechLevel:
    """Measures the active speech level (ITU-T P.56, 2011, method B).

    The rectified signal is smoothed twice. Each threshold counts the samples at which the envelope has reached it
    within the last 0.2 s, which makes an estimate of the level. The level is that estimate which lies 15.9 dB above its
    own threshold, interpolated in dB between two. Where none does, as for a click, it is that of the highest threshold
    that is reached. The mean is taken off first, as an offset of the recording is no speech; other filters there are
    none.

    Args:
        waveform: float `[samples]`, in [−1, 1].
        sample_rate_hz: Sampling rate.
    """
    samples = waveform.astype(np.float64) - np.mean(waveform, dtype=np.float64)
    whole = power(waveform)
    if whole == 0:
        return SpeechLevel(0.0, 0.0)
    decay = np.exp(-1.0 / (SMOOTHING_S * sample_rate_hz))
    envelope = np.abs(samples)
    for _ in range(2):
        envelope = scipy.signal.lfilter([1.0 - decay], [1.0, -decay], envelope)
    thresholds = THRESHOLDS[THRESHOLDS <= envelope.max()]
    if not thresholds.size:
        return SpeechLevel(whole, 1.0)
    active = np.array([_active(envelope >= threshold, sample_rate_hz) for threshold in thresholds])
    levels_db = 10 * np.log10(whole * samples.size / active)
    above_db = levels_db - 20 * np.log10(thresholds)
    near = above_db <= MARGIN_DB
    upper = int(near.argmax()) if near.any() else near.size - 1
    lower = max(upper - 1, 0)
    level_db = float(np.interp(-MARGIN_DB, -above_db[[lower, upper]], levels_db[[lower, upper]]))
    return SpeechLevel(10 ** (level_db / 10), min(1.0, whole / 10 ** (level_db / 10)))


def _active(reached: np.ndarray, sample_rate_hz: int) -> int:
    """Returns at how many samples a threshold was reached within the hangover; it is at one at least."""
    place = np.arange(reached.size)
    hangover = int(np.ceil(HANGOVER_S * sample_rate_hz))
    last = np.maximum.accumulate(np.where(reached, place, -hangover - 1))
    return int(np.count_nonzero(place - last <= hangover))


def speech_power(waveform: np.ndarray, speech_level: str) -> float | None:
    """Returns what the ratios of an attack are measured against; None for the utterance's own power.

    Args:
        waveform: float `[samples]`, 16 kHz.
        speech_level: One of `SPEECH_LEVELS`.
    """
    return active_level(waveform).power if speech_level == "active" else None
