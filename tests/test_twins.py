"""Sound that lies in two recordings is found, wherever it lies and however it was treated; other sound is not."""

import numpy as np
import pytest
import soundfile
from scipy import signal

from kerasser import twins

RATE_HZ = 16000


def ambience(seed, seconds, slope=1.0):
    """Noise with a spectrum that falls, over a hum that every recording has."""
    generator = np.random.default_rng(seed)
    coloured = signal.lfilter([1.0], [1.0, -0.9 * slope], generator.standard_normal(round(seconds * RATE_HZ)))
    hum = np.sin(2 * np.pi * 100 * np.arange(coloured.size) / RATE_HZ)
    return 0.05 * (coloured / coloured.std() + hum)


def planted(seconds=27.0, at=(0.0, 20.0), length=2.0):
    """Two recordings that share a piece."""
    one, other = ambience(1, seconds), ambience(2, seconds, 0.9)
    size = round(length * RATE_HZ)
    first, second = (round(place * RATE_HZ) for place in at)
    other[second : second + size] = one[first : first + size]
    return one, other


def check(found, at, length):
    (twin,) = found
    assert (twin.first, twin.second) == (0, 1)
    assert twin.first_start / RATE_HZ == pytest.approx(at[0], abs=0.3)
    assert (twin.first_start - twin.second_start) / RATE_HZ == pytest.approx(at[0] - at[1], abs=2e-3)
    assert twin.samples / RATE_HZ == pytest.approx(length, abs=0.6)


@pytest.mark.parametrize("at", [(0.0, 20.0), (24.9, 3.3), (11.0, 11.0)])
def test_two_seconds_in_a_recording_of_27_are_found(at):
    found = twins.find(planted(at=at))
    check(found, at, 2.0)
    assert found[0].correlation > 0.95


@pytest.mark.parametrize(
    "treat",
    [
        lambda x: 0.05 * x,
        lambda x: -x,
        lambda x: np.roll(x, 1),
        lambda x: np.clip(2 * x, -0.1, 0.1),
        lambda x: np.round(x * 300) / 300,
        lambda x: signal.sosfilt(signal.butter(4, 3000, fs=RATE_HZ, output="sos"), x),
        lambda x: x + 0.3 * x.std() * np.random.default_rng(9).standard_normal(x.size),
    ],
    ids=["softer", "inverted", "shifted", "clipped", "coarse", "band-limited", "noisy"],
)
def test_treatment_hides_no_twin(treat):
    one, other = planted()
    check(twins.find([one, treat(other)]), (0.0, 20.0), 2.0)


def test_other_sound_is_no_twin_though_it_hums_alike():
    assert twins.find([ambience(seed, 20) for seed in range(4)]) == []


def test_pulses_are_like_no_other_sound():
    click = np.zeros(RATE_HZ * 20)
    click[::3200] = 0.2
    found = twins.find([click + 0.02 * ambience(1, 20), ambience(2, 20)])
    # Every period of it is like the next.
    assert {(twin.first, twin.second) for twin in found} == {(0, 0)}


def test_a_twin_across_blocks_is_found_at_a_lag_of_minutes():
    one, other = planted(200.0, (190.0, 4.0), 3.0)
    check(twins.find([one, other]), (190.0, 4.0), 3.0)


def test_a_recording_that_repeats_itself_is_its_own_twin():
    piece = ambience(1, 6)
    (twin, *_) = twins.find([np.concatenate([piece, ambience(2, 4), piece])])
    assert (twin.first, twin.second) == (0, 0)
    assert abs(twin.first_start - twin.second_start) == 10 * RATE_HZ


def test_what_is_of_one_group_is_not_compared():
    one, other = planted()
    assert twins.find([one, other], ["a", "a"]) == []
    assert twins.find([one, other], ["a", "b"])


def test_silence_and_recordings_of_a_few_samples_are_no_twins():
    assert twins.find([np.zeros(3 * RATE_HZ), np.zeros(3 * RATE_HZ), np.ones(5), np.zeros(0)]) == []


@pytest.mark.real_audio
def test_two_office_recordings_are_known_to_be_cut_from_one(real_data):
    waveforms = [soundfile.read(real_data / f"noise/meeting/noice__office_{n}.wav")[0] for n in (0, 1)]
    found = {
        tuple(round(place / RATE_HZ, 2) for place in (twin.first_start, twin.second_start)): twin
        for twin in twins.find(waveforms)
    }
    assert found[0.0, 22.04].samples / RATE_HZ == pytest.approx(1.88, abs=0.02)
    assert found[0.0, 22.04].correlation > 0.94


@pytest.mark.real_audio
def test_other_recordings_of_noise_are_told_apart(real_data):
    files = [file for file in sorted((real_data / "noise").rglob("*.wav")) if "office_1" not in file.name]
    assert twins.find(soundfile.read(file)[0] for file in files) == []


@pytest.mark.real_audio
def test_the_pair_of_one_ravdess_actor_is_found_and_no_other(real_data):
    files = sorted((real_data / "RAVDESS/Actor_07").glob("*.wav"))
    found = twins.find(soundfile.read(file)[0] for file in files)
    pairs = [(files[twin.first].name, files[twin.second].name) for twin in found]
    assert pairs == [("03-01-03-01-02-01-07.wav", "03-01-03-01-02-02-07.wav")]
