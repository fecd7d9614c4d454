"""Both resamplers against ideal tones and against each other."""

from importlib import metadata

import numpy as np
import pytest
from scipy import signal

from kerasser import resampling
from kerasser.headers import probe
from kerasser.util.errors import InputError
from tests.sounds import RATE, tone

pytestmark = pytest.mark.smoke
RATES = [8000, 11025, 22050, 24000, 32000, 44100, 48000, 96000]


def with_tensorflow_io(mono, rate):
    tf = pytest.importorskip("tensorflow")
    pytest.importorskip("tensorflow_io")
    return resampling.with_tensorflow_io(tf.constant(mono), tf.constant(rate, tf.int64)).numpy()


def with_soxr(mono, rate):
    pytest.importorskip("soxr")
    return resampling.with_soxr(mono, rate)


both = pytest.mark.parametrize("resample", [with_tensorflow_io, with_soxr], ids=["tensorflow-io", "soxr"])


def fitted(samples, frequency):
    """Returns the amplitude and the delay, in samples, of a tone, by least squares over its middle."""
    middle = slice(800, -800)
    phase = 2 * np.pi * frequency * np.arange(samples.size)[middle] / RATE
    (sine, cosine), *_ = np.linalg.lstsq(np.stack([np.sin(phase), np.cos(phase)], axis=1), samples[middle], rcond=None)
    return np.hypot(sine, cosine), -np.arctan2(cosine, sine) / (2 * np.pi * frequency / RATE)


@both
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("share", [0.05, 0.4, 0.8])
def test_a_tone_keeps_level_and_place(resample, rate, share):
    frequency = share * min(rate, RATE) / 2
    found = resample(tone(rate, 0.5, frequency).astype(np.float32), rate)
    assert abs(found.size - RATE // 2) <= 1 and found.dtype == np.float32
    level, delay = fitted(found, frequency)
    assert abs(20 * np.log10(level / 0.5)) < 0.01
    # The delay of tensorflow-io's filter is a fraction of a sample at some rates, and is undone in whole ones.
    assert abs(delay) < (0.5 if resample is with_tensorflow_io else 1e-4)


@both
@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_what_16_khz_cannot_hold_is_gone(resample, rate):
    for frequency in np.linspace(8500, rate / 2 - 500, 5):
        found = resample(tone(rate, 0.5, frequency).astype(np.float32), rate)
        assert 20 * np.log10(np.sqrt(np.mean(found[800:-800] ** 2)) / np.sqrt(0.125)) < -85


@both
@pytest.mark.parametrize("rate", [8000, 44100, 44101])
@pytest.mark.parametrize("length", [800, 4411, 5003])
def test_the_length_is_rounded_up_and_the_end_is_not_lost(resample, rate, length):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, length).astype(np.float32)
    noise[-10:] = 0.5
    found = resample(noise, rate)
    # tensorflow-io's may be a sample shorter.
    assert 0 <= -(-length * RATE // rate) - found.size <= (resample is with_tensorflow_io)
    assert np.abs(found[-3:]).max() > 0.2


@pytest.mark.parametrize("rate", RATES)
def test_both_agree(rate):
    """On what lies below the edge of either's filter."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=rate))
    spectrum[np.arange(spectrum.size) > 0.4 * min(rate, RATE)] = 0
    mono = np.fft.irfft(spectrum, rate).astype(np.float32)
    mono *= 0.5 / np.abs(mono).max()
    one, other = (resample(mono, rate)[800:-800].astype(float) for resample in (with_tensorflow_io, with_soxr))
    # But for the fraction of a sample.
    lag = np.arange(one.size // 2 + 1) * 2 * np.pi / one.size
    cross = np.fft.rfft(one) * np.conj(np.fft.rfft(other))
    heard = np.abs(cross) > 1e-2 * np.abs(cross).max()
    delay = -np.polyfit(lag[heard], np.unwrap(np.angle(cross[heard])), 1)[0]
    moved = np.fft.irfft(np.fft.rfft(other) * np.exp(-1j * lag * delay), one.size)
    middle = slice(500, -500)
    assert abs(delay) < 0.55
    assert np.sqrt(np.mean((one - moved)[middle] ** 2) / np.mean(one[middle] ** 2)) < 0.02


@pytest.mark.real_audio
def test_egemaps_of_both_are_alike(real_data):
    from kerasser.audio import clip, decode
    from kerasser.features.opensmile import Egemaps

    front_end, rate = Egemaps(), 48000
    pairs = []
    for path in sorted((real_data / "EMO-DB/wav").glob("*.wav"))[::70]:
        # By zeros between its spectrum and half the rate.
        mono = signal.resample(decode(probe(path)).astype(float), probe(path).frames * rate // RATE).astype(np.float32)
        pairs.append([front_end(clip(each(mono, rate))[0]) for each in (with_tensorflow_io, with_soxr)])
    one, other = (np.concatenate(each) for each in zip(*pairs, strict=True))
    share = np.abs(one - other).mean(axis=0) / one.std(axis=0)
    # What a frame hears near 8 kHz differs, where tensorflow-io's filter begins to fall.
    assert np.median(share) < 0.1 and share.max() < 0.4
    for name in ("Loudness_sma3", "F0semitoneFrom27.5Hz_sma3nz", "spectralFlux_sma3"):
        assert share[front_end.names.index(name)] < 0.01


def test_the_package_is_known_without_an_import(monkeypatch):
    installed = {"tensorflow-io": "0.37.1", "soxr": "1.0.0"}

    def version(name):
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(resampling, "version", version)
    monkeypatch.setattr(resampling, "package", resampling.package.__wrapped__)
    assert (resampling.package(), resampling.by(44100), resampling.by(RATE)) == (
        *("tensorflow-io", "tensorflow-io 0.37.1"),
        "",
    )
    del installed["tensorflow-io"]
    assert (resampling.package(), resampling.by(44100)) == ("soxr", "soxr 1.0.0")


def test_soxr_takes_over_where_tensorflow_io_is_missing(tmp_path, monkeypatch):
    import soundfile

    from kerasser import audio

    pytest.importorskip("soxr")
    monkeypatch.setattr(resampling, "package", lambda: "soxr")
    soundfile.write(tmp_path / "a.wav", tone(44100), 44100)
    soundfile.write(tmp_path / "b.wav", tone(), RATE)
    files = [audio.probe(tmp_path / name) for name in ("a.wav", "b.wav")]
    resampled, plain = audio.waveforms(files)
    np.testing.assert_array_equal(resampled, resampling.with_soxr(audio.decode(files[0]), 44100))
    np.testing.assert_array_equal(resampled, audio.from_array(audio.decode(files[0]), 44100))
    np.testing.assert_array_equal(plain, audio.decode(files[1]))


def test_a_missing_resampler_is_one_line(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(InputError, match=r"expected tensorflow-io or soxr\. Received: .*; pip install soxr"):
        resampling.with_soxr(np.zeros(100, np.float32), 8000)
