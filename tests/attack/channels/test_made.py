"""What single channels do, against closed forms and formulas of their standards."""

import numpy as np
import pytest
from scipy import signal

from kerasser.attack import channels
from kerasser.attack.channels import Options, telephone
from kerasser.attack.channels.coding import round_trip

RATE = 16000


def passed(name, level, speech):
    return channels.get(name).apply(speech, level, np.random.default_rng(0), Options()).waveform


def tone(hz, seconds=1.0, amplitude=0.2, rate=RATE):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def level_db(waveform):
    middle = waveform[waveform.size // 4 : -waveform.size // 4].astype(np.float64)
    return 10 * np.log10(np.mean(middle**2) + 1e-30)


def speech_like(seconds=2.0):
    """Noise with the long-term slope and the syllables of speech."""
    generator = np.random.default_rng(7)
    shaped = signal.sosfilt(
        signal.butter(2, [200, 2500], "bandpass", fs=RATE, output="sos"), generator.normal(size=int(seconds * RATE))
    )
    syllables = np.repeat(generator.uniform(0, 1, int(seconds * 10)), RATE // 10)
    return (0.15 * shaped * syllables).astype(np.float32)


def delay(heard, before):
    """Samples by which sound is late, by cross-correlation."""
    found = signal.correlate(heard.astype(np.float64), before.astype(np.float64), "full", "fft")
    return int(np.argmax(found)) - (before.size - 1)


@pytest.mark.parametrize(
    ("hz", "low", "high"),
    [(150, None, -40), (300, -7, -5), (400, -0.5, 0.5), (1000, -0.5, 0.5), (3200, -0.5, 0.5), (3400, -7, -5)]
    + [(3700, None, -40), (5000, None, -40), (7000, None, -40)],
)
def test_the_telephone_passes_its_band_alone(hz, low, high):
    gain = level_db(passed("telephone", 3400.0, tone(hz))) - level_db(tone(hz))
    assert gain < high and (low is None or gain > low)


def mu_law(x):
    """G.711: eight chords of sixteen steps over 14 bits, each twice as wide as the one before, as Table 2 has them."""
    magnitude = np.minimum(np.abs(np.round(x * 8192)), 8158) + 33
    chord = np.floor(np.log2(magnitude)).astype(int) - 5
    step = np.floor(magnitude / 2.0 ** (chord + 1)).astype(int) - 16
    return np.sign(x) * ((2 * step + 33) * 2.0**chord - 33) / 8192


def test_the_code_is_that_of_g711():
    speech = 0.6 * np.random.default_rng(0).uniform(-1, 1, 8000)
    coded = round_trip(speech, 8000, format="RAW", subtype="ULAW")
    # On the border of two steps either is right: half of the widest step, that of the highest chord, is the most.
    assert np.mean(np.abs(coded - mu_law(speech)) < 1e-6) > 0.98
    assert np.max(np.abs(coded - speech)) <= 128.5 / 8192
    sine = 0.5 * np.sin(2 * np.pi * 1019.7 * np.arange(8000) / 8000)
    for coded in (round_trip(sine, 8000, format="RAW", subtype="ULAW"), mu_law(sine)):
        assert 10 * np.log10(np.mean(sine**2) / np.mean((coded - sine) ** 2)) == pytest.approx(37.5, abs=1.5)


@pytest.mark.parametrize("name", ["telephone", "mp3", "opus"])
def test_speech_stays_where_it_was(name):
    speech = speech_like()
    for level in channels.get(name).choices or channels.get(name).levels:
        heard = passed(name, level, speech)
        assert delay(heard, speech) == 0, level
        assert abs(level_db(heard) - level_db(speech)) < 6


@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_a_lower_rate_loses_more(name):
    speech = speech_like()
    lost = [np.mean((passed(name, level, speech) - speech) ** 2) for level in channels.get(name).levels]
    assert lost == sorted(lost) and lost[0] < 0.2 * np.mean(speech**2)


@pytest.mark.parametrize("rate", [16.0, 32.0, 64.0, 128.0])
def test_an_mp3_has_the_rate_that_was_asked_for(rate, monkeypatch):
    sizes = []
    write = channels.coding.soundfile.write

    def measured(file, *arguments, **options):
        write(file, *arguments, **options)
        sizes.append(file.tell())

    monkeypatch.setattr(channels.coding.soundfile, "write", measured)
    passed("mp3", rate, speech_like(4.0))
    # Frames of 36 ms, of which there is a whole number, and one more.
    assert 8 * sizes[0] / 4.0 / 1000 == pytest.approx(rate, rel=0.05)


def test_gain_is_exact():
    speech = speech_like()
    for level in (-10.0, 6.0):
        np.testing.assert_allclose(passed("gain", level, speech), speech.astype(float) * 10 ** (level / 20), rtol=1e-12)


@pytest.mark.parametrize("share", [1.0, 5.0, 20.0])
def test_so_many_samples_are_cut_and_no_other_moves(share):
    speech = speech_like()
    heard = passed("clipping", share, speech)
    moved = heard != speech
    assert 100 * np.mean(moved) == pytest.approx(share, abs=0.02)
    height = np.abs(heard).max()
    assert np.allclose(np.abs(heard[moved]), height) and np.abs(speech[~moved]).max() <= height
    np.testing.assert_array_equal(np.sign(heard), np.sign(speech))


def test_the_telephone_is_late_by_nothing_whatever_its_band():
    click = np.zeros(800)
    click[400] = 1.0
    for edge in (2000.0, 3400.0):
        assert int(np.argmax(np.abs(telephone.band(click, edge)))) == 400
