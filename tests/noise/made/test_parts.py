"""Each part of made noise is what was asked for."""

import numpy as np
import pytest
from scipy import signal, stats

from kerasser.noise import statistics
from kerasser.noise.made import Voice, babble, coloured, hum, impacts, modulated, parts, room, rumble, tones

RATE = 16000
COUNT = 10 * RATE


def rng(seed=0):
    return np.random.default_rng(seed)


def spectrum_db(waveform):
    frequency, power = signal.welch(waveform, RATE, nperseg=4096)
    return frequency, 10 * np.log10(power + 1e-20)


def peak_hz(waveform):
    """The loudest frequency, to less than 1 Hz."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(waveform.size)))
    return np.argmax(spectrum) * RATE / waveform.size


@pytest.mark.parametrize("tilt_db", [-12.0, -6.0, 0.0, 2.0])
def test_coloured_noise_has_the_tilt_that_was_asked(tilt_db):
    noise = coloured.noise(COUNT, rng(), tilt_db, [])
    assert statistics.tilt(noise) == pytest.approx(tilt_db, abs=0.3)
    assert noise.std() == pytest.approx(1.0)


def test_resonances_and_notches_are_where_and_as_high_as_was_asked():
    flat, bumps = coloured.noise(COUNT, rng(), -6.0, []), [(500.0, 0.2, 15.0), (3000.0, 0.2, -20.0)]
    frequency, before = spectrum_db(flat)
    _, after = spectrum_db(coloured.noise(COUNT, rng(), -6.0, bumps))
    change = {hz: (after - before)[np.argmin(np.abs(frequency - hz))] for hz in (500, 3000, 7000)}
    # Of the same noise, but for its level.
    assert change[500] - change[7000] == pytest.approx(15.0, abs=0.5)
    assert change[3000] - change[7000] == pytest.approx(-20.0, abs=1.0)


def test_noise_is_gaussian_and_has_nothing_below_hearing():
    noise = coloured.noise(COUNT, rng(), -12.0, [])
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    assert spectrum[: 15 * COUNT // RATE].sum() < 0.01 * spectrum.sum()
    assert statistics.kurtosis(parts.tilted(COUNT, rng(), 0.0)) == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("rate_hz", [4.0, 12.0, 30.0])
@pytest.mark.parametrize("sharpness", [1.0, 4.0])
def test_a_machine_beats_at_the_rate_that_was_asked(rate_hz, sharpness):
    noise = rng().standard_normal(COUNT) * modulated.beating(COUNT, rng(), rate_hz, 20.0, sharpness)
    frequency, power = statistics.modulation_spectrum(noise)
    audible = frequency >= 1
    assert frequency[audible][np.argmax(power[audible])] == pytest.approx(rate_hz, abs=0.3)


def test_a_beat_is_as_deep_as_was_asked():
    gain = modulated.beating(COUNT, rng(), 5.0, 12.0)
    assert 20 * np.log10(gain.max() / gain.min()) == pytest.approx(12.0, abs=0.01)
    assert gain.max() <= 1.0


def test_noise_that_swings_as_speech_does_so_around_its_rate():
    noise = rng().standard_normal(COUNT) * modulated.speaking(COUNT, rng(1), 4.0, 6.0)
    still = rng().standard_normal(COUNT)
    assert statistics.modulation_share(noise, 2.0, 8.0) > 0.7 > 3 * statistics.modulation_share(still, 2.0, 8.0)
    gain_db = 20 * np.log10(modulated.speaking(COUNT, rng(1), 4.0, 6.0))
    assert gain_db.std() == pytest.approx(6.0, rel=0.15)


@pytest.mark.parametrize("number", [2, 5, 8])
def test_babble_holds_as_many_voices_as_was_asked(number):
    """Voices that sing one note each, far enough apart for every speed at which they may be played."""
    clock = np.arange(RATE) / RATE
    notes = [150 * 1.5**place for place in range(8)]
    voices = [Voice(f"s{place}", np.sin(2 * np.pi * hz * clock).astype(np.float32)) for place, hz in enumerate(notes)]
    heard, facts = babble.babble(4 * RATE, rng(), voices, number)
    frequency, power = signal.welch(heard, RATE, nperseg=8192)
    edges = [150 * 1.5 ** (place - 0.5) for place in range(9)]
    loudest = [power[(frequency >= a) & (frequency < b)].max() for a, b in zip(edges, edges[1:], strict=False)]
    present = {f"s{place}" for place, each in enumerate(loudest) if each > 1e-3 * max(loudest)}
    assert facts["voices"] == number == len(present)
    assert set(facts["speakers"]) == present


def test_one_speaker_babbles_with_more_voices_than_one():
    voices = [Voice("a", rng(place).standard_normal(RATE)) for place in range(3)]
    _, facts = babble.babble(2 * RATE, rng(), voices, 30)
    assert facts == {"voices": 30, "speakers": ["a"]}


def test_a_voice_is_heard_forwards_and_backwards():
    chirp = signal.chirp(np.arange(RATE // 2) / RATE, 200, 0.5, 3000)
    one = babble.track(12 * RATE, rng(), [chirp])
    found = [np.abs(signal.correlate(one, parts.unit(each), "valid")).max() for each in (chirp, chirp[::-1])]
    assert min(found) > 0.95 * chirp.size


def test_a_voice_at_another_speed_has_another_pitch():
    note = np.sin(2 * np.pi * 400 * np.arange(2 * RATE) / RATE)
    for speed in (17, 23):
        assert peak_hz(babble.track(2 * RATE, rng(), [note], speed)) == pytest.approx(20 * speed, abs=3)


def test_more_voices_sound_more_like_noise():
    voices = [Voice(f"{place}", rng(place).laplace(size=RATE) * np.hanning(RATE)) for place in range(30)]
    few, many = (statistics.kurtosis(babble.babble(COUNT, rng(), voices, number)[0]) for number in (2, 30))
    assert few > many + 1 > 4 - 0.5


def test_hum_has_its_harmonics_and_no_others():
    hummed = hum.harmonics(COUNT, rng(), 100.0, [0.0, -6.0, -12.0], 0.0, 1.0)
    spectrum = 20 * np.log10(np.abs(np.fft.rfft(hummed)) + 1e-9)
    level = {hz: spectrum[hz * COUNT // RATE] - spectrum[100 * COUNT // RATE] for hz in (150, 200, 300, 400)}
    assert level[200] == pytest.approx(-6.0, abs=0.01) and level[300] == pytest.approx(-12.0, abs=0.01)
    assert level[150] < -60 and level[400] < -60


def test_hum_drifts_within_its_bound():
    pure = hum.harmonics(COUNT, rng(), 200.0, [0.0], 0.01, 1.0)
    phase = np.unwrap(np.angle(signal.hilbert(pure)))
    pitch = np.diff(phase)[RATE:-RATE] * RATE / (2 * np.pi)
    assert 200 * 0.97 - 0.5 < pitch.min() < 199 and 201 < pitch.max() < 200 * 1.03 + 0.5


def test_harmonics_that_are_too_high_are_left_out():
    hummed = hum.harmonics(RATE, rng(), 3000.0, [0.0] * 10, 0.0, 1.0)
    frequency, level = spectrum_db(hummed)
    assert hummed.std() == pytest.approx(1.0, rel=0.01)
    assert np.all(level[np.abs(frequency % 3000 - 1500) < 1000] < level.max() - 60)


def test_impacts_come_as_often_as_was_asked_and_die_away():
    clattered = impacts.clatter(60 * RATE, rng(), 2.0, (800.0, 4000.0), 0.01, 0.0)
    assert statistics.kurtosis(clattered) > 20
    level = statistics.envelope(clattered)
    # Impacts of energy 1 each.
    assert np.sum(clattered**2) == pytest.approx(120, rel=0.25)
    assert 60 <= np.sum((level[1:] > 0.02) & (level[:-1] <= 0.02)) <= 150


def test_fewer_impacts_have_the_higher_kurtosis():
    found = [statistics.kurtosis(impacts.clatter(COUNT, rng(), each, (800, 4000), 0.01, 0.0)) for each in (1, 10, 100)]
    assert found[0] > found[1] > found[2] > 3


def test_an_impact_rings_between_its_frequencies():
    one = impacts.impact(rng(), 1000.0, 2000.0, 0.1)
    assert np.sum(one**2) == pytest.approx(1.0)
    frequency, level = spectrum_db(one)
    assert 950 < frequency[np.argmax(level)] < 2050
    assert np.sum(one[4 * one.size // 5 :] ** 2) < 1e-3


@pytest.mark.parametrize("rt60_s", [0.2, 0.6, 1.5])
def test_a_room_decays_as_was_asked(rt60_s):
    """Schroeder's integral of the tail falls by 60 dB in the decay time."""
    tail = room.response(rt60_s, 0.0, rng())[1:]
    left_db = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))
    start, end = np.argmax(left_db < -5), np.argmax(left_db < -25)
    assert 3 * (end - start) / RATE == pytest.approx(rt60_s, rel=0.1)


