import subprocess
import sys

import numpy as np
import pytest

from kerasser import audio
from kerasser.features.base import EGEMAPS_NAMES
from kerasser.features.opensmile import Egemaps, Functionals, load
from kerasser.util.errors import InputError

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def egemaps():
    return Egemaps()


@pytest.fixture(scope="module")
def functionals():
    return Functionals()


def noise(seconds, seed=0):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(16000 * seconds)).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.11, 0.25, 1.0, 3.037])
def test_t_seconds_give_a_hundred_t_minus_four_frames(egemaps, seconds):
    frames = egemaps(noise(seconds))
    assert frames.shape == (int(100 * seconds + 1e-9) - 4, 25)
    assert frames.dtype == np.float32


def test_pitch_of_a_pulse_train_is_found_under_its_name(egemaps):
    pulses = np.zeros(16000, np.float32)
    pulses[::100] = 0.9  # 160 Hz
    semitones = egemaps(pulses)[20:80, EGEMAPS_NAMES.index("F0semitoneFrom27.5Hz_sma3nz")]
    assert np.median(semitones) == pytest.approx(12 * np.log2(160 / 27.5), abs=0.1)


def test_a_louder_voice_has_more_loudness(egemaps):
    loudness = EGEMAPS_NAMES.index("Loudness_sma3")
    assert egemaps(noise(1.0))[:, loudness].mean() > 1.5 * egemaps(0.1 * noise(1.0))[:, loudness].mean()


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros(0, np.float32), "Received: 0.000 s"),
        (noise(0.05), "Received: 0.050 s"),
        (np.full(4000, np.nan, np.float32), "Received: NaN"),
        (np.ones((4000, 2), np.float32), r"expected mono.*Received: shape \[4000, 2\]"),
        (np.append(noise(1.0), np.float32(1.0)), "clip them first. Received: 1"),
        (np.append(noise(1.0), np.float32(-1.001)), "clip them first. Received: -1.001"),
    ],
)
def test_waveforms_that_egemaps_cannot_describe_are_refused_by_name(egemaps, functionals, waveform, message):
    for front_end in (egemaps, functionals):
        with pytest.raises(InputError, match=f"a.wav: .*{message}"):
            front_end(waveform, "a.wav")


@pytest.mark.parametrize("seconds", [0.1, 0.25, 1.5])
def test_the_functionals_summarise_the_frames_under_their_names(egemaps, functionals, seconds):
    waveform = noise(seconds)
    found = functionals(waveform)
    assert found.shape == (88,) and found.dtype == np.float32 and len(functionals.names) == 88
    mean = egemaps(waveform)[:, EGEMAPS_NAMES.index("Loudness_sma3")].mean()
    assert found[functionals.names.index("loudness_sma3_amean")] == pytest.approx(mean, rel=0.02)


def test_full_scale_would_wrap_and_is_therefore_clipped(egemaps):
    loud = np.clip(6 * noise(1.0), -1, 1).astype(np.float32)
    opensmile = load()
    unchecked = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)
    wrapped = unchecked.process_signal(loud, 16000).to_numpy()
    clipped = egemaps(audio.clip(loud)[0])
    # Same sound within one part in 32768, far apart once opensmile has cast +1.0 to -32768.
    assert np.abs(wrapped - clipped).max() > 0.1


@pytest.mark.real_audio
def test_real_speech_has_a_plausible_voice(egemaps, real_data):
    files = [audio.probe(real_data / "EMO-DB/wav" / name) for name in ("03a01Fa.wav", "08a01Na.wav")]
    for file, waveform in zip(files, audio.waveforms(files), strict=True):
        frames = egemaps(audio.clip(waveform)[0], str(file.path))
        assert len(frames) == int(100 * file.duration_s) - 4
        semitones = frames[:, EGEMAPS_NAMES.index("F0semitoneFrom27.5Hz_sma3nz")]
        hertz = 27.5 * 2 ** (np.median(semitones[semitones > 0]) / 12)
        low, high = (80, 260) if "03a" in file.path.name else (140, 400)
        assert low < hertz < high


_DESCRIBED = """
import sys
import numpy as np
{first}
from kerasser.features.opensmile import Egemaps, Functionals
{last}
waveform = np.random.default_rng(0).uniform(-0.3, 0.3, 16000).astype(np.float32)
np.savez(sys.argv[1], frames=Egemaps()(waveform), functionals=Functionals()(waveform))
"""


def test_features_are_the_same_whatever_was_loaded_before_opensmile(tmp_path):
    # TensorFlow 2.21 exports a function that opensmile has under the same name.
    for name, place in (("first", "import tensorflow"), ("last", "import tensorflow"), ("never", "")):
        script = _DESCRIBED.format(**{"first": "", "last": "", name: place})
        subprocess.run([sys.executable, "-c", script, tmp_path / f"{name}.npz"], check=True, capture_output=True)
    never = np.load(tmp_path / "never.npz")
    for name in ("first", "last"):
        found = np.load(tmp_path / f"{name}.npz")
        np.testing.assert_array_equal(found["frames"], never["frames"])
        np.testing.assert_array_equal(found["functionals"], never["functionals"])
