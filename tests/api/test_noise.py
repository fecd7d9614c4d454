"""Noise as the pipeline cuts it, and noise in memory."""

import numpy as np
import pytest

import kerasser
from kerasser import audio
from kerasser.api.noise import Noise
from pipelines.components import noise_gen
from pipelines.components.noise_gen import NoiseGenExecutor
from pipelines.engine.artifacts import Artifact
from tests.pipelines import corpus

CUT = {"test_share": 0.4, "guard_s": 0.5, "demo_duration_s": 5.0}


def banks(place, noise_dir):
    """What the component writes, read again."""
    outputs = {name: place / name for name in ("train", "test")}
    parameters = {
        "noise_dir": noise_dir,
        "test_noise_dir": "",
        "environments": [],
        "channel": 1,
        "seed": 2,
        "split": "time",
        "test_environments": [],
        **CUT,
        "skip_unusable": False,
        "longest_s": 7200.0,
        "largest_bytes": 2**31,
        "quiet": True,
    }
    for output in outputs.values():
        output.mkdir(parents=True)
    NoiseGenExecutor().do({}, outputs, parameters)
    found = {}
    for name, output in outputs.items():
        artifact = Artifact.__new__(Artifact)
        object.__setattr__(artifact, "uri", output)
        found[name] = noise_gen.load(artifact)
    return found


@pytest.mark.parametrize("synthetic", [True, False])
def test_the_bank_is_that_of_the_pipeline_bit_for_bit(tmp_path, synthetic):
    root = None if synthetic else corpus.write(tmp_path / "data")[1]
    for split, (name, invented, environments) in banks(tmp_path / "banks", root and str(root)).items():
        noise = kerasser.load_noise(root, split, seed=2, **CUT, quiet=True)
        assert (noise.split, noise.synthetic) == (name, invented) == (split, synthetic)
        assert list(noise.environments) == list(environments)
        for environment, recordings in environments.items():
            for mine, theirs in zip(noise.environments[environment], recordings, strict=True):
                assert (mine.environment, mine.name) == (theirs.environment, theirs.name)
                np.testing.assert_array_equal(mine.waveform, theirs.waveform)


def test_the_stretches_leave_a_gap_and_say_how_long_they_are(tmp_path):
    _, root = corpus.write(tmp_path)
    assert str(kerasser.load_noise(root, quiet=True)) == "test noise: cafe 1.8 s, station 1.8 s"
    train = kerasser.load_noise(root, "train", environments=["station"], quiet=True)
    assert str(train) == "train noise: station 2.8 s"


def test_arrays_are_taken_whole_and_resampled():
    hiss = np.random.default_rng(0).normal(scale=0.1, size=16000)
    noise = Noise.from_arrays({"one": hiss, "two": [hiss, 1.5 * hiss[:8000]]}, 8000, split="train")
    lengths = {name: [each.waveform.size for each in found] for name, found in noise.environments.items()}
    assert lengths == {"one": [32000], "two": [32000, 16000]} and noise.split == "train"
    named = [each.name for found in noise.environments.values() for each in found]
    assert named == ["one/0", "two/0", "two/1"]
    (recording,) = noise.environments["one"]
    np.testing.assert_array_equal(recording.waveform, audio.from_array(hiss, 8000))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Noise.from_arrays({}), "noise: expected recordings of each environment"),
        (lambda: Noise.from_arrays({"cafe": []}), "cafe/0: expected at least 0.1 s of audio"),
        (lambda: Noise.from_arrays({"any": np.ones(9)}), "noise: expected an environment named"),
        (lambda: Noise.from_arrays({"a b": np.ones(9)}), "noise: expected an environment named"),
        (lambda: Noise.from_arrays({"cafe": [1.0, 0.0] * 4000}, split="dev"), "split: expected train or test"),
        (lambda: kerasser.load_noise(split="dev"), "split: expected train or test. Received: 'dev'"),
        (lambda: kerasser.load_noise("nowhere"), "nowhere: expected a folder of noise. Received: nothing"),
        (lambda: kerasser.load_noise(environments=["moon"], quiet=True), "environment: expected one of cafe"),
    ],
)
def test_what_is_no_noise_is_refused_in_one_line(make, message):
    with pytest.raises(kerasser.InputError, match=message):
        make()