def test_high_frequencies_decay_sooner_and_the_direct_sound_is_as_strong_as_was_asked():
    heard = room.response(1.0, 6.0, rng(), high_share=0.3, delay_s=0.01)
    assert heard[0] == 1.0 and np.all(heard[1:160] == 0.0)
    assert 10 * np.log10(1 / np.sum(heard[1:] ** 2)) == pytest.approx(6.0)
    early, late = (spectrum_db(heard[160 + a : 160 + a + 4096]) for a in (0, 6400))
    above = [level[frequency > 3000].mean() - level[frequency < 1000].mean() for frequency, level in (early, late)]
    assert above[1] < above[0] - 10


def test_what_passes_swells_and_goes():
    gain = rumble.passing(60 * RATE, rng(), 0.1, 1.0)
    assert 0.3 < gain.max() and gain.min() < 0.01
    peaks, _ = signal.find_peaks(gain)
    assert 1 <= peaks.size <= 15


def test_a_note_has_its_pitch_and_glides_as_far_as_was_asked():
    assert peak_hz(tones.note(440.0, 1.0, [0.0, -20.0], fade=0.0)) == pytest.approx(440, abs=2)
    glided = tones.note(440.0, 1.0, [0.0], glide=12.0, fade=0.0)
    assert peak_hz(glided[-RATE // 8 :]) == pytest.approx(880 * 2 ** (-1 / 16), abs=16)


def test_a_tune_keeps_to_its_scale():
    played = tones.tune(COUNT, rng(), 0.5, 220.0, 1)
    clock = range(0, COUNT - RATE // 2, RATE // 2)
    semitones = [12 * np.log2(peak_hz(played[a : a + RATE // 2]) / 220) for a in clock if np.ptp(played[a : a + 4000])]
    assert np.allclose(semitones, np.round(semitones), atol=0.25)
    assert len(set(np.round(semitones))) > 2


def test_statistics_are_those_of_the_definitions():
    noise = rng().laplace(size=COUNT)
    assert statistics.kurtosis(noise) == pytest.approx(stats.kurtosis(noise, fisher=False))
    measured = statistics.of(noise)
    assert measured.kurtosis == pytest.approx(6.0, abs=0.2)
    assert measured.tilt_db == pytest.approx(0.0, abs=0.2)
    level = statistics.envelope(noise)
    assert measured.modulation_depth == pytest.approx(level.std() / level.mean())
    # A flat spectrum of the envelope: 14 of the 39.5 Hz.
    assert measured.modulation_share == pytest.approx(14.25 / 39.75, abs=0.04)
