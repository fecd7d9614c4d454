"""Channels by name: what settings may ask for, and what every channel promises."""

import numpy as np
import pytest

from kerasser.attack import channels, room_responses
from kerasser.attack.budget import SNR, Budget, Channel, Epsilon, ascending, of_channels
from kerasser.attack.channels import Options
from kerasser.util.errors import InputError

MADE = [pair for pair in channels.chosen(list(channels.known())) if pair[0] != "reverberation"]


def test_a_channel_alone_stands_for_its_default_levels_from_mild_to_severe():
    assert channels.chosen(["mp3", "telephone"]) == [
        ("telephone", 3400.0),
        *(("mp3", rate) for rate in (64.0, 32.0, 16.0)),
    ]
    for channel in channels.known().values():
        severities = [channel.severity(level) for level in channel.levels]
        assert severities == sorted(severities) and len(set(severities)) == len(severities)
        for level in channel.levels:
            channel.check(level)


def test_one_level_is_asked_for_by_its_number():
    assert channels.chosen(["reverberation@0.6", "gain@-6"]) == [("reverberation", 0.6), ("gain", -6.0)]


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        (["wire"], "channel: expected one of telephone, mp3, opus, reverberation, clipping, gain. Received: 'wire'"),
        (["mp3@33"], "mp3: expected a level of one of 16, 24, .* kbit/s. Received: 33"),
        (["reverberation@9"], "reverberation: expected a level of 0.25 to 2 s. Received: 9"),
        (["gain@loud"], "expected a number behind the @"),
        (["gain@nan"], "expected a number behind the @"),
        (["gain@"], "expected a number behind the @"),
        (["mp3", "mp3@32"], "channels: expected each once. Received: mp3@32 twice"),
    ],
)
def test_what_is_no_channel_or_level_is_refused_in_one_line(specs, words):
    with pytest.raises(InputError, match=words) as caught:
        channels.chosen(specs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("budget", "spelled"),
    [
        (Channel("telephone"), "telephone, 300–3400 Hz, µ-law"),
        (Channel("reverberation", 0.6), "room, RT60 0.6 s"),
        (Channel("mp3", 32), "MP3, 32 kbit/s"),
        (Channel("gain", -10), "gain, −10 dB"),
        (Channel("gain", 10), "gain, +10 dB"),
        (Channel("clipping", 5), "clipping, 5 % of the samples"),
    ],
)
def test_a_channel_is_a_budget_that_spells_itself_and_comes_back_from_its_row(budget, spelled):
    assert str(budget) == spelled
    assert budget.row() == {"channel": budget.kind, "level": budget.value}
    assert Budget.of({**budget.row(), "epsilon": None}) == budget


def test_channels_stand_behind_noise_from_mild_to_severe():
    wanted = [Epsilon(0.1), Epsilon(2), SNR(20), SNR(0), *of_channels(["mp3", "reverberation", "clipping"])]
    assert ascending(reversed(wanted)) == wanted


def test_a_level_that_a_channel_does_not_have_is_no_budget():
    with pytest.raises(InputError, match="mp3: expected a level"):
        Budget("mp3", 20.0)
    with pytest.raises(InputError, match="or a channel"):
        Budget("wire", 1.0)


@pytest.mark.parametrize(("name", "level"), MADE)
def test_speech_keeps_its_length_and_comes_out_the_same_twice(name, level):
    for size in (1600, 16001):
        speech = (0.1 * np.random.default_rng(size).normal(size=size)).astype(np.float32)
        before = speech.copy()
        heard = [
            channels.get(name).apply(speech, level, np.random.default_rng(seed), Options()).waveform for seed in (1, 2)
        ]
        assert heard[0].shape == speech.shape and np.isfinite(heard[0]).all()
        # No channel but a random one looks at the generator, and none touches what it is given.
        np.testing.assert_array_equal(*heard)
        np.testing.assert_array_equal(speech, before)


def test_a_missing_package_is_said_in_one_line_with_its_cure(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(room_responses, "import_module", absent)
    with pytest.raises(InputError, match=r'pip install "kerasser\[channels\]" brings, or measured responses') as caught:
        channels.refuse(["reverberation"], [("reverberation", 0.3)], Options())
    assert "\n" not in str(caught.value)
    channels.refuse(["telephone"], [("telephone", 3400.0)], Options())
