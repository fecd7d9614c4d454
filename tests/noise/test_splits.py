"""Nothing is on both sides, neither a sample nor its twin, whatever the way."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasser.noise.splits import Options, Sound, divide, images, silence
from kerasser.twins import Twin
from kerasser.util.errors import InputError

S = 16000
TIME = Options("time", 0.4, 0.5)


def sounds(*lengths_s, environment="cafe"):
    return [Sound(environment, f"{environment}/{n}", round(s * S)) for n, s in enumerate(lengths_s)]


def shared(division, twins):
    """Returns whether a sample that tests is heard, there or by a twin, in what trains."""
    for number, stretches in enumerate(division.test):
        heard = [(number, a, b) for a, b in stretches]
        heard += [image for twin in twins for image in images(stretches, twin, number)]
        for (_, a, b), (c, d) in ((one, each) for one in heard for each in division.train[one[0]]):
            if min(b, d) > max(a, c):
                return True
    return False


def test_without_twins_or_silence_a_recording_is_cut_once_with_its_gap():
    made = divide(sounds(10), [], TIME)
    assert made.train == [[(0, 6 * S - S // 4)]] and made.test == [[(6 * S + S // 4, 10 * S)]]
    assert made.remarks == []


def test_what_trains_and_tests_elsewhere_is_taken_from_training_with_the_guard():
    twin = Twin(0, 1, 0, 22 * S, 2 * S, 0.95)
    made = divide(sounds(27, 24), [twin], TIME)
    assert made.train[0] == [(2 * S + S // 2, round(16.2 * S) - S // 4)]
    plain = divide(sounds(27, 24), [], TIME)
    assert (made.test, made.train[1]) == (plain.test, plain.train[1])
    assert made.remarks == [
        "cafe/0 holds, at 0.00 to 2.00 s, sound that tests in cafe/1: it was taken from the noise that trains."
    ]


def test_a_twin_in_the_middle_leaves_two_pieces():
    made = divide(sounds(27, 24), [Twin(0, 1, 5 * S, 20 * S, S, 0.9)], TIME)
    assert made.train[0][0] == (0, 4 * S + S // 2) and made.train[0][1][0] == 6 * S + S // 2


def test_a_recording_that_repeats_in_its_test_part_what_trains_says_so():
    made = divide(sounds(20), [Twin(0, 0, 2 * S, 15 * S, 2 * S, 0.9)], TIME)
    assert made.train == [[(0, round(1.5 * S)), (round(4.5 * S), 12 * S - S // 4)]]
    assert "sound that it repeats in its test part" in made.remarks[0]


twin_lists = st.lists(
    st.builds(
        lambda a, b, here, there, length: Twin(min(a, b), max(a, b), here * S, there * S, length * S, 0.9),
        *(st.integers(0, 3), st.integers(0, 3), st.integers(0, 15), st.integers(0, 15), st.integers(1, 4)),
    ).filter(lambda twin: twin.first != twin.second or twin.first_start != twin.second_start),
    max_size=4,
)


@given(twin_lists, st.sampled_from(["time", "recording", "environment"]), st.integers(0, 5))
def test_no_sample_nor_its_twin_is_on_both_sides(twins, way, seed):
    mine = [*sounds(20, 20, 20), *sounds(20, environment="bus")]
    options = Options(way, 0.4, 0.5, ("bus",) if way == "environment" else (), seed)
    try:
        made = divide(mine, twins, options)
    except InputError as error:
        # Twins may leave too little: then that is said, and nothing is divided.
        assert "sound that tests as well" in str(error)
        return
    assert not shared(made, twins)
    assert all(b - a >= S for part in (made.train, made.test) for each in part for a, b in each)


def test_whole_recordings_are_left_out_by_length_and_seed():
    mine = [*sounds(10, 20, 30, 40), *sounds(5, 5, environment="bus")]
    tested = set()
    for seed in range(8):
        made = divide(mine, [], Options("recording", 0.4, 0.5, seed=seed))
        for sound, here, there in zip(mine, made.train, made.test, strict=True):
            assert sorted([here, there]) == [[], [(0, sound.samples)]]
        for part, side in product((range(4), range(4, 6)), (made.train, made.test)):
            assert any(side[number] for number in part)
        tested.add(tuple(bool(each) for each in made.test))
    assert len(tested) > 1


def test_recordings_that_share_sound_are_left_out_together():
    twins = [Twin(0, 1, 0, 0, S, 0.9)]
    for seed in range(6):
        made = divide(sounds(10, 10, 10), twins, Options("recording", 0.4, 0.5, seed=seed))
        assert bool(made.test[0]) == bool(made.test[1])
        assert not any("taken from" in remark for remark in made.remarks)


def test_a_single_recording_is_cut_in_time_and_that_is_said():
    made = divide([*sounds(10, 10), *sounds(10, environment="bus")], [], Options("recording", 0.4, 0.5))
    assert made.train[2] and made.test[2]
    assert made.remarks == ["The environment bus has one recording: it is cut in time, not left whole for the test."]


@pytest.mark.parametrize("wanted", [(), ("bus", "cafe"), ("tram",)])
def test_environments_that_cannot_be_left_out_are_named(wanted):
    mine = [*sounds(10), *sounds(10, environment="bus")]
    with pytest.raises(InputError, match=r"noise\.test_environments: expected some, but not all, of bus, cafe"):
        divide(mine, [], Options("environment", 0.4, 0.5, wanted))


def test_digital_silence_is_on_neither_side_and_the_rest_is_cut_by_its_sound():
    made = divide([Sound("cafe", "cafe/0", 30 * S, [(10 * S, 30 * S)])], [], TIME)
    assert made.train == [[(0, 6 * S - S // 4)]] and made.test == [[(6 * S + S // 4, 10 * S)]]
    assert made.remarks == ["Digital silence in recordings of noise was left out: cafe/0 (20.0 s)."]


def test_what_is_silent_between_is_counted_out_on_both_sides():
    holes = [(5 * S, 10 * S), (15 * S, 20 * S), (30 * S, 35 * S)]
    made = divide([Sound("cafe", "cafe/0", 40 * S, holes)], [], Options("time", 0.4, 0.0))
    # Of 25 s of sound the first 15 train.
    assert made.train == [[(0, 5 * S), (10 * S, 15 * S), (20 * S, 25 * S)]]
    assert made.test == [[(25 * S, 30 * S), (35 * S, 40 * S)]]


def test_sound_behind_silence_tests():
    made = divide([Sound("cafe", "cafe/0", 20 * S, [(0, 10 * S)])], [], TIME)
    assert made.train == [[(10 * S, 16 * S - S // 4)]] and made.test == [[(16 * S + S // 4, 20 * S)]]


def test_a_bank_with_too_little_sound_is_refused_with_the_figures():
    holes = [(n * 10 * S + S // 4, (n + 1) * 10 * S) for n in range(6)]
    with pytest.raises(InputError, match=r"recordings of cafe .* Received: 60\.0 s, of which 58\.5 s are digital"):
        divide([Sound("cafe", "cafe/0", 60 * S, holes)], [], TIME)


@pytest.mark.parametrize("share", [0.03, 0.97])
def test_a_recording_whose_sound_is_too_little_for_one_side_is_left_out_whichever_side_it_is(share):
    options = Options("time", share, 0.0)
    short = Sound("cafe", "cafe/1", 40 * S, [(0, 20 * S)])
    made = divide([*sounds(100), short], [], options)
    assert made.train[0] and made.test[0] and made.train[1] == made.test[1] == []


def test_a_silent_recording_beside_another_is_left_out():
    made = divide([*sounds(10), Sound("cafe", "cafe/1", 10 * S, [(0, 10 * S)])], [], TIME)
    assert made.train[0] and made.train[1] == made.test[1] == []


@given(st.integers(0, 3), st.floats(-0.5, 0.5), st.integers(1600, 8000))
def test_silence_is_a_run_of_one_value_in_16_bits(seed, value, length):
    sound = np.random.default_rng(seed).uniform(-0.1, 0.1, 4000)
    whole = np.concatenate([sound, np.full(length, value) + 1e-7, sound])
    ((start, end),) = silence(whole)
    assert start in (3999, 4000) and end in (4000 + length, 4001 + length)
    assert silence(sound) == []
