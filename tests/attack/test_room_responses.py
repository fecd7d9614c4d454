"""Rooms: the reverberation time of a response, responses that are made, and measured ones."""

import importlib.util

import numpy as np
import pytest
import soundfile

from kerasser.attack import channels, room_responses
from kerasser.attack.channels import Options
from kerasser.util.errors import InputError

RATE = 16000
made = pytest.mark.skipif(
    importlib.util.find_spec(room_responses.PACKAGE) is None, reason="the extra channels is not installed"
)


def decay(rt60_s, seconds=None, seed=0, direct=0):
    """White noise that falls by 60 dB in a time, behind a click: what a diffuse field is."""
    size = int((seconds or 1.2 * rt60_s) * RATE)
    tail = np.random.default_rng(seed).normal(size=size) * 10 ** (-3 * np.arange(size) / RATE / rt60_s)
    tail[0] = 4.0
    return np.concatenate([np.zeros(direct), tail])


@pytest.mark.parametrize("rt60_s", [0.3, 0.6, 1.2])
def test_the_reverberation_time_of_an_exponential_is_its_own(rt60_s):
    smooth = 10 ** (-3 * np.arange(int(1.5 * rt60_s * RATE)) / RATE / rt60_s)
    assert room_responses.rt60(smooth) == pytest.approx(rt60_s, rel=0.01)
    assert room_responses.rt60(decay(rt60_s, 1.5 * rt60_s)) == pytest.approx(rt60_s, rel=0.05)


@pytest.mark.parametrize("response", [np.zeros(0), np.zeros(100), np.ones(1000), np.eye(1, 1)[0]])
def test_what_does_not_fall_has_no_reverberation_time(response):
    assert np.isnan(room_responses.rt60(response))


def test_an_exponential_brings_a_response_to_another_time():
    for wanted in (0.4, 0.8):
        shaped = room_responses.with_rt60(decay(0.6, 1.2, direct=50), 50, wanted)
        assert room_responses.rt60(shaped[50:]) == pytest.approx(wanted, rel=0.02)
        # The direct sound is no echo.
        assert shaped[50] == 4.0


@made
@pytest.mark.parametrize("rt60_s", [0.25, 0.3, 0.6, 1.2, 2.0])
def test_a_made_room_has_its_reverberation_time_and_its_direct_sound_first(rt60_s):
    for number in range(3):
        room = room_responses.synthetic(rt60_s, number)
        assert room_responses.rt60(room.response[room.direct :]) == pytest.approx(rt60_s, rel=0.07)
        peak = int(np.argmax(np.abs(room.response)))
        assert abs(peak - room.direct) <= 1
        assert np.abs(room.response[: room.direct - 5]).max() < 0.2 * abs(room.response[peak])
        low, high = room_responses.DISTANCES_M
        assert low <= room.facts["distance_m"] <= high
        again = room_responses.synthetic(rt60_s, number)
        np.testing.assert_array_equal(room.response, again.response)


@made
def test_a_draw_takes_one_of_the_rooms_and_keeps_power_and_place():
    clock = np.arange(RATE)
    speech = (0.2 * np.random.default_rng(1).normal(size=RATE) * (clock % 4000 < 1500)).astype(np.float32)
    heard = [
        channels.get("reverberation").apply(speech, 0.3, np.random.default_rng(seed), Options()) for seed in range(6)
    ]
    assert len({each.facts["room"] for each in heard}) > 2
    for each in heard:
        assert each.waveform.shape == speech.shape
        assert np.mean(each.waveform**2) == pytest.approx(np.mean(speech.astype(float) ** 2), rel=1e-9)
        late = np.correlate(each.waveform, speech.astype(float), "full")
        assert int(np.argmax(late)) - (speech.size - 1) in (-1, 0, 1)


@pytest.fixture
def folder(tmp_path):
    for name, rt60_s, direct in (("office/a.wav", 0.32, 120), ("office/b.wav", 0.29, 0), ("hall.wav", 1.2, 700)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        response = decay(rt60_s, 1.6 * rt60_s, seed=direct, direct=direct)
        soundfile.write(tmp_path / name, response / 5.0, RATE, subtype="FLOAT")
    return str(tmp_path)


def test_measured_responses_of_about_the_time_take_the_place_of_made_ones(folder):
    rooms = room_responses.of(0.3, folder)
    assert [room.facts["recording"] for room in rooms] == ["office/a.wav", "office/b.wav"]
    assert [room.direct for room in rooms] == [120, 0]
    speech = (0.1 * np.random.default_rng(2).normal(size=4000)).astype(np.float32)
    passed = channels.get("reverberation").apply(speech, 1.2, np.random.default_rng(0), Options(folder))
    assert passed.facts["recording"] == "hall.wav"
    late = np.correlate(passed.waveform, speech.astype(float), "full")
    assert int(np.argmax(late)) == speech.size - 1


def test_a_time_that_no_response_has_and_a_folder_without_any_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"expected a response with an RT60 of 0.6 s ± 20 %. Received: 3 of 0\.\d+ to"):
        channels.refuse(["reverberation"], [("reverberation", 0.6)], Options(folder))
    (tmp_path / "empty").mkdir()
    for place, received in (("empty", "none"), ("absent", "no such folder")):
        with pytest.raises(InputError, match=f"attack.rooms_dir: expected a folder of room responses.*: {received}"):
            room_responses.refuse([0.3], str(tmp_path / place))


def test_speech_is_no_room_response(tmp_path):
    soundfile.write(tmp_path / "speech.wav", 0.1 * np.random.default_rng(0).normal(size=RATE), RATE)
    with pytest.raises(InputError, match="speech.wav: expected a room response that falls by 35 dB"):
        room_responses.refuse([0.3], str(tmp_path))


def test_another_file_changes_what_is_outside(folder, tmp_path):
    before = room_responses.outside(folder)
    assert before == room_responses.outside(folder) != room_responses.outside()
    soundfile.write(tmp_path / "hall.wav", decay(1.1) / 5.0, RATE, subtype="FLOAT")
    assert room_responses.outside(folder) != before
