"""The three synthetic environments sound as described, and the same for a seed."""

import numpy as np
import pytest
from scipy import signal

from kerasser.demo.noise import ENVIRONMENTS, synthesise
from kerasser.util.errors import InputError

RATE = 16000
DURATION_S = 30


@pytest.fixture(scope="module")
def noises():
    return {environment: synthesise(environment, DURATION_S, 1) for environment in ENVIRONMENTS}


def share(wave: np.ndarray, low_hz: float, high_hz: float) -> float:
    frequency, density = signal.welch(wave, RATE, nperseg=2048)
    return float(density[(frequency >= low_hz) & (frequency < high_hz)].sum() / density.sum())


def envelope(wave: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Amplitude of a band, 100 a second, of mean one."""
    band = signal.sosfilt(signal.butter(4, (low_hz, high_hz), "bandpass", fs=RATE, output="sos"), wave)
    frames = band[: len(band) // 160 * 160].reshape(-1, 160)
    rms = np.sqrt(np.mean(frames**2, axis=1))
    return rms / rms.mean()


def modulation(wave: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Power of the envelope of the speech band between two modulation frequencies."""
    frequency, density = signal.welch(envelope(wave, 300, 3000), 100, nperseg=256)
    inside = (frequency >= low_hz) & (frequency < high_hz)
    return float(density[inside].sum() * (frequency[1] - frequency[0]))


def stationary_twin(wave: np.ndarray) -> np.ndarray:
    """Noise of the same spectrum whose phases are random."""
    spectrum = np.fft.rfft(wave)
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, len(spectrum))
    return np.fft.irfft(np.abs(spectrum) * np.exp(1j * phase), len(wave))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_same_seed_same_samples(environment):
    first, again, other = (synthesise(environment, 2.0, seed) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert np.abs(np.corrcoef(first, other)[0, 1]) < 0.5


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_level_and_form(environment, noises):
    wave = noises[environment]
    assert wave.dtype == np.float32 and wave.shape == (DURATION_S * RATE,)
    assert 0.05 < np.sqrt(np.mean(wave**2)) < 0.1
    assert np.abs(wave).max() < 0.9
    assert abs(wave.mean()) < 0.01


def test_environments_differ(noises):
    assert len({wave.tobytes() for wave in noises.values()}) == 3


def test_station_rumbles_and_the_others_do_not(noises):
    assert share(noises["station"], 0, 200) > 0.5
    assert share(noises["cafe"], 0, 200) < 0.4
    assert share(noises["meeting"], 0, 200) < 0.4


def test_people_talk_in_the_cafe_and_the_meeting(noises):
    for environment in ("cafe", "meeting"):
        wave = noises[environment]
        assert share(wave, 200, 3500) > 0.5
        assert modulation(wave, 2, 8) > 2 * modulation(stationary_twin(wave), 2, 8)


def test_three_voices_in_turn_leave_deeper_gaps_than_ten_at_once(noises):
    def depth(wave):
        quiet, loud = np.percentile(envelope(wave, 300, 3000), [10, 90])
        return 20 * np.log10(loud / quiet)

    assert depth(noises["meeting"]) > depth(noises["cafe"]) + 3


def test_cups_clatter_in_the_cafe(noises):
    def kurtosis(wave):
        top = signal.sosfilt(signal.butter(4, 4500, "highpass", fs=RATE, output="sos"), wave)
        return np.mean(top**4) / np.mean(top**2) ** 2

    assert kurtosis(noises["cafe"]) > 2 * kurtosis(stationary_twin(noises["cafe"]))


def test_trains_swell_slowly(noises):
    def swell_db(wave):
        seconds = wave.reshape(-1, 2 * RATE)
        return np.ptp(10 * np.log10(np.mean(seconds**2, axis=1)))

    assert swell_db(noises["station"]) > 3 > swell_db(stationary_twin(noises["station"]))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_shortest_stretch_is_made(environment):
    wave = synthesise(environment, 0.1, 0)
    assert wave.shape == (1600,) and np.isfinite(wave).all() and np.abs(wave).max() > 0


def test_unknown_environment_and_no_duration_are_refused():
    with pytest.raises(InputError, match="cafe, meeting, station.*'kitchen'"):
        synthesise("kitchen", 1.0, 0)
    for duration_s in (0.05, -1.0, float("nan")):
        with pytest.raises(InputError, match="at least 0.1"):
            synthesise("cafe", duration_s, 0)
