import numpy as np
import pytest
import tensorflow as tf
from scipy.interpolate import CubicSpline

from kerasser.features.descriptors import framing, pitch, viterbi
from tests.features import checkpoint

T = checkpoint.FRAME


def spectrum(waveform):
    """Returns magnitude `[1, frames, 513]` and root mean square of the 60-ms frames of a waveform."""
    whole = waveform[: len(waveform) // 160 * 160]
    windowed = framing.frames(framing.quantised(whole[None]), framing.LONG) * framing.gauss()
    _, magnitude = framing.spectra(windowed, framing.LONG_FFT)
    return magnitude, framing.root(tf.reduce_mean(windowed**2, 2))


def tone(frequency, seconds=0.5):
    phase = 2 * np.pi * frequency * np.arange(round(16000 * seconds)) / 16000
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 9))).astype(np.float32)


@pytest.fixture(scope="module")
def known():
    magnitude, rms = spectrum(checkpoint.signal())
    return magnitude[0], rms


def test_the_spectrum_is_enhanced_as_known(known):
    magnitude, rms = known
    assert rms[0, T].numpy() == pytest.approx(0.0531567, rel=1e-5)
    expected = [0.0708078, 22.061, 17.9495, 11.1403, 1.96856]
    assert magnitude.numpy()[T, [0, 8, 9, 17, 100]] == pytest.approx(expected, rel=1e-5)
    zero = np.flatnonzero(pitch.enhanced(magnitude).numpy()[T] == 0)
    assert len(zero) == 116
    assert zero[:8].tolist() == [3, 4, 5, 11, 12, 13, 14, 20]


def test_enhancement_keeps_what_is_near_a_maximum_or_beyond_all_of_them():
    magnitude = np.random.default_rng(0).uniform(1, 2, (50, 513)).astype(np.float32)
    magnitude[25:] = np.cumsum(magnitude[25:] - 1.5, 1) ** 2 + 1  # few maxima
    expected = magnitude.copy()
    for row, out in zip(magnitude, expected, strict=True):
        left, right = np.append(-1, row[:-1]), np.append(row[1:], -1)
        found = [k for k in range(513) if row[k] > left[k] and (row[k] > right[k] if k == 0 else row[k] >= right[k])]
        for p, q in zip(found, found[1:], strict=False):
            out[p + 3 : q - 2] = 0
    np.testing.assert_array_equal(pitch.enhanced(tf.constant(magnitude)), expected)
    assert 0.05 < (expected == 0).mean() < 0.95


def test_the_octave_scaled_spectrum_is_as_known_and_a_natural_spline(known):
    magnitude, _ = known
    enhanced = pitch.enhanced(magnitude).numpy()[T].astype(float)
    octave = np.maximum(enhanced @ pitch.octave_matrix(), 0)
    assert octave[[0, 100, 145, 250, 400]] == pytest.approx(
        [0.015391, 0.0959091, 16.8718, 1.84548, 0.0128632], rel=1e-5
    )
    smooth = np.convolve(enhanced, [0.25, 0.5, 0.25])[1:-1]
    smooth[-1] = enhanced[-1]
    x = np.log2(15.625 * np.arange(1, 513))
    spline = CubicSpline(np.append(2 * x[0] - x[1], x), smooth, bc_type="natural")
    per_octave = 513 / np.log2(320)
    i = np.arange(513)
    weight = 0.5 + np.arctan(3 * (i + 1 - (per_octave * np.log2(1.3) - 1)) / per_octave) / np.pi
    assert weight[[0, 100, 512]] == pytest.approx([0.244035, 0.918673, 0.986678], rel=1e-5)
    expected = np.maximum(spline(np.linspace(np.log2(25), np.log2(8000), 513)), 0) * weight
    np.testing.assert_allclose(octave, expected, rtol=1e-5, atol=1e-5)


def test_the_sub_harmonic_sum_is_as_known(known):
    summed = pitch.sub_harmonic_sum(known[0]).numpy()[T]
    assert summed[[0, 83, 144, 206, 300]] == pytest.approx([1.27142, 1.56096, 2.05222, 0.850328, 0.0532575], rel=1e-5)
    assert summed.mean() == pytest.approx(0.474752, rel=1e-5)
    first = np.zeros(513)
    first[0] = 1.0
    shifts = np.flatnonzero(pitch.sub_harmonic_matrix() @ first)
    assert shifts.tolist() == [0, 61, 97, 123, 143, 159, 173, 184, 195, 204, 213, 220, 228, 234, 240]


def test_candidates_costs_and_the_path_are_as_known(known):
    magnitude, rms = known
    frequency, voicing = pitch.candidates(pitch.sub_harmonic_sum(magnitude))
    assert frequency.numpy()[T] == pytest.approx([130.537, 65.3777, 260.965, 0, 0, 0], rel=1e-5)
    assert frequency.numpy()[T - 1] == pytest.approx([130.433, 65.3257, 260.785, 0, 0, 0], rel=1e-5)
    assert voicing.numpy()[T] == pytest.approx([0.811386, 0.718669, 0.614176, 0, 0, 0], rel=1e-5)
    local = viterbi.local_costs(frequency[None], voicing[None]).numpy()[0, T]
    assert local == pytest.approx([0.418024, 1.00693, 8.97495, 19.2103, 19.2103, 19.2103, 8], rel=1e-5)
    costs = viterbi.transition_costs(frequency[None]).numpy()[0, T - 1]
    assert costs[:, 0] == pytest.approx([0.0159176, 13.8375, 20.7635, 999, 999, 999, 10], rel=1e-4)
    assert costs[:, 6].tolist() == [10.0] * 6 + [1.0]
    f0, settled = pitch.pitch(magnitude[None], rms, tf.constant([checkpoint.LONG_FRAMES]))
    assert f0.numpy()[0, T] == pytest.approx(130.537, rel=1e-5)
    assert settled.numpy() == [checkpoint.SETTLED]
    assert np.flatnonzero(f0.numpy()[0])[0] == checkpoint.FIRST_VOICED


