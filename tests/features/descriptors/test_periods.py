"""Jitter and shimmer, against a walk written out one period after the other, and opensmile on real speech."""

import math

import numpy as np
import pytest
import tensorflow as tf

from kerasser import audio, corpora
from kerasser.features.descriptors import framing, periods, pitch
from tests.features import checkpoint

RATE = 16000


def correlation(x, y):
    """Pearson's, 0 where either is constant."""
    x, y = x - x.mean(), y - y.mean()
    spread = (x @ x) * (y @ y)
    return x @ y / math.sqrt(spread) if spread > 0 else 0.0


def best_lag(x, at, low, high):
    """Returns the number of the chosen lag, its height and offset, or nothing where there is no maximum."""
    lags = range(low, high + 1)
    heights = [correlation(x[at : at + lag], x[at + lag : at + 2 * lag]) for lag in lags]
    inner = range(1, high - low - 1)
    tops = [i for i in inner if heights[i] > heights[i - 1] and heights[i] > heights[i + 1]]
    if not tops:
        return None
    i = max(tops, key=lambda number: heights[number])
    y0, y1, y2 = heights[i - 1 : i + 2]
    curvature = y0 - 2 * y1 + y2
    offset = (y0 - y2) / (2 * curvature) if curvature else 0.0
    return i, y1 - (y0 - y2) * offset / 4, offset


def peak_to_peak(x):
    return np.float32(x.max() - x.min())


def one_by_one(x, f0):
    """Returns jitter and shimmer of one utterance: float64 `[frames]` each."""
    exact = x.astype(np.float64)
    left, last, held_jitter, held_amplitude = 0, 0.0, 0.0, 0.0
    jitter, shimmer = np.zeros(len(f0)), np.zeros(len(f0))
    for t, hz in enumerate(f0):
        if hz == 0:
            left, last, held_jitter, held_amplitude = 0, 0.0, 0.0, 0.0
            continue
        period = RATE / float(hz)
        low, high, at = math.floor(0.9 * period), math.ceil(1.1 * period), 160 * t - left
        size = 160 + left
        wanted = min(max(size, 2 * high + 2), left + 960)
        s = done = 0
        lengths, differences, means, amplitude_differences = [], [], [], []
        while True:
            found = best_lag(exact, at + s, low, high)
            if found is None:
                s += math.floor(period + 0.5)
            else:
                i, height, offset = found
                pp = low + i
                first = peak_to_peak(x[at + s + 1 : at + s + pp - 1])
                second = peak_to_peak(x[at + s + pp + 1 : at + s + 2 * pp - 1])
                s += pp
                if height > 0.5:
                    length = np.float32((pp + offset) / RATE)
                    if last > 0:
                        differences.append(abs(float(last) - float(length)))
                    lengths.append(float(length))
                    last = length
                    means.append(float(first + second) / 2)
                    amplitude_differences.append(float(abs(first - second)))
            if s < size - 1:
                done = s
            if not s < wanted - 2 * high - 1:
                break
        left = size - done
        if lengths:
            if differences:
                held_jitter = min(1.0, np.mean(differences) / np.mean(lengths))
            held_amplitude = min(1.0, sum(amplitude_differences) / sum(means)) if sum(means) else 0.0
        jitter[t] = 0.0 if lengths and not differences else held_jitter
        shimmer[t] = 20 * math.log10(1 + held_amplitude)
    return jitter, shimmer


def read(samples):
    """Returns samples as they are read from 16 bits, float32."""
    return (np.trunc(32768.0 * samples) / 32767).astype(np.float32)


def glide(generator, frames):
    """Returns a voice of wandering pitch in stretches, float32 samples, and its pitch, float32 `[frames]`."""
    size = 160 * (frames - 1) + 960
    octaves = np.interp(np.arange(size), np.linspace(0, size, 9), generator.uniform(np.log2(56), np.log2(900), 9))
    hz = 2**octaves
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    sound = sum(np.sin(k * phase + k) * (k * hz < 7000) / k for k in range(1, 12))
    sound = sound + 0.2 * generator.standard_normal(size)
    f0 = hz[160 * np.arange(frames) + 480] * generator.choice([1.0, 1.0, 1.03, 0.95], frames)
    for start in generator.integers(0, frames, 6):
        f0[start : start + generator.integers(1, 20)] = 0.0
    return read(0.1 * sound / np.abs(sound).max()), np.clip(f0, 0, 1000).astype(np.float32)


