"""The active speech level against closed forms, a sample-by-sample reference and real recordings."""

import numpy as np
import pytest
from scipy.optimize import brentq

from kerasser import audio
from kerasser.attack.budget import SNR, Epsilon
from kerasser.attack.generation import Plan, adversarial_examples, replay
from kerasser.attack.speech_level import HANGOVER_S, MARGIN_DB, SMOOTHING_S, active_level, speech_power
from kerasser.noise.bank import Recording

RATE = 16000


def decibels(power):
    return 10 * np.log10(power)


def tone(seconds, amplitude=0.3):
    return amplitude * np.sin(2 * np.pi * 1000 * np.arange(int(seconds * RATE)) / RATE)


def gated(bursts, on_s, off_s, amplitude=0.3):
    return np.tile(np.concatenate([tone(on_s, amplitude), np.zeros(int(off_s * RATE))]), bursts)


def expected_level(on_s, amplitude=0.3):
    """The level of a gated tone, solved for the threshold that lies 15.9 dB below it.

    The envelope of a tone of mean magnitude m rises as m · (1 − (1 + t/T) · e^(−t/T)) and falls as
    m · (1 + t/T) · e^(−t/T); a burst is active from when it rises beyond the threshold until 0.2 s after it falls
    below.
    """
    mean = amplitude * 2 / np.pi

    def level(threshold):
        share = threshold / mean
        rising, falling = (
            brentq(lambda u, part=part: (1 + u) * np.exp(-u) - part, 0, 60) for part in (1 - share, share)
        )
        active = on_s - SMOOTHING_S * rising + SMOOTHING_S * falling + HANGOVER_S
        return decibels(amplitude**2 / 2 * on_s / active)

    threshold = brentq(lambda c: level(c) - 20 * np.log10(c) - MARGIN_DB, 1e-6, mean * 0.999)
    return level(threshold)


@pytest.mark.parametrize(("on_s", "off_s"), [(1.0, 1.0), (1.0, 4.0), (0.5, 1.5), (3.0, 2.0)])
@pytest.mark.parametrize("amplitude", [0.9, 0.03])
def test_the_level_of_a_gated_tone_is_that_of_the_closed_form(on_s, off_s, amplitude):
    waveform = gated(6, on_s, off_s, amplitude)
    found = active_level(waveform)
    # Between thresholds 6 dB apart the level is interpolated.
    assert decibels(found.power) == pytest.approx(expected_level(on_s, amplitude), abs=0.03)
    assert found.activity == pytest.approx(np.var(waveform) / found.power, rel=1e-9)


def test_longer_pauses_lower_the_level_of_the_whole_and_not_that_of_the_speech():
    short, long = gated(5, 1.0, 1.0), gated(5, 1.0, 5.0)
    assert decibels(np.var(short) / np.var(long)) == pytest.approx(decibels(3), abs=0.01)
    assert decibels(active_level(short).power) == pytest.approx(decibels(active_level(long).power), abs=0.01)


def test_without_pauses_it_is_the_level_of_the_whole():
    noise = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE)
    found = active_level(noise)
    assert decibels(found.power) == pytest.approx(decibels(np.var(noise)), abs=0.05)
    assert found.activity == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("gain", [2.0, 0.25, 2.0**-9])
def test_louder_by_a_power_of_two_is_louder_by_as_much(gain):
    waveform = gated(3, 1.0, 1.0, 0.2)
    ratio = active_level(gain * waveform).power / active_level(waveform).power
    assert ratio == pytest.approx(gain**2, rel=1e-9)


def test_an_offset_is_no_speech():
    waveform = gated(3, 1.0, 2.0)
    assert active_level(waveform + 0.2).power == pytest.approx(active_level(waveform).power, rel=1e-6)


@pytest.mark.parametrize("waveform", [np.zeros(4000), np.full(4000, 0.25)])
def test_silence_has_no_level(waveform):
    assert active_level(waveform) == (0.0, 0.0)


def test_a_click_and_what_is_fainter_than_every_threshold_have_one_nonetheless():
    click = np.zeros(RATE)
    click[500] = 1.0
    assert np.var(click) < active_level(click).power < 1 / (HANGOVER_S * RATE)
    faint = 1e-9 * np.random.default_rng(0).standard_normal(RATE)
    assert active_level(faint) == (pytest.approx(np.var(faint)), 1.0)


