"""Spectral gains in closed form: what a complex Gaussian model expects of speech and of noise in one bin.

Speech and noise coefficients S and D are independent, zero-mean and complex Gaussian with variances
λ_s and λ_d; Y = S + D is observed. All gains depend on the a-priori SNR ξ = λ_s / λ_d and the a-posteriori
SNR γ = |Y|² / λ_d, through v = ξ/(1 + ξ)·γ. Gains grow without bound as γ goes to 0; there γ is
held at the smallest normal number, so that gain times |Y| is finite everywhere.
"""

from __future__ import annotations

import numpy as np
import scipy

_SMALLEST = np.finfo(np.float64).tiny


def mmse_stsa_gain(xi: np.ndarray | float, gamma: np.ndarray | float) -> np.ndarray:
    """Gain of the short-time spectral amplitude estimator, E[|S| | Y] / |Y|.

    Ephraim and Malah, "Speech enhancement using a minimum mean-square error short-time spectral amplitude
    estimator", 1984, equation 7, with Bessel functions scaled by e^(−v/2) so that nothing overflows.

    Args:
        xi: A-priori SNR ξ, float, any shape, power ratio > 0 and finite.
        gamma: A-posteriori SNR γ, float, broadcastable with `xi`, power ratio >= 0 and finite.

    Returns:
        float64 gain, of the broadcast shape; ξ/(1 + ξ) as v goes to infinity.
    """
    wiener, gamma = _wiener(xi), np.maximum(gamma, _SMALLEST)
    v = wiener * gamma
    even, odd = scipy.special.i0e(v / 2), scipy.special.i1e(v / 2)
    return np.sqrt(np.pi) / 2 * np.sqrt(wiener / gamma) * (even + v * (even + odd))


def mmse_lsa_gain(xi: np.ndarray | float, gamma: np.ndarray | float) -> np.ndarray:
    """Gain of the log-spectral amplitude estimator, exp(E[ln |S| | Y]) / |Y|.

    Ephraim and Malah, "Speech enhancement using a minimum mean-square error log-spectral amplitude
    estimator", 1985, equation 20.

    Args:
        xi: A-priori SNR ξ, float, any shape, power ratio > 0 and finite.
        gamma: A-posteriori SNR γ, float, broadcastable with `xi`, power ratio >= 0 and finite.

    Returns:
        float64 gain, of the broadcast shape; never above `mmse_stsa_gain`, and ξ/(1 + ξ) as v goes to infinity.
    """
    wiener = _wiener(xi)
    # exp1 has a logarithmic pole at 0, which a v that underflows must not reach.
    v = np.maximum(wiener * np.asarray(gamma, np.float64), _SMALLEST)
    return wiener * np.exp(scipy.special.exp1(v) / 2)


def noise_gain(xi: np.ndarray | float, gamma: np.ndarray | float) -> np.ndarray:
    """Gain that gives the noisy coefficient the power the noise is expected to have, √(E[|D|² | Y]) / |Y|.

    E[|D|² | Y] = (1/(1 + ξ))²·|Y|² + ξ/(1 + ξ)·λ_d: the posterior of D is Gaussian, and this is its squared mean
    plus its variance (used for tracking by Hendriks, Heusdens and Jensen, "MMSE based noise PSD tracking with low
    complexity", 2010). Amplitude estimators with the roles of speech and noise exchanged stay below it, as
    the square of a mean lies below the mean of a square.

    Args:
        xi: A-priori SNR ξ, float, any shape, power ratio > 0 and finite.
        gamma: A-posteriori SNR γ, float, broadcastable with `xi`, power ratio >= 0 and finite.

    Returns:
        float64 gain, of the broadcast shape.
    """
    wiener, gamma = _wiener(xi), np.maximum(gamma, _SMALLEST)
    return np.sqrt(np.square(1 / (1 + np.asarray(xi, np.float64))) + wiener / gamma)


def _wiener(xi: np.ndarray | float) -> np.ndarray:
    xi = np.asarray(xi, np.float64)
    return xi / (1 + xi)