@pytest.fixture(scope="module")
def voices():
    generator = np.random.default_rng(7)
    made = [glide(generator, frames) for frames in (150, 90, 1)]
    waveforms, f0 = np.zeros((3, max(len(x) for x, _ in made)), np.float32), np.zeros((3, 150), np.float32)
    for row, (x, hz) in enumerate(made):
        # What lies beyond the end of an utterance has no influence.
        waveforms[row], f0[row] = 0.5 / 32767, 200.0
        waveforms[row, : len(x)], f0[row, : len(hz)] = x, hz
    return waveforms, f0, np.array([150, 90, 1], np.int32), made


@pytest.mark.parametrize("compiled", [False, True])
def test_all_walks_in_step_find_what_one_finds_after_the_other(voices, compiled):
    waveforms, f0, frames, made = voices
    computed = tf.function(lambda *given: periods.jitter_and_shimmer(*given, compiled), jit_compile=compiled)
    jitter, shimmer = (each.numpy() for each in computed(waveforms, f0, frames))
    for row, (x, hz) in enumerate(made):
        expected = one_by_one(x, hz)
        np.testing.assert_allclose(jitter[row, : len(hz)], expected[0], rtol=1e-5, atol=2e-7)
        np.testing.assert_allclose(shimmer[row, : len(hz)], expected[1], rtol=1e-5, atol=2e-7)
        assert not jitter[row, len(hz) :].any() and not shimmer[row, len(hz) :].any()
    assert (jitter > 0).sum() > 100


def test_a_period_repeated_has_neither_jitter_nor_shimmer():
    generator = np.random.default_rng(1)
    period = np.round(3000 * generator.standard_normal(100)) / 32767
    x = np.tile(period, 40)[None].astype(np.float32)
    f0 = np.full((1, 18), 160.0, np.float32)
    jitter, shimmer = periods.jitter_and_shimmer(x, f0, [18])
    assert not np.any(jitter) and not np.any(shimmer)


def test_silence_and_a_constant_have_no_periods():
    f0 = np.full((2, 10), 120.0, np.float32)
    x = np.stack([np.zeros(2400), np.full(2400, 0.25)]).astype(np.float32)
    jitter, shimmer = periods.jitter_and_shimmer(x, f0, [10, 10])
    assert not np.any(jitter) and not np.any(shimmer)


@pytest.mark.parametrize("compiled", [False, True])
def test_nothing_voiced_is_nothing(compiled):
    found = periods.jitter_and_shimmer(
        np.zeros((2, 2400), np.float32), np.zeros((2, 10), np.float32), [10, 3], compiled
    )
    assert [each.shape for each in found] == [(2, 10), (2, 10)] and not np.any(found)


def test_derivatives_stop():
    x, f0 = tf.constant(read(checkpoint.signal())[8000:10400])[None], tf.constant(130.0, shape=[1, 10])
    with tf.GradientTape() as tape:
        tape.watch([x, f0])
        total = tf.add_n(periods.jitter_and_shimmer(x, f0, [10]))
    assert tape.gradient(total, [x, f0]) == [None, None]


@pytest.mark.real_audio
@pytest.mark.parametrize(("reader", "folder"), [("emodb", "EMO-DB"), ("ravdess", "RAVDESS"), ("urdu", "URDU")])
def test_the_walk_on_real_speech_is_that_of_one_after_the_other(real_data, reader, folder):
    corpus = corpora.read(reader, real_data / folder)
    some = corpus.utterances[:: len(corpus.utterances) // 2][:3]
    files = [audio.probe(corpus.root / each.path) for each in some]
    sounds = [read(audio.clip(each)[0]) for each in audio.waveforms(files)]
    lengths = np.array([len(each) for each in sounds])
    padded = np.stack([np.pad(each, (0, lengths.max() // 160 * 160 + 160 - len(each))) for each in sounds])
    windowed = framing.frames(padded, framing.LONG) * framing.gauss()
    level = framing.root(tf.reduce_mean(windowed**2, 2))
    frames = framing.frame_counts(lengths)
    f0, _ = tf.function(pitch.pitch)(framing.spectra(windowed, framing.LONG_FFT)[1], level, frames)
    jitter, shimmer = (each.numpy() for each in tf.function(periods.jitter_and_shimmer)(padded, f0, frames))
    for row, count in enumerate(frames.numpy()):
        expected = one_by_one(padded[row], f0.numpy()[row, :count])
        np.testing.assert_allclose(jitter[row, :count], expected[0], rtol=1e-5, atol=2e-7)
        np.testing.assert_allclose(shimmer[row, :count], expected[1], rtol=1e-5, atol=2e-7)
