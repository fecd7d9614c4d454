import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kerasser.attack import draws, perturbation
from kerasser.attack.budget import Budget
from kerasser.audio import FULL_SCALE
from kerasser.noise.bank import Recording
from kerasser.util.errors import InputError

SAMPLES = st.integers(2, 400).flatmap(
    lambda n: arrays(np.float32, n, elements=st.floats(-1, 1, width=32)).filter(lambda x: np.var(x, dtype=float) > 1e-8)
)


def voice(n=16000, seed=0):
    return (0.2 * np.random.default_rng(seed).normal(size=n)).clip(-1, FULL_SCALE).astype(np.float32)


@settings(deadline=None)
@given(SAMPLES, st.floats(-0.5, 0.5), st.floats(1e-12, 1.0))
def test_delta_has_the_mean_and_variance_of_the_reference_noise(noise, mean, variance):
    delta = perturbation.delta(noise, mean, variance)
    assert np.mean(delta) == pytest.approx(mean, abs=1e-12)
    assert np.var(delta) == pytest.approx(variance, rel=1e-9)


def test_delta_is_the_noise_itself_but_for_shift_and_scale():
    noise = voice()
    delta = perturbation.delta(noise, 0.01, 0.3)
    slope, intercept = np.polyfit(noise.astype(float), delta, 1)
    np.testing.assert_allclose(delta, slope * noise.astype(float) + intercept, atol=1e-9)
    assert slope > 0


@settings(deadline=None)
@given(st.floats(0, 2), st.integers(0, 50))
def test_the_perturbed_wave_is_x_plus_epsilon_delta_bounded(epsilon, seed):
    x, delta = voice(500, seed), 0.3 * np.random.default_rng(seed + 1).normal(size=500)
    result = perturbation.perturb(x, delta, epsilon)
    exact = x.astype(float) + epsilon * delta
    np.testing.assert_allclose(result.waveform, np.clip(exact, -1, FULL_SCALE), atol=1e-7)
    assert result.waveform.dtype == np.float32
    assert result.clipped == np.sum((exact < -1) | (exact > FULL_SCALE))


def test_an_epsilon_of_zero_changes_no_bit():
    x = voice()
    result = perturbation.perturb(x, voice(seed=1).astype(float), 0.0)
    np.testing.assert_array_equal(result.waveform, x)
    assert result.snr_db == float("inf")


@pytest.mark.parametrize("snr_db", [20.0, 10.0, 5.0, 0.0])
@pytest.mark.parametrize("variance", [1e-10, 1e-4, 0.0])
@pytest.mark.parametrize("mean", [0.0, -0.01, 0.3])
@pytest.mark.parametrize("offset", [0.0, 0.2])
def test_an_snr_budget_is_met_whatever_the_reference_and_the_offset(snr_db, variance, mean, offset):
    x = (0.1 * voice() + offset).astype(np.float32)
    result = perturbation.attack(x, voice(seed=1) + 0.1, mean, variance, Budget("snr_db", snr_db))
    assert result.clipped == 0
    added = result.waveform.astype(float) - x
    # Everything counts that was added, a constant too; of the speech, what varies.
    assert 10 * np.log10(np.var(x.astype(float)) / np.mean(added**2)) == pytest.approx(snr_db, abs=1e-4)
    assert result.snr_db == pytest.approx(snr_db, abs=1e-4)
    assert abs(np.mean(added)) < 1e-7


def test_an_offset_of_the_recording_is_not_made_louder_until_it_clips():
    """As in recordings with a DC offset of a few of the background's deviations."""
    x = (0.05 * voice() + 0.05).astype(np.float32)
    made = perturbation.attack(x, voice(seed=1), 0.05, 1e-6, Budget("snr_db", 0.0))
    assert made.clipped == 0 and made.snr_db == pytest.approx(0.0, abs=1e-4)