def by_the_flow_chart(waveform):
    """P.56 method B as its flow chart has it, sample by sample, with the 15 thresholds of 16 bits."""
    decay, hangover = np.exp(-1 / (RATE * SMOOTHING_S)), int(np.ceil(HANGOVER_S * RATE))
    thresholds = [2.0**power for power in range(-15, 0)]
    counts, hung, first, second, energy = [0] * 15, [hangover] * 15, 0.0, 0.0, 0.0
    for sample in (waveform - np.mean(waveform)).tolist():
        energy += sample * sample
        first = decay * first + (1 - decay) * abs(sample)
        second = decay * second + (1 - decay) * first
        for number, threshold in enumerate(thresholds):
            if second >= threshold:
                counts[number], hung[number] = counts[number] + 1, 0
            elif hung[number] < hangover:
                counts[number], hung[number] = counts[number] + 1, hung[number] + 1
            else:
                break
    levels = [decibels(energy / count) for count in counts if count]
    above = [level - 20 * np.log10(threshold) for level, threshold in zip(levels, thresholds, strict=False)]
    for number in range(1, len(levels)):
        if above[number] <= MARGIN_DB:
            share = (above[number - 1] - MARGIN_DB) / (above[number - 1] - above[number])
            return levels[number - 1] + share * (levels[number] - levels[number - 1])
    raise AssertionError("no threshold lies near enough")


@pytest.mark.real_audio
@pytest.mark.parametrize("name", ["03a01Fa", "16b10Td", "08a05Wa"])
def test_real_speech_has_the_level_of_the_flow_chart(real_data, name):
    (waveform,) = audio.waveforms([audio.probe(real_data / f"EMO-DB/wav/{name}.wav")])
    found = active_level(waveform)
    assert decibels(found.power) == pytest.approx(by_the_flow_chart(waveform.astype(float)), abs=1e-6)
    assert 0.5 < found.activity < 1
    # Pauses around speech lower the level of the whole, and leave that of the speech: the recommendation's purpose.
    padded = np.concatenate([np.zeros(2 * RATE), waveform, np.zeros(2 * RATE)])
    assert decibels(active_level(padded).power) == pytest.approx(decibels(found.power), abs=0.3)
    assert decibels(np.var(padded)) < decibels(np.var(waveform)) - 2


def test_an_snr_budget_may_be_measured_against_active_speech():
    waveform = (gated(2, 1.0, 2.0, 0.1) + 1e-4 * np.random.default_rng(1).standard_normal(6 * RATE)).astype(np.float32)
    recording = (0.05 * np.random.default_rng(2).standard_normal(8 * RATE)).astype(np.float32)
    noise = {"cafe": [Recording("cafe", "a", recording)]}
    made = {}
    for level in ("utterance", "active"):
        plan = Plan(noise, "test", [SNR(10), Epsilon(1)], 1, "lsa", 0, speech_level=level)
        made[level] = adversarial_examples(waveform, "u", plan, lambda heard, _: heard, "u")
    for (heard, facts), (_, other) in zip(made["active"], made["utterance"], strict=True):
        power = speech_power(waveform, "active")
        added = heard.astype(float) - waveform
        assert facts["snr_db"] == pytest.approx(decibels(power / np.mean(added**2)), abs=1e-5)
        assert facts["speech_level"] == "active" and other["speech_level"] == "utterance"
        np.testing.assert_array_equal(replay(waveform, recording, facts), heard)
    assert made["active"][0][1]["snr_db"] == pytest.approx(10, abs=1e-3)
    # More noise where pauses do not count, and as much under an ε, which knows no speech.
    assert made["active"][0][1]["epsilon"] > 1.4 * made["utterance"][0][1]["epsilon"]
    np.testing.assert_array_equal(made["active"][1][0], made["utterance"][1][0])


def test_the_constants_are_those_of_the_recommendation():
    # ITU-T P.56, method B.
    assert (SMOOTHING_S, HANGOVER_S, MARGIN_DB) == (0.03, 0.2, 15.9)
