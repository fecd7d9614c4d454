"""The reference noise: the background already present in an utterance (paper, section 3), after Ephraim and Malah.

Short-time spectrum → noise power that follows the utterance → decision-directed a-priori SNR → gains. The speech
estimate and the noise estimate differ only in the gain applied last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.noise import minimum_statistics
from kerasser.noise.gains import mmse_lsa_gain, mmse_stsa_gain, noise_gain
from kerasser.util.errors import InputError

#: A gain, or a gain and what tracks the noise power, joined by "+": see `spelled`.
Estimator = Literal["lsa", "stsa"]
Tracker = Literal["mmse", "minimum_statistics"]

#: Bounds of `ReferenceNoise.snr_db`: no speech at all is the lower one, no noise the upper.
SNR_RANGE_DB = (-30.0, 120.0)

_TRACKERS = ("mmse", "minimum_statistics")
_GAINS = {"lsa": mmse_lsa_gain, "stsa": mmse_stsa_gain}
_HOP_S = 0.008
_HOPS_PER_WINDOW = 4
_LOWEST_RATE_HZ = 1000

# Noise power, relative to a full-scale square wave, below which a bin counts as digital silence.
_POWER_FLOOR = 1e-12

# The start of the tracker: a low percentile of the spectrum averaged over 40 ms, short enough for the
# pauses between syllables. The factor is what makes it right for stationary Gaussian noise in these windows.
_START_FRAMES = 5
_START_PERCENTILE = 5
_START_BIAS = 3.42

# Gerkmann and Hendriks (2012): speech is expected at 15 dB, and a posterior that stays near 1 is held below
# it so that the tracker cannot lock up. The smoothing is theirs for each frame, thus twice as quick in
# time at these 8 ms: café clatter is missed otherwise. What is quick also climbs along the slopes of clean speech,
# so noise is held to its start plus the level at which speech is expected: without that bound RAVDESS, a
# studio corpus at 50 dB, seems to lie at 19 dB.
_SPEECH_SNR = 10**1.5
_POWER_SMOOTHING = 0.8
_PRESENCE_SMOOTHING = 0.95
_PRESENCE_LIMIT = 0.99

# Share of the frames that `pause_variance` takes for pauses.
_PAUSES = 0.1

# Ephraim and Malah (1984): the weight of the previous frame, and a floor against musical noise.
_DECISION_WEIGHT = 0.98
_XI_FLOOR = 10**-2.5


@dataclass(frozen=True)
class ReferenceNoise:
    """The background noise estimated in an utterance.

    Attributes:
        waveform: float64 `[samples]`, as long as the utterance and on its scale.
        mean: Mean of `waveform`; also that of the utterance, as speech carries no constant.
        variance: Variance of `waveform`; 0 for digital silence.
        snr_db: What the utterance's variance exceeds the noise's by, relative to the noise's, in dB and
            within `SNR_RANGE_DB`. An utterance without speech power, silence too, is at the lower bound.
        pause_variance: Mean variance of the quietest tenth of the utterance, which no estimator has touched: see
            `pause_variance`.
    """

    waveform: np.ndarray
    mean: float
    variance: float
    snr_db: float
    pause_variance: float = 0.0


def spelled(estimator: str, noise_tracker: str = "mmse") -> str:
    """Returns how a gain and a tracker are named together: the gain alone, or `GAIN+TRACKER`."""
    return estimator if noise_tracker == "mmse" else f"{estimator}+{noise_tracker}"


def reference_noise(
    waveform: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ, *, estimator: Estimator | str = "lsa"
) -> ReferenceNoise:
    """Estimates the background noise in an utterance.

    Every bin keeps the noisy phase and gets the power that the noise is expected to have there, E[|D|² | Y]
    (`noise_gain`). The residual y − ŝ and the amplitude estimators with speech and noise exchanged lose
    power wherever speech dominates or the bin is uncertain.

    Args:
        waveform: float `[samples]`, mono, any scale.
        sample_rate_hz: Sampling rate, at least 1000 Hz.
        estimator: Amplitude estimator in the decision-directed recursion: "stsa" (1984) or "lsa" (1985); with
            "+minimum_statistics" behind it the noise power is Martin's (2001), else that of `noise_power`.

    Returns:
        The noise, with its mean, variance and the signal-to-noise ratio.

    Raises:
        InputError: If the waveform is empty, not one-dimensional or not finite, or an option is unknown.
    """
    samples, offset, peak = _normalised(waveform, sample_rate_hz, estimator)
    if peak == 0:
        silence = np.full(samples.size, offset)
        return ReferenceNoise(silence, offset, 0.0, SNR_RANGE_DB[0])
    spectrum, xi, gamma, _ = _analyse(samples, sample_rate_hz, estimator)
    noise = synthesise(spectrum * noise_gain(xi, gamma), samples.size, sample_rate_hz)
    noise = peak * (noise - noise.mean()) + offset
    variance = float(np.var(noise))
    ratio_db = _snr_db(peak**2 * float(np.var(samples)), variance)
    pauses = peak**2 * pause_variance(samples, sample_rate_hz)
    return ReferenceNoise(noise, float(noise.mean()), variance, ratio_db, pauses)


def pause_variance(waveform: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Returns the mean variance of the quietest tenth of an utterance's frames of 32 ms, every 8 ms.

    It is what an ear would call the pauses, without any model: above the noise where an utterance has no pause, below
    it where noise comes and goes. Digital silence does not count, and is all there is where this is 0.

    Args:
        waveform: float `[samples]`, mono, of a peak near 1.
        sample_rate_hz: Sampling rate, at least 1000 Hz.
    """
    size = min(_transform(sample_rate_hz).m_num, waveform.size)
    sums = np.cumsum(np.concatenate([np.zeros((2, 1)), np.stack([waveform, np.square(waveform)])], axis=1), axis=1)
    starts = np.arange(0, waveform.size - size + 1, _transform(sample_rate_hz).hop)
    means, squares = (sums[:, starts + size] - sums[:, starts]) / size
    # Digital silence is a constant, whatever has been taken from it.
    power = squares - np.square(means)
    power = np.sort(power[power > _POWER_FLOOR])
    return float(power[: max(1, round(_PAUSES * power.size))].mean()) if power.size else 0.0