def test_under_an_epsilon_the_mean_of_the_reference_is_added_and_counts():
    x = 0.1 * voice()
    made = perturbation.attack(x, voice(seed=1), 0.02, 1e-4, Budget("epsilon", 2.0))
    added = made.waveform.astype(float) - x
    assert np.mean(added) == pytest.approx(0.04, abs=1e-6)
    assert np.var(added) == pytest.approx(4e-4, rel=1e-4)
    power = np.var(x.astype(float))
    assert made.snr_db == pytest.approx(10 * np.log10(power / (4e-4 + 0.04**2)), abs=1e-3)


def test_what_clipping_takes_away_is_not_counted_as_added():
    x = (0.9 * np.sin(np.arange(16000) / 8)).astype(np.float32)
    made = perturbation.attack(x, voice(seed=1), 0.0, 1e-4, Budget("snr_db", -20.0))
    added = made.waveform.astype(float) - x
    assert made.clipped > 8000 and made.snr_db > -10
    assert made.snr_db == pytest.approx(10 * np.log10(np.var(x.astype(float)) / np.mean(added**2)), abs=1e-9)


def test_a_ratio_is_measured_against_the_power_that_is_given():
    x = 0.1 * voice()
    power = 2 * perturbation.power(x)
    made = perturbation.attack(x, voice(seed=1), 0.0, 1e-4, Budget("snr_db", 5.0), speech_power=power)
    added = made.waveform.astype(float) - x
    assert 10 * np.log10(power / np.mean(added**2)) == pytest.approx(5.0, abs=1e-4)
    assert made.snr_db == pytest.approx(5.0, abs=1e-4)


def test_snr_falls_by_twenty_db_when_epsilon_grows_tenfold():
    x, noise = 0.2 * voice(), voice(seed=1)
    small, large = (perturbation.attack(x, noise, 0.0, 1e-4, Budget("epsilon", e)).snr_db for e in (0.1, 1.0))
    assert small - large == pytest.approx(20, abs=0.01)


def recordings():
    return [Recording("cafe", f"cafe/{n}", voice(size, n)) for n, size in enumerate((40000, 10000, 3000))]


def test_the_same_seed_draws_the_same_piece_and_another_seed_another():
    made = [draws.draw(recordings(), 5000, draws.derive_seed(0, "a", n % 20)) for n in range(40)]
    assert made[:20] == made[20:]
    assert len({(d.recording, d.offset) for d in made}) == 20


def test_every_part_of_the_seed_matters():
    seeds = {draws.derive_seed(*parts) for parts in [(0, "a", 1.0), (1, "a", 1.0), (0, "b", 1.0), (0, "a", 2.0)]}
    assert len(seeds) == 4


def test_recordings_are_drawn_by_length_and_offsets_stay_inside():
    drawn = [draws.draw(recordings(), 2000, draws.derive_seed(n)) for n in range(600)]
    names = [d.recording for d in drawn]
    assert names.count("cafe/0") / 600 == pytest.approx(40 / 53, abs=0.06)
    sizes = {recording.name: recording.waveform.size for recording in recordings()}
    assert all(0 <= d.offset <= sizes[d.recording] - 2000 for d in drawn)


def test_a_recording_that_is_too_short_is_played_to_and_fro():
    noise = np.arange(5, dtype=np.float32)
    np.testing.assert_array_equal(draws.segment(noise, 2, 12), [2, 3, 4, 4, 3, 2, 1, 0, 0, 1, 2, 3])


def test_digital_silence_is_drawn_around_or_refused():
    half = np.concatenate([np.zeros(20000, np.float32), voice(20000)])
    for n in range(30):
        drawn = draws.draw([Recording("cafe", "half", half)], 1000, draws.derive_seed(n))
        assert drawn.offset > 19000
    with pytest.raises(InputError, match="mute: expected noise. Received: digital silence"):
        draws.draw([Recording("cafe", "mute", np.zeros(9000, np.float32))], 1000, draws.derive_seed(0))


@pytest.mark.parametrize("budget", [("loudness", 1.0), ("epsilon", -0.1), ("epsilon", float("nan"))])
def test_impossible_budgets_are_refused(budget):
    with pytest.raises(InputError, match="expected"):
        Budget(*budget)
