"""Noise power from the minima of the smoothed spectrum: no decision on where speech is present.

Martin, "Noise power spectral density estimation based on optimal smoothing and minimum statistics", 2001: between and
within words the power in a bin falls to that of the noise, so that the least value within a window, made up for
being the least, is the noise's. Equations are numbered as there.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import scipy

# Window of the minima, in frames of 8 ms: 1.5 s, long enough to hold a pause of fluent speech (section IV).
_WINDOW = 188

# Smoothing (equations 7, 11 and 12), its bound at the top and, by the SNR of the frame, at the bottom. Frames are 8 ms
# apart instead of Martin's 16, so that what is a time constant there is one here: each is the square root of his.
_ALPHA_MAX = 0.96**0.5
_ALPHA_MIN = 0.3**0.5
_CORRECTION_MIN = 0.7
_CORRECTION_SMOOTHING = 0.7**0.5
_LOOK = 8
# Smoothing of the moments of the smoothed power (equations 20 to 22), at most.
_BETA_MAX = 0.8**0.5
# Degrees of freedom are bounded from below: Q of a spectrum that has not been smoothed is 2 (section III).
_LEAST_Q = 2.0
# Rise of the bias where the power fluctuates as a whole (equation 27).
_BIAS_RISE = 2.12
#: Mean of the minimum of `D` correlated values relative to their own mean (table III, M(D)).
TABLE_D = np.array([1, 2, 5, 8, 10, 15, 20, 30, 40, 60, 80, 120, 140, 160, 180, 220, 260, 300])
TABLE_M = np.array(
    [0, 0.26, 0.48, 0.58, 0.61, 0.668, 0.705, 0.762, 0.8, 0.841, 0.865, 0.89, 0.9, 0.91, 0.92, 0.93, 0.935, 0.94]
)


def noise_power(power: np.ndarray, floor: float) -> np.ndarray:
    """Tracks the noise power through speech by minimum statistics.

    The whole utterance is there, so that the window of the minima is centred on the frame, and smoothing runs in both
    directions of time and is averaged: an utterance that begins in speech is no worse off than one that ends in it.

    Args:
        power: |Y|², float `[bins, frames]`.
        floor: Least noise power, > 0.

    Returns:
        λ_d, float64 `[bins, frames]`, at least `floor`.
    """
    observed = np.maximum(power.T, floor)
    both = np.stack([observed, observed[::-1]], axis=1)
    # What makes up for the least goes with the frame that holds it: the power of speech moves much, and with it B_min.
    tracked = scipy.ndimage.minimum_filter1d(_corrected(both, floor), min(_WINDOW, len(both)), axis=0, mode="nearest")
    return np.maximum((tracked[:, 0] + tracked[::-1, 1]) / 2, floor).T


def _corrected(observed: np.ndarray, floor: float) -> np.ndarray:
    """Returns the optimally smoothed power times B_min and B_c, `[frames, directions, bins]`."""
    frames = len(observed)
    window = min(_WINDOW, frames)
    corrected = np.empty_like(observed)
    # Start from what the utterance holds at its quietest, as a recursion that starts in speech takes long to fall.
    start = np.percentile(scipy.ndimage.uniform_filter1d(observed, min(5, frames), axis=0, mode="nearest"), 10, axis=0)
    now, noise = np.maximum(start, floor), np.maximum(start, floor)
    correction = np.ones(observed.shape[1])[:, None]
    mean, square = now.copy(), np.square(now)
    least = now
    recent: deque[np.ndarray] = deque(maxlen=window)
    for frame, seen in enumerate(observed):
        ratio = now.sum(axis=-1, keepdims=True) / seen.sum(axis=-1, keepdims=True) - 1
        bound = np.maximum(1 / (1 + ratio**2), _CORRECTION_MIN)
        correction = _CORRECTION_SMOOTHING * correction + (1 - _CORRECTION_SMOOTHING) * bound
        alpha = np.maximum(_ALPHA_MAX * correction / (1 + np.square(now / noise - 1)), _ALPHA_MIN)
        now = alpha * now + (1 - alpha) * seen
        beta = np.minimum(alpha**2, _BETA_MAX)
        mean = beta * mean + (1 - beta) * now
        square = beta * square + (1 - beta) * now**2
        inverse = np.clip((square - mean**2) / (2 * noise**2), 0, 1 / _LEAST_Q)
        rise = 1 + _BIAS_RISE * np.sqrt(inverse.mean(axis=-1, keepdims=True))
        corrected[frame] = now * _bias(inverse, window) * rise
        recent.append(corrected[frame])
        # A look back every few frames, and at the newest in between.
        least = np.min(recent, axis=0) if frame % _LOOK == 0 else np.minimum(least, corrected[frame])
        noise = np.maximum(least, floor)
    return corrected


def _bias(inverse_q: np.ndarray, window: int) -> np.ndarray:
    """Returns B_min, the inverse of the mean of the least of `window` values of mean 1 (equations 17 and 18)."""
    m = float(np.interp(np.sqrt(window), np.sqrt(TABLE_D), TABLE_M))
    q = (1 / np.maximum(inverse_q, 1e-6) - 2 * m) / (1 - m)
    return 1 + (window - 1) * 2 / q