def test_candidates_are_cut_to_six_then_limited_and_the_best_changes_places():
    generator = np.random.default_rng(1)
    summed = np.full((200, 513), 0.01, np.float32)
    for row in summed:
        places = generator.choice(np.arange(1, 256), generator.integers(0, 12), replace=False) * 2
        # Of few heights, so that there are ties.
        row[places] = generator.integers(1, 5, len(places))
        row[places - 1] = generator.uniform(0.0, 0.9, len(places))
    frequency, voicing = (each.numpy() for each in pitch.candidates(tf.constant(summed)))
    for row, f, v in zip(summed.astype(float), frequency, voicing, strict=True):
        peaks = [k for k in range(1, 512) if row[k] > row[k - 1] and row[k] > row[k + 1]]
        found = []
        for k in sorted(peaks, key=lambda k: (-row[k], k))[:6]:
            a, b, c = row[k - 1 : k + 2]
            offset = (a - c) / (2 * (a - 2 * b + c))
            height = b - (a - c) * offset / 4
            hertz = 25 * 2 ** ((k + offset) * np.log2(320) / 512)
            if 55 <= hertz <= 1000:
                found.append((height, hertz, 1 - row.mean() / height if height > row.mean() else 0.0))
        if found:
            best = int(np.argmax([height for height, *_ in found]))
            found[0], found[best] = found[best], found[0]
        found += [(0.0, 0.0, 0.0)] * (6 - len(found))
        np.testing.assert_allclose(f, [hertz for _, hertz, _ in found], rtol=1e-5)
        np.testing.assert_allclose(v, [voiced for *_, voiced in found], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("frequency", [62.0, 118.0, 241.0, 480.0])
def test_the_pitch_of_a_tone_is_found(frequency):
    f0, _ = pitch.pitch(*spectrum(tone(frequency)), tf.constant([45]))
    np.testing.assert_allclose(f0, frequency, rtol=0.01)


def test_quiet_frames_are_gated_after_the_search():
    magnitude, rms = spectrum(tone(118.0))
    f0, settled = pitch.pitch(magnitude, tf.where(tf.range(45) == 20, pitch.GATE, rms), tf.constant([45]))
    assert np.flatnonzero(f0.numpy()[0] == 0).tolist() == [20]
    assert settled.numpy() == pitch.pitch(magnitude, rms, tf.constant([45]))[1].numpy()


@pytest.mark.parametrize("way", ["pack", "compiled"])
def test_packed_and_compiled_it_is_the_same_and_padding_has_no_influence(way):
    magnitude, rms = spectrum(checkpoint.signal())
    alone, settled = pitch.pitch(magnitude[:, :60], rms[:, :60], tf.constant([60]))
    # The second utterance is the beginning of the first.
    twice = tf.repeat(magnitude, 2, 0), tf.repeat(rms, 2, 0), tf.constant([95, 60])
    function = tf.function(lambda *a: pitch.pitch(*a, pack=way == "pack"), jit_compile=way == "compiled")
    f0, both_settled = function(*twice)
    np.testing.assert_allclose(f0[1, :60], alone[0], rtol=1e-5)
    np.testing.assert_allclose(f0[0], pitch.pitch(magnitude, rms, tf.constant([95]))[0][0], rtol=1e-5)
    assert not f0[1, 60:].numpy().any()
    assert both_settled.numpy().tolist() == [checkpoint.SETTLED, settled.numpy()[0]]


def test_the_derivative_is_that_of_the_chosen_peak():
    magnitude, rms = spectrum(tone(118.0))
    with tf.GradientTape() as tape:
        tape.watch(magnitude)
        f0, _ = pitch.pitch(magnitude, rms, tf.constant([45]))
        total = tf.reduce_sum(f0)
    gradient = tape.gradient(total, magnitude).numpy().astype(float)
    # Smooth, so that maxima stay where they are.
    direction = np.cos(np.arange(513) / 7.0) * magnitude.numpy()
    there, back = (
        pitch.pitch(magnitude + tf.constant(step * direction, tf.float32), rms, tf.constant([45]))[0].numpy()
        for step in (3e-3, -3e-3)
    )
    assert (there.astype(float) - back).sum() / 6e-3 == pytest.approx((gradient * direction).sum(), rel=0.02)


def test_silence_has_no_pitch_and_a_finite_derivative():
    magnitude, rms = tf.zeros([1, 5, 513]), tf.zeros([1, 5])
    with tf.GradientTape() as tape:
        tape.watch(magnitude)
        f0, _ = pitch.pitch(magnitude, rms, tf.constant([5]))
    assert not f0.numpy().any()
    assert np.isfinite(tape.gradient(f0, magnitude)).all()
