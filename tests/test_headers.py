import itertools

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasser.decoding import decode
from kerasser.headers import AudioError, Limits, probe
from tests.sounds import RATE, chunk, riff, tone


def written(path, **options):
    path.write_bytes(riff(tone(), **options))
    return path


@pytest.mark.parametrize("size", [0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF])
def test_a_streamed_header_is_read_to_the_end_of_the_file(tmp_path, size):
    file = probe(written(tmp_path / "a.wav", data_size=size, riff_size=0xFFFFFFFF))
    assert file.frames == RATE // 2
    np.testing.assert_allclose(decode(file), tone(), atol=2**-15)


def test_a_header_without_a_length_is_refused_with_the_cure(tmp_path):
    path = written(tmp_path / "a.wav", data_size=0, riff_size=0)
    with pytest.raises(AudioError, match=r"a\.wav: expected a header that says how long .*; sox --ignore-length"):
        probe(path)


@pytest.mark.parametrize("format", ["WAV", "WAVEX", "RF64", "W64", "AIFF", "AU"])
def test_a_file_that_is_cut_short_is_refused_and_what_is_there_can_be_read(tmp_path, format):
    path = tmp_path / "a.snd"
    soundfile.write(path, tone(), RATE, format=format, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[: RATE // 2])
    with pytest.raises(
        AudioError, match=r"a\.snd: expected 0\.\d+ s .*as its header says\. Received: 0\.2\d* s; .*cut"
    ):
        probe(path)
    np.testing.assert_allclose(decode(probe(path, 0.05, 0.2)), tone()[800:3200], atol=2**-14)


def test_a_few_bytes_too_few_are_no_loss(tmp_path):
    """Some writers count the header into the size of the samples."""
    assert probe(written(tmp_path / "a.wav", data_size=RATE + 44)).frames == RATE // 2


@pytest.mark.parametrize("format", ["WAV", "AIFF", "AU", "FLAC"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_header_does_more_than_be_refused(tmp_path, format, changes):
    path = tmp_path / "a.snd"
    soundfile.write(path, tone(), RATE, format=format, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[place] = value
    path.write_bytes(data)
    try:
        file = probe(path, limits=Limits(60.0, 10**7))
        assert 0 < decode(file).nbytes <= 10**7
    except AudioError as error:
        assert "a.snd: expected" in str(error) and "\n" not in str(error)


@pytest.mark.parametrize("lie", [{"block": 0}, {"block": 7}, {"bits": 1}])
def test_block_sizes_that_cannot_be_harm_nothing(tmp_path, lie):
    file = probe(written(tmp_path / "a.wav", **lie))
    assert decode(file).size == file.frames


@pytest.mark.parametrize("rate", [8, 3999, 2**31 - 1])
def test_rates_that_no_speech_has_are_refused(tmp_path, rate):
    with pytest.raises(AudioError, match=rf"a\.wav: expected a sampling rate of 4000 to .* Received: {rate} Hz"):
        probe(written(tmp_path / "a.wav", rate=rate))


def test_limits_are_held_against_what_is_wanted(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(48000, 2.0), 48000)
    with pytest.raises(AudioError, match=r"at most 1\.5 s of audio \(data\.longest_s\)\. Received: 2\.0 s"):
        probe(path, limits=Limits(longest_s=1.5))
    with pytest.raises(AudioError, match=r"at most 300000 bytes .*\(data\.largest_bytes\)\. Received: 384000"):
        probe(path, limits=Limits(largest_bytes=300_000))
    # An hour's file may be cut into seconds.
    assert probe(path, 0.5, 1.5, Limits(1.0, 200_000)).duration_s == 1.0


def test_a_lying_flac_costs_nothing(tmp_path):
    """Its header says 36 hours, of half a second."""
    path = tmp_path / "a.flac"
    soundfile.write(path, tone(), RATE)
    data = bytearray(path.read_bytes())
    data[21], data[22:26] = data[21] & 0xF0, (2**31).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(AudioError, match=r"at most 7200 s .* Received: 134217\.7 s"):
        probe(path)


@pytest.mark.parametrize("beyond_s", [0.001, 0.005, 0.0099])
def test_an_end_up_to_a_hop_behind_the_file_is_the_file_s(tmp_path, beyond_s):
    file = probe(written(tmp_path / "a.wav"), 0.1, 0.5 + beyond_s)
    assert file.bounds == (1600, 8000)
    assert file.beyond_s == pytest.approx(beyond_s)
    np.testing.assert_allclose(decode(file), tone()[1600:], atol=2**-15)


def test_an_end_further_behind_it_is_refused_with_both(tmp_path):
    with pytest.raises(AudioError, match=r"a\.wav: expected at least 0\.511 s .* wanted end\. Received: 0\.500 s"):
        probe(written(tmp_path / "a.wav"), 0.0, 0.511)


def test_a_start_behind_the_file_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"Received: 0\.000 s, from 3 s on"):
        probe(written(tmp_path / "a.wav"), 3.0)


ODD = [chunk("LIST", b"INFOx"), chunk("bext", bytes(603)), chunk("JUNK", b"")]


@pytest.mark.parametrize("number", range(8))
def test_odd_chunks_on_either_side_are_passed_over(tmp_path, number):
    before, after = list(itertools.product([[], ODD[:1], ODD, ODD[::-1]], [[], ODD]))[number]
    np.testing.assert_allclose(
        decode(probe(written(tmp_path / "a.wav", before=before, after=after))), tone(), atol=2**-15
    )
