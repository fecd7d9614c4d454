import numpy as np
import pytest
import soundfile

from kerasser import audio
from kerasser.util.errors import InputError
from tests.sounds import tone

pytestmark = pytest.mark.smoke
RATE = audio.SAMPLE_RATE_HZ


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 44100, 48000])
def test_stereo_is_averaged_and_another_rate_resampled_in_place(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone(rate, amplitude=0.8), tone(rate, amplitude=0.2)], axis=1), rate)
    (waveform,) = audio.waveforms([audio.probe(path)])
    assert abs(waveform.size - RATE // 2) <= 1
    middle = slice(800, 7000)
    # The delay is a fraction of a sample at 11025 Hz; one whole sample would show as 0.09.
    np.testing.assert_allclose(waveform[middle], tone(RATE)[middle], atol=0.05)


def test_a_part_of_a_file_is_cut_out(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(RATE), RATE, subtype="FLOAT")
    file = audio.probe(path, 0.125, 0.375)
    (waveform,) = audio.waveforms([file])
    assert file.duration_s == 0.25
    np.testing.assert_allclose(waveform, tone(RATE)[2000:6000], atol=1e-6)


def test_another_goes_on_behind_one_that_is_refused(tmp_path):
    """What TensorFlow reads ahead is not taken for what comes next."""
    paths = [tmp_path / f"{number}.wav" for number in range(6)]
    for number, path in enumerate(paths):
        soundfile.write(path, np.zeros(4000) if number in (2, 4) else tone(RATE), RATE)
    stream = audio.waveforms([audio.probe(path) for path in paths])
    assert [next(stream).size, next(stream).size] == [8000, 8000]
    with pytest.raises(audio.AudioError, match=r"2\.wav: expected sound"):
        next(stream)


def test_files_come_in_order(tmp_path):
    files = []
    for number in range(12):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.linspace(0, (number + 1) / 20, 2000 + 100 * number), RATE, subtype="FLOAT")
        files.append(audio.probe(path))
    for number, waveform in enumerate(audio.waveforms(files)):
        assert waveform.size == 2000 + 100 * number
        assert waveform.max() == pytest.approx((number + 1) / 20)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_one_file_alone_is_what_it_is_among_others(tmp_path, rate):
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).normal(size=(rate, 2)), rate)
    file = audio.probe(path, 0.25, 0.75)
    (among,) = audio.waveforms([file])
    np.testing.assert_array_equal(audio.read(file), among)


def test_clip_bounds_and_counts():
    bounded, count = audio.clip(np.array([-1.5, -1.0, 0.25, audio.FULL_SCALE, 1.0, 2.0]))
    assert count == 3
    np.testing.assert_array_equal(bounded[:3], np.float32([-1, -1, 0.25]))
    np.testing.assert_array_equal(bounded[3:], np.float32(3 * [audio.FULL_SCALE]))
    # The bound is the last value that a cast to 16 bits does not wrap.
    assert (bounded * 32768).astype(np.int16).max() == 32767


def test_sixteen_bit_files_survive_a_round_trip(tmp_path):
    waveform = (np.random.default_rng(0).integers(-32768, 32768, 4000) / 32768).astype(np.float32)
    audio.write(tmp_path / "a.wav", waveform)
    (again,) = audio.waveforms([audio.probe(tmp_path / "a.wav")])
    np.testing.assert_array_equal(again, waveform)


def bad_files(tmp_path):
    def write(name, samples, rate=RATE, **options):
        soundfile.write(tmp_path / name, samples, rate, **options)
        return tmp_path / name

    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("not a sound")
    return {
        "nothing": (tmp_path / "absent.wav", "absent.wav: expected an audio file. Received: nothing"),
        "folder": (tmp_path, "expected an audio file. Received: a folder"),
        "empty": (tmp_path / "empty.wav", "Received: an empty file"),
        "text": (tmp_path / "text.wav", "Received: a file that is none of these"),
        "short": (write("short.wav", tone(RATE, 0.05)), "expected at least 0.1 s of audio. Received: 0.050 s"),
    }


@pytest.mark.parametrize("case", ["nothing", "folder", "empty", "text", "short"])
def test_bad_files_are_refused_by_name_before_decoding(tmp_path, case):
    path, message = bad_files(tmp_path)[case]
    with pytest.raises(InputError) as error:
        audio.probe(path)
    assert message in str(error.value)
    assert path.name in str(error.value)


@pytest.mark.parametrize(
    ("samples", "message"),
    [(np.zeros(4000), "silence"), (np.full(4000, 0.1), "silence"), (np.append(tone(RATE), np.nan), "NaN")],
)
def test_silence_and_nan_are_refused_by_name(tmp_path, samples, message):
    path = tmp_path / "odd.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=rf"odd\.wav: expected .* Received: .*{message}"):
        list(audio.waveforms([audio.probe(path)]))


def test_a_file_cut_short_is_refused_by_name(tmp_path):
    good, bad = tmp_path / "good.wav", tmp_path / "bad.flac"
    soundfile.write(good, tone(RATE), RATE)
    soundfile.write(bad, np.random.default_rng(0).uniform(-0.5, 0.5, RATE), RATE)
    files = [audio.probe(good), audio.probe(bad)]
    bad.write_bytes(bad.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"bad\.flac: expected"):
        list(audio.waveforms(files))


def test_what_is_stored_in_memory_is_what_a_file_holds(tmp_path):
    waveform = np.random.default_rng(0).normal(scale=0.5, size=5000).astype(np.float32)
    audio.write(tmp_path / "a.wav", waveform)
    (read,) = audio.waveforms([audio.probe(tmp_path / "a.wav")])
    np.testing.assert_array_equal(audio.stored(waveform), read)
