"""A folder that trains and a folder that tests: which recordings are wanted, and what they share."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kerasser.noise.bank import Source
from kerasser.noise.folders import Places, Wanted, remark, twins_of
from kerasser.noise.splits import Options, Sound, divide, images, unheard
from kerasser.twins import Twin
from kerasser.util.errors import InputError

S = 16000
FOLDER = Options("folder", 0.4, 0.5)
DEMO = ("cafe", "meeting", "station")


def write(root, *names):
    for name in names:
        path = root / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(len(name)).uniform(-0.2, 0.2, 2 * S), S)
    return str(root)


def told(places, environments=None, **more):
    return [(each.environment, each.side, each.told) for each in places.wanted(environments, DEMO, **more)]


def test_one_folder_is_for_both_sides_and_two_are_for_one_each(tmp_path):
    train = write(tmp_path / "train", "PCAFETER/ch01", "PCAFETER/ch02", "PSTATION/ch01", "PSTATION/ch02")
    test = write(tmp_path / "test", "cafe/a", "bus/a")
    alone = [("cafe", "", "PCAFETER/ch02"), ("station", "", "PSTATION/ch02")]
    assert told(Places(train), channel=2) == alone
    assert told(Places(train, test)) == [
        ("cafe", "train", "PCAFETER/ch01"),
        ("station", "train", "PSTATION/ch01"),
        ("bus", "test", "bus/a of test_noise_dir"),
        ("cafe", "test", "cafe/a of test_noise_dir"),
    ]
    assert told(Places(""), ["station", "cafe"]) == [("station", "", "demo/station"), ("cafe", "", "demo/cafe")]


def test_an_environment_is_taken_from_whichever_folder_has_it(tmp_path):
    train, test = write(tmp_path / "train", "cafe/a", "tram/a"), write(tmp_path / "test", "cafe/a", "bus/a")
    chosen = told(Places(train, test), ["cafe", "bus"])
    assert [each[:2] for each in chosen] == [("cafe", "train"), ("bus", "test"), ("cafe", "test")]
    assert [each[:2] for each in told(Places("", test), ["cafe"])] == [("cafe", "train"), ("cafe", "test")]
    with pytest.raises(InputError, match="expected some of bus, cafe, tram. Received: 'moon'"):
        told(Places(train, test), ["moon"])
    with pytest.raises(InputError, match="expected some of .*/train, which is to train. Received: bus$"):
        told(Places(train, test), ["bus"])


def test_what_cannot_be_used_is_known_by_its_folder(tmp_path):
    train, test = write(tmp_path / "train", "cafe/a", "cafe/b"), write(tmp_path / "test", "cafe/a", "cafe/b")
    for place in (train, test):
        (tmp_path / place / "cafe/b.wav").write_text("hello")
    refused = {}
    assert len(told(Places(train, test), refused=refused)) == 2
    assert sorted(refused) == ["cafe/b", "cafe/b of test_noise_dir"]


def recording(side, digest, environment="cafe"):
    audio = type("Audio", (), {"sha256": digest})
    return Wanted(environment, "a", side, Source(environment, "a", audio))


def test_a_file_in_both_folders_is_its_own_twin_from_end_to_end():
    both = [recording("train", "1"), recording("train", "2"), recording("test", "1"), recording("test", "3")]
    heard = Twin(0, 2, 160, 160, 4000, 0.99), Twin(1, 3, 0, 0, 9000, 0.99), Twin(0, 1, 0, 0, 8000, 0.9)
    assert twins_of(both, [S, S, S, S], heard) == [heard[1], heard[2], Twin(0, 2, 0, 0, S, 1.0)]
    alone = [recording("", "1"), recording("", "1")]
    assert twins_of(alone, [S, S], heard) == list(heard)


def test_the_remark_counts_the_recordings_of_each_side():
    both = [recording("train", "1"), recording("train", "2"), recording("test", "3", "bus")]
    assert remark(both).endswith("bus (1) test, cafe (2) train.")


def sounds(**sides):
    return [
        Sound(place, f"{place}/{n} {side}", seconds * S, [], side)
        for side, places in sides.items()
        for place, lengths in places.items()
        for n, seconds in enumerate(lengths)
    ]


def test_recordings_are_whole_on_the_side_of_their_folder():
    mine = sounds(train={"cafe": [10, 2]}, test={"cafe": [5], "bus": [3]})
    made = divide(mine, [], FOLDER)
    assert made.train == [[(0, 10 * S)], [(0, 2 * S)], [], []]
    assert made.test == [[], [], [(0, 5 * S)], [(0, 3 * S)]] and made.remarks == []
    assert unheard(mine, made, "folder") == {"bus": "environment", "cafe": "recording"}


def test_sound_of_the_test_is_taken_from_training_and_an_environment_with_nothing_left_is_refused():
    mine = sounds(train={"cafe": [10, 4]}, test={"cafe": [5]})
    made = divide(mine, [Twin(0, 2, 3 * S, S, 2 * S, 0.9)], FOLDER)
    assert made.train == [[(0, round(2.5 * S)), (round(5.5 * S), 10 * S)], [(0, 4 * S)], []]
    assert made.test[2] == [(0, 5 * S)]
    assert made.remarks == [
        "cafe/0 train holds, at 3.00 to 5.00 s, sound that tests in cafe/0 test: it was taken from the noise that "
        "trains."
    ]
    same = sounds(train={"cafe": [5]}, test={"cafe": [5]})
    with pytest.raises(InputError, match="of cafe with a stretch of 1.0 s of sound to train. Received: 5.0 s, of"):
        divide(same, [Twin(0, 1, 0, 0, 5 * S, 1.0)], FOLDER)


@pytest.mark.parametrize(
    ("way", "test_environments", "known"),
    [
        ("time", (), {}),
        ("recording", (), {"cafe": "recording"}),
        ("environment", ("bus",), {"bus": "environment"}),
    ],
)
def test_what_no_training_hears_is_said_of_the_other_ways(way, test_environments, known):
    # The bus has one recording, which is cut in time where whole ones are left for the test.
    mine = [Sound("cafe", f"cafe/{n}", 20 * S) for n in range(3)] + [Sound("bus", "bus/0", 20 * S)]
    made = divide(mine, [], Options(way, 0.4, 0.5, test_environments))
    assert unheard(mine, made, way) == known


@given(
    st.lists(
        st.builds(
            lambda first, second, here, there, length: Twin(first, second, here * S, there * S, length * S, 0.9),
            *(st.integers(0, 2), st.integers(3, 5), st.integers(0, 15), st.integers(0, 15), st.integers(1, 4)),
        ),
        max_size=5,
    )
)
def test_no_twin_of_the_test_trains(twins):
    mine = sounds(train={"cafe": [20, 20, 20]}, test={"bus": [20, 20], "cafe": [20]})
    made = divide(mine, twins, FOLDER)
    for number, stretches in enumerate(made.test):
        for twin in twins:
            for other, start, end in images(stretches, twin, number):
                assert not any(min(b, end) > max(a, start) for a, b in made.train[other])
