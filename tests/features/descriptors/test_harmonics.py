import numpy as np
import pytest
import tensorflow as tf

from kerasser import audio
from kerasser.features.base import EGEMAPS_NAMES
from kerasser.features.descriptors import framing, harmonics, pitch, smoothing
from kerasser.features.opensmile import Egemaps
from tests.features import checkpoint

T = checkpoint.FRAME


def spectra(waveform):
    """Returns the windowed 60-ms frames, their power and their magnitude."""
    whole = waveform[: len(waveform) // 160 * 160]
    windowed = framing.frames(framing.quantised(whole[None]), framing.LONG) * framing.gauss()
    return windowed, *framing.spectra(windowed, framing.LONG_FFT)


def noisy(seed, frames):
    """Returns power, magnitude and fundamental frequencies of harmonics in noise, `[frames, …]`."""
    generator = np.random.default_rng(seed)
    f0 = np.exp(generator.uniform(np.log(55), np.log(1000), frames)).astype(np.float32)
    n = np.arange(960) / 16000
    sound = [sum(np.cos(2 * np.pi * k * f * n + k * k) / k for k in range(1, 12)) for f in f0]
    windowed = (sound + generator.normal(0, 0.2, (frames, 960))) * framing.gauss()
    power, magnitude = framing.spectra(tf.constant(windowed[None], tf.float32), framing.LONG_FFT)
    return power[0].numpy(), magnitude[0].numpy(), f0


def is_peak(values, k, edges):
    if not edges and k in (0, len(values) - 1):
        return False
    return (k == 0 or values[k] > values[k - 1]) and (k == len(values) - 1 or values[k] > values[k + 1])


def to_noise(power, f0):
    a = np.abs(np.fft.irfft(power.astype(float)))[:513]
    lag = int(16000 / f0)
    for step in range(513):
        if lag - step > 0 and is_peak(a, lag - step, False):
            return 10 * np.log10(a[lag - step] / (a[0] - a[lag - step]))
        if lag + step < 512 and is_peak(a, lag + step, False):
            return 10 * np.log10(a[lag + step] / (a[0] - a[lag + step]))
    raise AssertionError("no peak")


def nearest_bin(frequency):
    return int(np.floor(frequency / 15.625 + 0.5)) if frequency < 8000 else 0


def found(magnitude, f0):
    """The harmonics by the definition, one after the other: frequencies, magnitudes and levels."""
    m = magnitude.astype(float)
    out, bins = [], []
    for n in range(100):
        centre, peak = nearest_bin((n + 1) * f0), None
        if (n + 1) * f0 < 8000:
            lowest, highest = nearest_bin((n + 0.5) * f0), nearest_bin((n + 1.5) * f0)
            for distance in range(513):
                right, left = centre + distance, centre - distance
                if right <= (512 if distance == 0 else highest) and right < 513 and is_peak(m, right, True):
                    peak = right
                elif left >= max(lowest, 0) and is_peak(m, left, True):
                    peak = left
                if peak is not None:
                    break
        if peak is not None and nearest_bin(f0 / 2) <= peak < 512:
            a, b, c = m[peak - 1 : peak + 2]
            offset = (a - c) / (2 * (a - 2 * b + c))
            out.append([15.625 * (peak + offset), b, b - (a - c) * offset / 4])
        else:
            out.append([0.0, 0.0, 0.0])
            peak = centre
        bins.append(peak)
    first = out[0][1]
    levels = [max(-200.0, 20 * np.log10(o[2] / first)) if o[2] > 0 and first > 0 else -200.0 for o in out]
    levels = [0.0, *levels[1:]] if first > 0 else [0.0] + [-201.0] * 99
    for n in range(1, 100):
        if bins[n] == bins[n - 1]:
            out[n], levels[n] = [0.0, 0.0, 0.0], -201.0
    return np.array(out)[:, 0], np.array(out)[:, 1], np.array(levels)


def test_harmonics_and_noise_of_the_known_signal_are_as_known():
    _, power, magnitude = spectra(checkpoint.signal())
    f0 = tf.constant([130.537])
    ratio = harmonics.harmonics_to_noise(power[0, T : T + 1], f0)
    assert ratio.numpy()[0] == pytest.approx(9.54785, rel=1e-5)
    known = harmonics.harmonics(magnitude[0, T : T + 1], f0)
    assert known.frequencies.numpy()[0, :4] == pytest.approx([129.457, 261.485, 390.82, 520.331], rel=1e-5)
    assert known.magnitudes.numpy()[0, :4] == pytest.approx([22.061, 11.1403, 7.94074, 5.48425], rel=1e-5)
    assert known.levels.numpy()[0, :4] == pytest.approx([0, -5.66881, -8.87464, -11.7562], rel=1e-5)


def test_the_autocorrelation_is_the_inverse_transform():
    power = np.random.default_rng(0).exponential(size=(4, 513)).astype(np.float32) ** 3
    expected = np.abs(np.fft.irfft(power.astype(float)))[:, :513]
    result = harmonics.autocorrelation(tf.constant(power)).numpy()
    np.testing.assert_allclose(result / result[:, :1], expected / expected[:, :1], atol=1e-6)


def test_harmonics_to_noise_is_that_of_the_peak_nearest_to_the_period():
    power, _, f0 = noisy(0, 300)
    result = harmonics.harmonics_to_noise(tf.constant(power), tf.constant(f0)).numpy()
    np.testing.assert_allclose(result, [to_noise(p, f) for p, f in zip(power, f0, strict=True)], rtol=1e-3, atol=1e-3)


def test_harmonics_are_those_of_the_definition():
    _, magnitude, f0 = noisy(1, 300)
    # Falling but for a peak every ninth bin: some harmonics have none within their bounds.
    steps = np.maximum.accumulate(magnitude[200:, ::-1], 1)[:, ::-1]
    magnitude[200:] = steps + magnitude[200:] * (np.arange(513) % 9 < 3)
    result = harmonics.harmonics(tf.constant(magnitude), tf.constant(f0))
    empty = 0
    for row, (m, f) in enumerate(zip(magnitude, f0, strict=True)):
        frequencies, magnitudes, levels = found(m, f)
        np.testing.assert_allclose(result.frequencies.numpy()[row], frequencies, rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(result.magnitudes.numpy()[row], magnitudes, rtol=1e-6)
        np.testing.assert_allclose(result.levels.numpy()[row], levels, rtol=1e-4, atol=1e-3)
        empty += (levels[: int(7000 / f)] <= -200).sum()
    assert empty > 100


def harmonics_of(frequencies, magnitudes, levels, voiced=True):
    rows = (tf.constant([each], tf.float32) for each in (frequencies, magnitudes, levels))
    return harmonics.Harmonics(tf.constant([voiced]), *rows)


def test_a_formant_has_the_level_of_the_strongest_harmonic_near_it():
    some = harmonics_of([100, 200, 300, 400], [9, 5, 7, 7], [0, -1, -2, -3])
    level, there = harmonics.formant_levels(some, tf.constant([[210.0, 340.0, 5000.0, 110.0]]))
    assert level.numpy().tolist() == [[-1.0, -2.0, 0.0, 0.0]]
    assert there.numpy().tolist() == [[True, True, False, True]]
    assert harmonics.h1_h2(some).numpy().tolist() == [1.0]
    assert harmonics.h1_a3(some, level[:, 1], there[:, 1]).numpy().tolist() == [1.0]
    assert harmonics.h1_a3(some, level[:, 2], there[:, 2]).numpy().tolist() == [-201.0]


def test_unvoiced_frames_have_the_level_that_stands_for_them():
    none = harmonics_of([0, 0, 0], [0, 0, 0], [0, -201, -201], voiced=False)
    level, there = harmonics.formant_levels(none, tf.constant([[500.0]]))
    assert level.numpy().tolist() == [[-201.0]]
    assert harmonics.h1_h2(none).numpy().tolist() == [0.0]
    assert harmonics.h1_a3(none, level[:, 0], there[:, 0]).numpy().tolist() == [0.0]


@pytest.mark.parametrize("way", ["pack", "compiled"])
def test_packed_and_compiled_it_is_the_same(way):
    power, magnitude, f0 = (each.reshape(4, 10, *each.shape[1:]) for each in noisy(2, 40))
    f0[:, 3:5] = 0.0
    arguments = [tf.constant(each) for each in (power, magnitude, f0)]
    arguments.append(tf.random.stateless_uniform([4, 10, 3], [1, 2], 300.0, 4000.0))
    plain = harmonics.describe(*arguments)
    function = tf.function(lambda *a: harmonics.describe(*a, pack=way == "pack"), jit_compile=way == "compiled")
    for one, other in zip(plain, function(*arguments), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    assert not plain[0].numpy()[:, 3:5].any()
    assert (plain[3].numpy()[:, 3:5] == -201).all()


def test_derivatives_are_those_at_fixed_peaks():
    power, magnitude, f0 = noisy(3, 30)
    near = tf.constant(f0[:, None] * np.float32([1.0, 2.0, 3.0]))
    magnitude = tf.constant(magnitude)

    def total(magnitude):
        arguments = magnitude[None] ** 2, magnitude[None], tf.constant(f0[None]), near[None]
        ratio, first_second, first_third, levels = harmonics.describe(*arguments)
        return tf.reduce_sum(ratio + first_second + first_third + tf.reduce_sum(levels, -1))

    with tf.GradientTape() as tape:
        tape.watch(magnitude)
        value = total(magnitude)
    gradient = tape.gradient(value, magnitude).numpy().astype(float)
    # Smooth, so that peaks stay where they are.
    direction = np.cos(np.arange(513) / 30.0) * magnitude.numpy()
    there, back = (float(total(magnitude + tf.constant(step * direction, tf.float32))) for step in (1e-3, -1e-3))
    assert (there - back) / 2e-3 == pytest.approx((gradient * direction).sum(), rel=0.02)


@pytest.mark.parametrize("frequency", [0.0, 100.0])
def test_silence_has_finite_values_and_derivatives(frequency):
    power, f0 = tf.zeros([1, 4, 513]), tf.fill([1, 4], frequency)
    with tf.GradientTape() as tape:
        tape.watch(power)
        result = harmonics.describe(power, framing.root(power), f0, tf.zeros([1, 4, 3]))
        total = tf.add_n([tf.reduce_sum(each) for each in result])
    assert np.isfinite(total)
    assert np.isfinite(tape.gradient(total, power)).all()


@pytest.mark.real_audio
@pytest.mark.parametrize("corpus", ["EMO-DB", "RAVDESS", "URDU"])
def test_of_real_speech_pitch_and_harmonics_are_opensmile_s(real_data, corpus):
    files = sorted((real_data / corpus).rglob("*.wav"))[7::60][:5]
    egemaps = Egemaps()
    names = ("F0semitoneFrom27.5Hz_sma3nz", "HNRdBACF_sma3nz", "logRelF0-H1-H2_sma3nz")
    columns = [EGEMAPS_NAMES.index(name) for name in names]
    ours, theirs = [], []
    for waveform in audio.waveforms([audio.probe(file) for file in files]):
        waveform, _ = audio.clip(waveform)
        theirs.append(egemaps(waveform)[:, columns])
        windowed, power, magnitude = spectra(waveform)
        frames = tf.shape(power)[1:2]
        f0, settled = pitch.pitch(magnitude, framing.root(tf.reduce_mean(windowed**2, 2)), frames, pack=True)
        semitones = np.where(f0 > 0, 12 * np.log2(np.maximum(f0, 1) / 27.5), 0).astype(np.float32)
        ratio, first_second, *_ = harmonics.describe(power, magnitude, f0, tf.zeros([*f0.shape, 3]), pack=True)
        values = tf.stack([semitones, ratio, first_second], 2)
        ours.append(smoothing.non_zero(values, frames, settled)[0].numpy())
    ours, theirs = np.concatenate(ours), np.concatenate(theirs)
    assert len(ours) > 1000
    assert ((ours == 0) == (theirs == 0)).mean() >= 0.999
    error = np.abs(ours - theirs)
    assert (error[:, 0] <= 1e-3 * theirs[:, 0]).mean() >= 0.998
    assert (error[:, 1:] <= 0.01).mean(0).min() >= 0.998
    assert min(np.corrcoef(one, other)[0, 1] for one, other in zip(ours.T, theirs.T, strict=True)) >= 0.9999
