"""The synthesiser gives the pitch, the formants and the tilt that it was asked for."""

import numpy as np
import pytest
from scipy import signal

from kerasser.demo.speech import Prosody, Score, Voice, draw_voice, plan, render, synthesise

RATE = 16000
VOWEL_HZ = (600.0, 1700.0, 2600.0)


def vowel(f0_hz: float, voice: Voice, prosody: Prosody | None = None, formants=VOWEL_HZ, seed: int = 0) -> np.ndarray:
    """One second of a steady vowel, without its fades."""
    two = np.ones(2)
    score = Score(np.array([0.0, 1.0]), f0_hz * two, two, 0 * two, 3000 * two, np.outer(two, formants))
    return render(score, voice, prosody or Prosody(), 1.0, np.random.default_rng(seed))[1600:-1600]


def measured_f0(wave: np.ndarray) -> float:
    """The highest peak of the autocorrelation between 60 and 500 Hz, to a fraction of a sample."""
    ac = signal.correlate(wave, wave, method="fft")[len(wave) - 1 :]
    lag = np.arange(RATE // 500, RATE // 60)
    best = int(lag[np.argmax(ac[lag])])
    left, mid, right = ac[best - 1 : best + 2]
    return RATE / (best + 0.5 * (left - right) / (left - 2 * mid + right))


def power(wave: np.ndarray, low_hz: float, high_hz: float) -> float:
    frequency, density = signal.welch(wave, RATE, nperseg=1024)
    return float(density[(frequency >= low_hz) & (frequency < high_hz)].sum())


@pytest.mark.parametrize("f0_hz", [90.0, 140.0, 223.0, 310.0])
def test_pitch_is_the_requested_one(f0_hz):
    assert measured_f0(vowel(f0_hz, Voice(f0_hz=f0_hz))) == pytest.approx(f0_hz, rel=0.02)


@pytest.mark.parametrize("formants", [(350.0, 2250.0, 3000.0), (750.0, 1300.0, 2550.0)])
def test_spectrum_peaks_at_the_formants(formants):
    # Breath excites every frequency, where harmonics at 120 Hz would blur the peaks.
    wave = vowel(120.0, Voice(breath_db=30.0), formants=formants)
    frequency, density = signal.welch(wave, RATE, nperseg=512)
    for formant in formants[:2]:
        near = np.abs(frequency - formant) < 350
        assert frequency[near][np.argmax(density[near])] == pytest.approx(formant, abs=80)


def test_tilt_takes_from_the_top():
    shares = []
    for tilt_db in (0.0, 10.0):
        wave = vowel(120.0, Voice(tilt_db=4.0, breath_db=-60.0), Prosody(tilt_db=tilt_db))
        shares.append(10 * np.log10(power(wave, 2300, 3700) / power(wave, 80, 300)))
    assert 5.0 < shares[0] - shares[1] < 13.0


def test_level_is_the_requested_one():
    rms = [np.sqrt(np.mean(vowel(120.0, Voice(), Prosody(level_db=level)) ** 2)) for level in (0.0, 6.0)]
    assert 20 * np.log10(rms[0]) == pytest.approx(-26.0, abs=0.5)
    assert 20 * np.log10(rms[1] / rms[0]) == pytest.approx(6.0, abs=0.2)


def periodicity(wave: np.ndarray) -> float:
    ac = signal.correlate(wave, wave, method="fft")[len(wave) - 1 :]
    return float(ac[RATE // 200 : RATE // 90].max() / ac[0])


def test_breath_and_roughness_disturb_periodicity():
    clear = periodicity(vowel(120.0, Voice(breath_db=-40.0, jitter=0.002, shimmer=0.0)))
    assert clear > 0.97
    assert periodicity(vowel(120.0, Voice(breath_db=-5.0, jitter=0.002, shimmer=0.0))) < clear - 0.05
    assert periodicity(vowel(120.0, Voice(breath_db=-40.0, jitter=0.002), Prosody(roughness_log2=4.0))) < clear - 0.05


def test_plan_follows_pitch_rate_and_pauses():
    voice = Voice(f0_hz=150.0)

    def scores(prosody):
        return [plan(voice, prosody, 3.0, np.random.default_rng(seed)) for seed in range(12)]

    def silence(score):
        return np.mean(np.interp(np.arange(0, 3, 0.005), score.times_s, score.voicing + score.friction) < 0.01)

    neutral = scores(Prosody())
    raised = scores(Prosody(f0_semitones=12.0))
    assert np.mean([s.f0_hz.mean() for s in neutral]) == pytest.approx(150.0, rel=0.05)
    assert np.mean([s.f0_hz.mean() for s in raised]) == pytest.approx(300.0, rel=0.05)
    fast = scores(Prosody(rate_log2=0.5))
    assert np.mean([len(s.times_s) for s in fast]) > 1.2 * np.mean([len(s.times_s) for s in neutral])
    halting = scores(Prosody(pause_share=0.25))
    assert np.mean([silence(s) for s in halting]) > np.mean([silence(s) for s in neutral]) + 0.1
    assert all(s.times_s[0] >= 0 and s.times_s[-1] <= 3.0 + 1e-9 and (np.diff(s.times_s) >= 0).all() for s in neutral)


def test_prosody_scales_and_adds():
    anger = Prosody(f0_semitones=4.0, tilt_db=-6.0)
    assert anger.scaled(0.5) == Prosody(f0_semitones=2.0, tilt_db=-3.0)
    assert anger.plus(Prosody(tilt_db=1.0, level_db=2.0)) == Prosody(f0_semitones=4.0, tilt_db=-5.0, level_db=2.0)


def test_speech_is_finite_reproducible_and_as_long_as_asked():
    voice = draw_voice(np.random.default_rng(1), female=True)
    first, again, other = (synthesise(voice, Prosody(), 1.234, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.dtype == np.float32 and first.shape == (round(1.234 * RATE),)
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("duration_s", [0.1, 0.25])
def test_shortest_speech_is_made(duration_s):
    wave = synthesise(Voice(), Prosody(pause_share=0.5), duration_s, np.random.default_rng(0))
    assert len(wave) == round(duration_s * RATE)
    assert np.isfinite(wave).all() and np.abs(wave).max() > 0
