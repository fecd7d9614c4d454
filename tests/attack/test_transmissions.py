"""Utterances behind channels: which draws are made, and that provenance makes each again."""

import json

import numpy as np
import pytest
import soundfile

from kerasser.attack import audibility, transmissions
from kerasser.attack.budget import Channel
from kerasser.attack.channels import Options
from kerasser.audio import FULL_SCALE
from kerasser.util.errors import InputError
from tests.attack.test_room_responses import decay

SPEECH = (0.2 * np.random.default_rng(0).normal(size=8000)).astype(np.float32)


@pytest.fixture
def plan(tmp_path):
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", decay(0.3, 0.5, seed=number) / 5.0, 16000, subtype="FLOAT")
    budgets = [Channel("telephone"), Channel("mp3", 32), Channel("reverberation", 0.3), Channel("gain", 20)]
    return transmissions.ChannelPlan(budgets, 4, 5, Options(str(tmp_path)))


def test_what_differs_is_drawn_several_times_and_all_else_once(plan):
    made = list(transmissions.transmissions(SPEECH, "u", plan))
    assert [(facts["channel"], facts["draw"]) for _, facts in made] == [
        *(("telephone", 0), ("mp3", 0)),
        *(("reverberation", number) for number in range(4)),
        ("gain", 0),
    ]
    assert plan.size == len(made) == 7
    rooms = [waveform for waveform, facts in made if facts["channel"] == "reverberation"]
    assert len({waveform.tobytes() for waveform in rooms}) > 1


def test_provenance_makes_each_again_bit_for_bit_and_says_how_much_was_changed(plan):
    for waveform, facts in transmissions.transmissions(SPEECH, "u", plan):
        kept = json.loads(json.dumps(facts, allow_nan=False))
        again = transmissions.replay(SPEECH, kept, plan.options)
        assert waveform.dtype == np.float32 and waveform.min() >= -1 and waveform.max() <= FULL_SCALE
        np.testing.assert_array_equal(again, waveform)
        assert kept["snr_db"] == pytest.approx(audibility.snr_db(SPEECH, waveform), abs=1e-6)
    assert facts["clipped"] == int(np.sum((SPEECH * 10.0 > FULL_SCALE) | (SPEECH * 10.0 < -1)))


def test_the_draw_depends_on_the_utterance_and_on_nothing_before_it(plan):
    whole = list(transmissions.transmissions(SPEECH, "u", plan))
    alone = transmissions.ChannelPlan([Channel("reverberation", 0.3)], 4, 5, plan.options)
    rooms = [facts for _, facts in whole if facts["channel"] == "reverberation"]
    assert [facts for _, facts in transmissions.transmissions(SPEECH, "u", alone)] == rooms
    other = [facts["seed"] for _, facts in transmissions.transmissions(SPEECH, "v", alone)]
    assert not set(other) & {facts["seed"] for facts in rooms}


def test_another_utterance_is_not_the_one(plan):
    _, facts = next(transmissions.transmissions(SPEECH, "u", plan))
    with pytest.raises(InputError, match="replay: expected 8000 samples. Received: 7999"):
        transmissions.replay(SPEECH[:-1], facts)
