"""The masking threshold against the slopes of the standard, and what is held below it."""

import numpy as np
import pytest
import tensorflow as tf

from kerasser.attack import masking
from kerasser.demo.speech import Prosody, draw_voice, synthesise

RATE = 16000
BIN_HZ = RATE / masking.FRAME


def tone(hz, level_db, seconds=0.5):
    """A sine at a level in dB SPL, where one of full scale has 96."""
    clock = np.arange(int(RATE * seconds)) / RATE
    return 10 ** ((level_db - masking.FULL_SCALE_DB) / 20) * np.sin(2 * np.pi * hz * clock)


def spoken(seed, seconds=1.0):
    rng = np.random.default_rng(seed)
    return synthesise(draw_voice(rng, bool(seed % 2)), Prosody(), seconds, rng)


def lines_db(waveform, start=2000):
    """The lines of one frame, as the module scales them."""
    frame = waveform[start : start + masking.FRAME]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(masking.FRAME) / masking.FRAME)
    power = np.square(np.abs(np.fft.rfft(frame * window)))
    return 10 * np.log10(np.maximum(power / (1.5 * (masking.FRAME / 4) ** 2), 1e-30)) + masking.FULL_SCALE_DB


@pytest.mark.parametrize("level", [50.0, 80.0])
def test_a_tone_masks_its_neighbours_with_the_slopes_of_the_standard(level):
    place = 32
    found = masking.frame_threshold_db(lines_db(tone(place * BIN_HZ, level)))
    hz = np.arange(masking.FRAME // 2 + 1) * BIN_HZ
    rate = 13 * np.arctan(0.00076 * hz) + 3.5 * np.arctan((hz / 7500) ** 2)
    own = level - 1.525 - 0.275 * rate[place] - 4.5
    for bins, expected in (
        # A fall of 17 dB within the first Bark above, less steep beyond, the less the louder.
        ((36,), lambda dz: own - 17 * dz),
        ((44, 56), lambda dz: own - (dz - 1) * (17 - 0.15 * level) - 17),
        # Steep below: 0.4 X + 6 dB a Bark.
        ((28,), lambda dz: own + (0.4 * level + 6) * dz),
    ):
        for each in bins:
            quiet = masking.in_quiet(hz[each])
            wanted = 10 * np.log10(10 ** (expected(rate[each] - rate[place]) / 10) + 10 ** (quiet / 10))
            assert found[each] == pytest.approx(wanted, abs=0.05)


def test_a_louder_masker_reaches_further_up():
    reach = [np.sum(masking.frame_threshold_db(lines_db(tone(1000, level))) > 20) for level in (50.0, 70.0, 90.0)]
    assert reach[0] < reach[1] < reach[2]


def test_noise_masks_more_than_a_tone_of_its_level():
    clock = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).normal(size=RATE)
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(RATE, 1 / RATE)
    spectrum[(hz < 930) | (hz > 1070)] = 0
    narrow = np.fft.irfft(spectrum)
    sine = np.sqrt(2) * np.std(narrow) * np.sin(2 * np.pi * 1000 * clock)
    scale = 0.05 / np.std(narrow)
    by_noise, by_tone = (np.median(masking.threshold(scale * each), axis=0) for each in (narrow, sine))
    band = int(np.searchsorted(masking.BAND_EDGES_HZ, 1000, side="right")) - 1
    assert by_noise[band] > by_tone[band]


def test_silence_has_the_threshold_in_quiet():
    found = masking.threshold(np.zeros(4000))
    hz = np.arange(1, masking.FRAME // 2 + 1) * BIN_HZ
    quiet = 3.64 * (hz / 1000) ** -0.8 - 6.5 * np.exp(-0.6 * (hz / 1000 - 3.3) ** 2) + 1e-3 * (hz / 1000) ** 4
    bands = np.searchsorted(masking.BAND_EDGES_HZ, hz, side="right") - 1
    wanted = [quiet[bands == band].min() for band in range(found.shape[1])]
    assert np.allclose(10 * np.log10(2 * found) + masking.FULL_SCALE_DB, wanted)


def test_what_is_played_louder_must_hide_better():
    speech = spoken(0)
    loud, soft = masking.threshold(speech, 96.0), masking.threshold(speech, 76.0)
    # Not everywhere: what is louder masks further up.
    assert np.mean(loud <= soft * (1 + 1e-9)) > 0.9 and np.median(loud / soft) < 0.8


def test_levels_are_mean_squares_at_the_same_scale():
    sine = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(8000) / RATE)
    found = masking.levels(tf.constant(sine[None], tf.float32)).numpy()[0]
    assert found.shape == masking.threshold(sine).shape
    assert np.median(found.sum(axis=1)) == pytest.approx(0.005, rel=1e-3)


@pytest.fixture(scope="module")
def projected():
    speech = np.stack([spoken(seed)[:12345] for seed in (0, 1)])
    limit = np.stack([masking.threshold(each) for each in speech])
    loud = np.random.default_rng(2).normal(size=speech.shape).astype(np.float32) * 0.05
    # A click and a hum: what leaks into neighbours in time and in frequency.
    loud[0, 6000] = 0.9
    loud[1] += 0.2 * np.sin(2 * np.pi * 300 * np.arange(speech.shape[1]) / RATE).astype(np.float32)
    return speech, limit, loud, masking.project(tf.constant(loud), limit).numpy()


def test_what_is_projected_is_nowhere_above_the_threshold(projected):
    _, limit, loud, found = projected
    assert (masking.levels(tf.constant(loud)).numpy() > limit).any()
    assert (masking.levels(tf.constant(found)).numpy() <= limit).all()


def test_it_keeps_what_it_can(projected):
    _, limit, _, found = projected
    used = masking.levels(tf.constant(found)).numpy() / limit
    assert (np.median(used, axis=(1, 2)) > 0.01).all() and (np.square(found).mean(axis=1) > 0).all()


def test_what_is_faded_is_held_below_it_too(projected):
    _, limit, _, found = projected
    faded = found * np.linspace(1, 0, found.shape[1], dtype=np.float32)
    held = masking.held(tf.constant(faded), limit).numpy()
    assert (masking.levels(tf.constant(held)).numpy() <= limit).all()
    assert (np.linalg.norm(held, axis=1) > 0.5 * np.linalg.norm(faded, axis=1)).all()


def test_projecting_again_changes_nothing(projected):
    _, limit, _, found = projected
    assert (masking.project(tf.constant(found), limit).numpy() == found).all()
