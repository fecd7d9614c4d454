"""The closed forms against the conditional expectations that define them, and their limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from kerasser.noise.gains import mmse_lsa_gain, mmse_stsa_gain, noise_gain

XIS = 10 ** (np.array([-25.0, -10.0, 0.0, 10.0, 30.0]) / 10)
GAMMAS = 10 ** (np.array([-30.0, -10.0, 0.0, 5.0, 20.0]) / 10)

ratios = st.floats(-6, 6).map(lambda exponent: 10.0**exponent)
extremes = st.floats(-300, 300).map(lambda exponent: 10.0**exponent)


def expected_amplitude(function, wanted, other, observed):
    """E[function(A)] for the amplitude A of a Gaussian of variance `wanted`, seen as |Y| = `observed` in another one.

    By Bayes: the Rayleigh prior of A times the Rice likelihood of |Y| given A, integrated numerically.
    """
    peak = observed * wanted / (wanted + other)
    spread = np.sqrt(wanted * other / (wanted + other))

    def log_density(a):
        return -(a**2) / wanted - (observed - a) ** 2 / other

    def density(a):
        return a * np.exp(log_density(a) - log_density(peak)) * special.i0e(2 * a * observed / other)

    low, high = max(0.0, peak - 9 * spread), peak + 9 * spread

    def integral(integrand):
        return integrate.quad(integrand, low, high, points=[peak], limit=400, epsabs=0, epsrel=1e-10)[0]

    return integral(lambda a: function(a) * density(a) if a > 0 else 0.0) / integral(density)


@pytest.mark.parametrize("xi", XIS)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_stsa_is_the_expected_amplitude(xi, gamma):
    expected = expected_amplitude(lambda a: a, xi, 1.0, np.sqrt(gamma)) / np.sqrt(gamma)
    assert mmse_stsa_gain(xi, gamma) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("xi", XIS)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_lsa_is_the_exponential_of_the_expected_log_amplitude(xi, gamma):
    expected = np.exp(expected_amplitude(np.log, xi, 1.0, np.sqrt(gamma))) / np.sqrt(gamma)
    assert mmse_lsa_gain(xi, gamma) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("xi", XIS)
@pytest.mark.parametrize("gamma", GAMMAS)
def test_noise_gain_is_the_root_of_the_expected_noise_power(xi, gamma):
    expected = np.sqrt(expected_amplitude(np.square, 1.0, xi, np.sqrt(gamma)) / gamma)
    assert noise_gain(xi, gamma) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("gain", [mmse_stsa_gain, mmse_lsa_gain])
def test_strong_bins_get_the_wiener_gain(gain):
    xi = np.array([1e-3, 1.0, 1e3])
    np.testing.assert_allclose(gain(xi, 1e12), xi / (1 + xi), rtol=1e-8)


def test_faint_bins_get_the_amplitude_expected_of_the_posterior_alone():
    xi, gamma = 2.0, 1e-14
    scale = np.sqrt(xi / (1 + xi))
    assert mmse_stsa_gain(xi, gamma) * np.sqrt(gamma) == pytest.approx(np.sqrt(np.pi) / 2 * scale, rel=1e-6)
    assert mmse_lsa_gain(xi, gamma) * np.sqrt(gamma) == pytest.approx(np.exp(-np.euler_gamma / 2) * scale, rel=1e-6)
    assert noise_gain(xi, gamma) * np.sqrt(gamma) == pytest.approx(scale, rel=1e-6)


@pytest.mark.parametrize("gain", [mmse_stsa_gain, mmse_lsa_gain, noise_gain])
@given(xi=extremes, gamma=st.one_of(st.just(0.0), extremes))
def test_gains_are_finite_and_not_negative_whatever_the_ratios(gain, xi, gamma):
    value = gain(xi, gamma)
    assert np.isfinite(value) and value >= 0


@pytest.mark.parametrize("gain", [mmse_stsa_gain, mmse_lsa_gain])
@given(xi=ratios, gamma=ratios, factor=st.floats(1.001, 1e3))
def test_speech_gains_rise_with_the_prior_and_fall_with_the_observation(gain, xi, gamma, factor):
    assert gain(factor * xi, gamma) >= gain(xi, gamma) * (1 - 1e-12)
    assert gain(xi, factor * gamma) <= gain(xi, gamma) * (1 + 1e-12)


@given(xi=ratios, gamma=ratios)
def test_the_log_estimator_never_exceeds_the_amplitude_estimator(xi, gamma):
    assert mmse_lsa_gain(xi, gamma) <= mmse_stsa_gain(xi, gamma) * (1 + 1e-12)


@given(xi=ratios, gamma=ratios)
def test_the_noise_amplitude_estimators_stay_below_its_expected_power(xi, gamma):
    exchanged = mmse_stsa_gain(1 / xi, gamma / xi)
    assert exchanged <= noise_gain(xi, gamma) * (1 + 1e-9)


def test_gains_take_arrays_of_any_shape():
    xi, gamma = np.ones((3, 1), np.float32), np.ones((1, 4), np.float32)
    for gain in (mmse_stsa_gain, mmse_lsa_gain, noise_gain):
        assert gain(xi, gamma).shape == (3, 4)
        assert gain(xi, gamma).dtype == np.float64