def enhance(waveform: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ, *, estimator: Estimator = "lsa") -> np.ndarray:
    """Returns the MMSE estimate of the speech in an utterance, without a constant part.

    Args:
        waveform: float `[samples]`, mono, any scale.
        sample_rate_hz: Sampling rate, at least 1000 Hz.
        estimator: "stsa" (Ephraim and Malah, 1984) or "lsa" (1985).

    Returns:
        float64 `[samples]`, on the utterance's scale.

    Raises:
        InputError: If the waveform is empty, not one-dimensional or not finite, or an option is unknown.
    """
    samples, _, peak = _normalised(waveform, sample_rate_hz, estimator)
    if peak == 0:
        return np.zeros(samples.size)
    spectrum, _, _, gain = _analyse(samples, sample_rate_hz, estimator)
    return peak * synthesise(spectrum * gain, samples.size, sample_rate_hz)


def analyse(waveform: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    """Returns the short-time spectrum of a waveform: 32 ms Hann windows, every 8 ms.

    Args:
        waveform: float `[samples]`, at least one sample; mirrored at both ends, so that the first and last
            frames hold as much sound as the others.
        sample_rate_hz: Sampling rate, at least 1000 Hz.

    Returns:
        complex128 `[bins, frames]`.
    """
    transform = _transform(sample_rate_hz)
    missing = max(0, transform.m_num - waveform.size)
    return transform.stft(np.pad(waveform, (0, missing), mode="reflect"), padding="even")


def synthesise(spectrum: np.ndarray, samples: int, sample_rate_hz: int = SAMPLE_RATE_HZ) -> np.ndarray:
    """Returns the waveform of a short-time spectrum; of an unchanged one, exactly what was analysed.

    Args:
        spectrum: complex `[bins, frames]` from `analyse`.
        samples: Length of the waveform that was analysed.
        sample_rate_hz: Sampling rate, at least 1000 Hz.

    Returns:
        float64 `[samples]`.
    """
    transform = _transform(sample_rate_hz)
    return transform.istft(spectrum, k1=max(samples, transform.m_num))[:samples]


def noise_power(power: np.ndarray, floor: float) -> np.ndarray:
    """Tracks the noise power through speech, by the speech presence probability.

    Gerkmann and Hendriks, "Unbiased MMSE-based noise power estimation with low complexity and low tracking
    delay", 2012, run forwards and backwards in time and averaged: what comes late in one direction comes early
    in the other. Both runs start from a low percentile of the whole utterance, since it may begin and end in
    speech, and never rise more than 15 dB above it: a single louder clash is not followed to its peak.

    Args:
        power: |Y|², float `[bins, frames]`.
        floor: Least noise power, > 0.

    Returns:
        λ_d, float64 `[bins, frames]`, at least `floor`.
    """
    start = _start(power, floor)
    ceiling = _SPEECH_SNR * start
    # Frames first, then both directions side by side: one step of the loop serves the two.
    observed = np.maximum(np.stack([power.T, power.T[::-1]], axis=1), floor)
    tracked = np.empty_like(observed)
    noise = np.stack([start, start])
    presence = np.full_like(noise, 0.5)
    slope, threshold = _SPEECH_SNR / (1 + _SPEECH_SNR), np.log1p(_SPEECH_SNR)
    for frame, seen in enumerate(observed):
        speech = scipy.special.expit(slope * seen / noise - threshold)
        presence += (1 - _PRESENCE_SMOOTHING) * (speech - presence)
        np.minimum(speech, _PRESENCE_LIMIT, out=speech, where=presence > _PRESENCE_LIMIT)
        noise += (1 - _POWER_SMOOTHING) * (1 - speech) * (seen - noise)
        np.minimum(noise, ceiling, out=noise)
        tracked[frame] = noise
    return ((tracked[:, 0] + tracked[::-1, 1]) / 2).T


def _start(power: np.ndarray, floor: float) -> np.ndarray:
    """Returns a low percentile of the whole utterance's power in each bin, made right for stationary noise."""
    smooth = scipy.ndimage.uniform_filter1d(power, _START_FRAMES, axis=1, mode="nearest")
    return np.maximum(_START_BIAS * np.percentile(smooth, _START_PERCENTILE, axis=1), floor)


def _tracked(power: np.ndarray, floor: float, tracker: str) -> np.ndarray:
    """Returns the noise power `[bins, frames]` by a tracker of `_TRACKERS`, at most 15 dB above its start."""
    if tracker != "minimum_statistics":
        return noise_power(power, floor)
    # Without the bound, fluent loud speech at 40 dB lifts the minima of its bins by 10 dB and more.
    return np.minimum(minimum_statistics.noise_power(power, floor), _SPEECH_SNR * _start(power, floor)[:, None])


def _analyse(
    samples: np.ndarray, sample_rate_hz: int, estimator: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns spectrum, ξ, γ and the speech gain, each `[bins, frames]` (decision-directed: 1984, equation 51)."""
    chosen, _, tracker = estimator.partition("+")
    spectrum = analyse(samples, sample_rate_hz)
    power = np.square(np.abs(spectrum))
    window = _transform(sample_rate_hz).win
    floor = _POWER_FLOOR * float(window @ window)
    # Digital silence, as in padded clips, says nothing of the noise in the rest. Without the mean it is a
    # constant, which reaches no further than the second bin of a Hann window.
    audible = power[2:].mean(axis=0) > floor
    noise = np.full_like(power, floor)
    if audible.any():
        noise[:, audible] = _tracked(power[:, audible], floor, tracker)
    # The noise may have moved since the last frame: its speech power is set against this frame's noise power.
    carried = (_DECISION_WEIGHT * power[:, :-1] / noise[:, 1:]).T
    gamma = (power / noise).T
    excess = np.maximum(gamma - 1, 0)
    xi = (1 - _DECISION_WEIGHT) * excess
    xi[0] = excess[0]
    gain = np.empty_like(gamma)
    for frame in range(len(gamma)):
        if frame:
            xi[frame] += carried[frame - 1] * np.square(gain[frame - 1])
        xi[frame] = np.maximum(xi[frame], _XI_FLOOR)
        gain[frame] = _GAINS[chosen](xi[frame], gamma[frame])
    return spectrum, xi.T, gamma.T, gain.T


def _normalised(waveform: np.ndarray, sample_rate_hz: int, estimator: str) -> tuple[np.ndarray, float, float]:
    """Checks the input; returns it without its mean and with peak 1, its mean, and its peak."""
    samples = np.asarray(waveform, np.float64)
    if samples.ndim != 1 or samples.size == 0:
        raise InputError(f"waveform: expected one or more samples, mono. Received: shape {samples.shape}")
    if not np.isfinite(samples).all():
        raise InputError("waveform: expected finite samples. Received: NaN or infinity")
    gain, joined, tracker = estimator.partition("+")
    if gain not in _GAINS:
        raise InputError(f"estimator: expected one of {', '.join(_GAINS)}. Received: {gain!r}")
    if joined and tracker not in _TRACKERS:
        raise InputError(f"noise_tracker: expected one of {', '.join(_TRACKERS)}. Received: {tracker!r}")
    if not sample_rate_hz >= _LOWEST_RATE_HZ:
        raise InputError(f"sample_rate_hz: expected at least {_LOWEST_RATE_HZ}. Received: {sample_rate_hz}")
    # A constant is its own mean; the rounding of a computed one would pass for noise.
    if np.ptp(samples) == 0:
        return np.zeros(samples.size), float(samples[0]), 0.0
    offset = float(samples.mean())
    samples = samples - offset
    peak = float(np.abs(samples).max())
    return samples / peak, offset, peak


def _snr_db(total: float, noise: float) -> float:
    low, high = SNR_RANGE_DB
    speech = max(total - noise, 0.0)
    if speech == 0:
        return low
    return float(np.clip(10 * np.log10(speech / noise), low, high)) if noise > 0 else high


@lru_cache(maxsize=8)
def _transform(sample_rate_hz: int) -> scipy.signal.ShortTimeFFT:
    hop = round(_HOP_S * sample_rate_hz)
    window = scipy.signal.windows.hann(_HOPS_PER_WINDOW * hop, sym=False)
    return scipy.signal.ShortTimeFFT(window, hop, sample_rate_hz, fft_mode="onesided", phase_shift=None)
