"""The least of the smoothed power, made up for, is the noise: in closed form, and against what speech does to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasser.noise import estimation
from kerasser.noise.minimum_statistics import TABLE_D, TABLE_M, noise_power


def white(seconds=4.0, seed=0):
    return np.square(np.abs(estimation.analyse(np.random.default_rng(seed).standard_normal(round(16000 * seconds)))))


def error_db(found, true):
    return 10 * np.log10(found / true)


def test_stationary_noise_is_found_without_bias():
    power = white()[2:-2]
    found = noise_power(power, 1e-9)
    assert abs(error_db(found.mean(), power.mean())) < 1.0
    assert error_db(found.mean(axis=1), power.mean(axis=1)).std() < 1.5


def test_bursts_that_leave_pauses_are_not_taken_for_noise():
    power = white()[2:-2]
    louder = power.copy()
    for start in range(20, louder.shape[1] - 60, 90):
        louder[:, start : start + 55] *= 1000
    assert error_db(noise_power(louder, 1e-9).mean(), power.mean()) < 4.0


def test_noise_that_grows_for_good_is_followed_within_the_window():
    power = white()[2:-2]
    half = power.shape[1] // 2
    power[:, half:] *= 10
    found = noise_power(power, 1e-9).mean(axis=0)
    assert abs(error_db(found[: half - 100].mean(), power[:, : half - 100].mean())) < 1.5
    assert abs(error_db(found[half + 100 :].mean(), power[:, half + 100 :].mean())) < 1.5


@settings(max_examples=10, deadline=None)
@given(st.floats(-6, 6), st.integers(1, 60))
def test_it_scales_with_the_power_and_holds_the_floor(exponent, frames):
    power = np.random.default_rng(0).exponential(size=(5, frames))
    plain = noise_power(power, 1e-12)
    assert plain.shape == power.shape and np.isfinite(plain).all()
    np.testing.assert_allclose(noise_power(power * 10**exponent, 10**exponent * 1e-12), plain * 10**exponent, rtol=1e-6)
    assert (noise_power(power * 0, 1e-3) == pytest.approx(1e-3, rel=50)) and (
        noise_power(power * 0, 1e-3) >= 1e-3
    ).all()


def test_both_directions_of_time_are_alike():
    power = np.random.default_rng(3).exponential(size=(5, 301))
    np.testing.assert_allclose(noise_power(power, 1e-9)[:, ::-1], noise_power(power[:, ::-1], 1e-9), rtol=1e-9)


def test_the_bias_of_the_minimum_grows_with_the_window_and_stays_below_one():
    """Table III holds the mean of a minimum relative to the mean: 0 of one value, less than 1 of many."""
    assert TABLE_M[0] == 0 and (np.diff(TABLE_M) > 0).all() and (np.diff(TABLE_D) > 0).all() and TABLE_M[-1] < 1
