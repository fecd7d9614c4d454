import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kerasser.noise import bank
from kerasser.util.errors import InputError


def record(path, seconds=4.0, rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).uniform(-0.1, 0.1, int(seconds * rate)), rate)


def demand(root, layout, places, channels=(1, 2), rate=16000):
    for place in places:
        for channel in channels:
            record(root / layout.format(place=place) / f"ch{channel:02d}.wav", rate=rate)


@pytest.mark.parametrize(
    ("layout", "rate"), [("{place}", 16000), ("{place}_16k/{place}", 16000), ("{place}_48k/{place}", 48000)]
)
def test_demand_is_found_in_both_layouts_and_rates(tmp_path, layout, rate):
    demand(tmp_path, layout, ("PCAFETER", "OMEETING", "PSTATION", "DKITCHEN"), rate=rate)
    sources = bank.read(tmp_path, channel=2)
    assert [(s.environment, s.name) for s in sources] == [
        ("cafe", "PCAFETER/ch02"),
        ("meeting", "OMEETING/ch02"),
        ("station", "PSTATION/ch02"),
    ]
    assert {s.audio.sample_rate_hz for s in sources} == {rate}


def test_the_other_cafe_serves_where_the_first_is_absent(tmp_path):
    demand(tmp_path, "{place}", ("SCAFE",))
    assert [s.name for s in bank.read(tmp_path)] == ["SCAFE/ch01"]


def test_a_channel_that_demand_lacks_is_named(tmp_path):
    demand(tmp_path, "{place}", ("PCAFETER",))
    with pytest.raises(InputError, match=r"PCAFETER: expected channel 7 as ch07\.wav"):
        bank.read(tmp_path, channel=7)


def test_a_folder_is_an_environment(tmp_path):
    for name in ("kitchen/a.wav", "kitchen/b.flac", "car/c.wav", "car/._c.wav", "car/notes.txt"):
        record(tmp_path / name) if name.endswith(("a.wav", "b.flac", "/c.wav")) else (tmp_path / name).write_text("x")
    assert [s.name for s in bank.read(tmp_path)] == ["car/c", "kitchen/a", "kitchen/b"]


def test_no_two_recordings_of_an_environment_get_one_name(tmp_path):
    files = ("a.wav", "a.flac", "A.flac", "b.wav", "PCAFETER/ch01.wav", "SCAFE/ch01.wav", ".hidden/c.wav")
    for name in files:
        record(tmp_path / "cafe" / name)
    names = [source.name for source in bank.read(tmp_path)]
    assert len({name.casefold() for name in names}) == len(names) == len(files) - 1
    assert {"cafe/b", "cafe/PCAFETER/ch01", "cafe/SCAFE/ch01", "cafe/a.wav"} < set(names)


def test_recordings_come_in_every_container(tmp_path):
    for name, format in (("a.ogg", "OGG"), ("b.MP3", "MP3"), ("c.aiff", "AIFF"), ("d.au", "AU")):
        (tmp_path / "car").mkdir(exist_ok=True)
        soundfile.write(
            tmp_path / "car" / name, np.random.default_rng(0).uniform(-0.1, 0.1, 64000), 16000, format=format
        )
    assert [s.name for s in bank.read(tmp_path)] == ["car/a", "car/b", "car/c", "car/d"]


def test_what_cannot_be_used_is_refused_or_left_out_by_name(tmp_path):
    record(tmp_path / "car/a.wav")
    (tmp_path / "car/b.wav").write_text("hello")
    with pytest.raises(InputError, match=r"b\.wav: expected"):
        bank.read(tmp_path)
    refused = {}
    assert [s.name for s in bank.read(tmp_path, refused=refused)] == ["car/a"]
    assert bank.told_refused(refused) == "left out: car/b (no audio)"
    (tmp_path / "car/a.wav").write_bytes(b"")
    with pytest.raises(InputError, match=r"expected recordings that can be used\. Received: none; left out: car/a"):
        bank.read(tmp_path, refused={})


@pytest.mark.parametrize("name", ["any", "a b"])
def test_an_environment_needs_a_plain_name(tmp_path, name):
    record(tmp_path / name / "a.wav")
    with pytest.raises(InputError, match="expected an environment named by letters"):
        bank.read(tmp_path)


def test_no_noise_is_said_plainly(tmp_path):
    with pytest.raises(InputError, match="Received: neither"):
        bank.read(tmp_path)
    with pytest.raises(InputError, match="expected a folder of noise. Received: nothing"):
        bank.read(tmp_path / "absent")


def test_wanted_environments_must_exist(tmp_path):
    record(tmp_path / "car/a.wav")
    sources = bank.read(tmp_path)
    assert bank.environments(sources, []) == ("car",)
    with pytest.raises(InputError, match="expected some of car. Received: 'bus'"):
        bank.environments(sources, ["bus"])


@given(st.integers(100_000, 500_000), st.floats(0.25, 0.75), st.floats(0, 1))
def test_the_stretches_share_no_sample_and_leave_the_gap(size, test_share, guard_s):
    train, test = bank.split(size, "a", test_share, guard_s)
    assert train.start == 0 and test.stop == size
    assert test.start - train.stop == round(16000 * guard_s)
    assert (test.stop - test.start) / size == pytest.approx(test_share, abs=0.2)


def test_a_recording_too_short_to_cut_is_named():
    with pytest.raises(InputError, match="a: expected a recording long enough for a test stretch"):
        bank.split(32000, "a", 0.25, 0.5)


@pytest.mark.real_audio
def test_real_ambience_is_three_environments_that_can_be_cut(real_data):
    sources = bank.read(real_data / "noise")
    assert {s.environment for s in sources} == {"cafe", "meeting", "station"}
    assert len(sources) == 8
    for source in sources:
        bank.split(round(source.audio.duration_s * 16000), source.name, 0.4, 0.5)
