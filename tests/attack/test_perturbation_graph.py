import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasser import audio
from kerasser.attack import perturbation as library
from kerasser.attack import perturbation_graph
from kerasser.attack.budget import Budget
from kerasser.attack.generation import Plan, adversarial_examples, replay
from kerasser.audio import FULL_SCALE
from kerasser.features.opensmile import Egemaps
from kerasser.noise import bank
from kerasser.noise.bank import Recording


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("perturbation") / "1"
    perturbation_graph.write(place)
    return place


@pytest.fixture(scope="module")
def add(place):
    return perturbation_graph.load(place)


def sound(samples, seed, level=0.3):
    noise = np.random.default_rng(seed).normal(0, level, samples)
    return noise.clip(-1, FULL_SCALE).astype(np.float32)


@settings(max_examples=60)
@given(
    samples=st.integers(2, 3000),
    seed=st.integers(0, 10**6),
    mean=st.floats(-0.2, 0.2),
    deviation=st.floats(0, 0.5),
    epsilon=st.floats(0, 4),
    level=st.floats(0.01, 1.0),
)
def test_it_equals_the_library(add, samples, seed, mean, deviation, epsilon, level):
    arguments = sound(samples, seed, level), sound(samples, seed + 1), mean, deviation**2, epsilon
    served, expected = add(*arguments), library.add(*arguments)
    np.testing.assert_allclose(served.waveform, expected.waveform, atol=1e-6, rtol=0)
    assert served.waveform.dtype == np.float32
    assert served.clipped == expected.clipped
    assert served.epsilon == expected.epsilon
    assert served.snr_db == pytest.approx(expected.snr_db, abs=1e-6)


def test_it_saturates_and_counts():
    # Through the graph itself, in a batch: one row that clips and one that does not.
    waveform = np.stack([sound(500, 0, 0.6), sound(500, 0, 0.01)])
    noise = np.stack([sound(500, 1), sound(500, 2)])
    numbers = [tf.constant(values, tf.float64) for values in ([0.0, 0.0], [0.2, 1e-6], [2.0, 1.0])]
    made = perturbation_graph.perturb(tf.constant(waveform), tf.constant(noise), *numbers)
    assert made["clipped"][0] > 0
    assert made["clipped"][1] == 0
    assert made["adversarial"].numpy().max() == FULL_SCALE
    assert made["adversarial"].numpy().min() == -1.0


def test_an_epsilon_of_zero_changes_no_bit(add):
    waveform = sound(800, 3)
    made = add(waveform, sound(800, 4), 0.1, 0.2, 0.0)
    np.testing.assert_array_equal(made.waveform, waveform)
    assert made.snr_db == float("inf")


@pytest.mark.parametrize("reference_mean", [0.0, 0.3])
def test_an_snr_budget_adds_no_offset_through_the_graph_either(add, reference_mean):
    waveform = (0.1 * sound(9000, 5) + 0.1).astype(np.float32)
    made = library.attack(waveform, sound(9000, 6), reference_mean, 1e-4, Budget("snr_db", 0.0), add)
    added = made.waveform.astype(float) - waveform
    assert made.clipped == 0 and abs(np.mean(added)) < 1e-7
    assert made.snr_db == pytest.approx(0.0, abs=1e-4)
    assert 10 * np.log10(np.var(waveform.astype(float)) / np.mean(added**2)) == pytest.approx(0.0, abs=1e-4)


_ASKED = """
import sys
import numpy as np
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[2]))
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
for seed in range(40):
    generator = np.random.default_rng(seed)
    waveform, noise = 0.1 * generator.uniform(-1, 1, (2, 1, 16000 * (1 + seed % 6) + seed)).astype(np.float32)
    numbers = {name: tf.constant([1e-4], tf.float64) for name in ("reference_mean", "reference_variance")}
    made = served(waveform=waveform, noise=noise, epsilon=tf.constant([2.0], tf.float64), **numbers)
    print(made["snr_db"].numpy()[0].hex())
"""


def test_the_number_of_threads_changes_no_bit(place):
    answers = [
        subprocess.run(
            [sys.executable, "-c", _ASKED, str(place), threads], capture_output=True, text=True, check=True
        ).stdout
        for threads in ("1", "7")
    ]
    assert answers[0] == answers[1] and answers[0].count("\n") == 40


GOOD = {
    "waveform": sound(40, 0)[None],
    "noise": sound(40, 1)[None],
    "reference_mean": np.array([0.0]),
    "reference_variance": np.array([0.1]),
    "epsilon": np.array([1.0]),
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"noise": sound(39, 1)[None]}, "noise: expected the shape"),
        ({"noise": np.full((1, 40), 0.5, np.float32)}, "noise: expected sound"),
        ({"epsilon": np.array([-0.1])}, "epsilon: expected"),
        ({"epsilon": np.array([np.nan])}, "epsilon: expected"),
        ({"epsilon": np.array([1.0, 2.0])}, "for each waveform"),
        ({"reference_variance": np.array([-1e-9])}, "reference_variance: expected"),
        ({"reference_mean": np.array([np.inf])}, "reference_mean: expected"),
    ],
    ids=str,
)
def test_what_cannot_be_added_is_an_error(place, change, words):
    loaded = tf.saved_model.load(str(place))
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        loaded.signatures["serving_default"](**{k: tf.constant(v) for k, v in {**GOOD, **change}.items()})


@pytest.mark.real_audio
def test_attacked_speech_is_the_librarys(add, real_data):
    source = bank.read(real_data / "noise")[0]
    (recording,) = audio.waveforms([source.audio])
    noise = {source.environment: [Recording(source.environment, source.name, recording)]}
    (waveform,) = audio.waveforms([audio.probe(real_data / "EMO-DB/wav/03a01Fa.wav")])
    plan = Plan(noise, "test", [Budget("epsilon", 2.0), Budget("snr_db", 5.0)], 2, "lsa", 0)
    front_end = Egemaps()
    served = adversarial_examples(waveform, "u", plan, front_end, "u", add)
    own = adversarial_examples(waveform, "u", plan, front_end, "u")
    clean, _ = audio.clip(waveform)
    for (frames, facts), (expected, known) in zip(served, own, strict=True):
        np.testing.assert_allclose(frames, expected, rtol=1e-3, atol=1e-3)
        assert facts["snr_db"] == pytest.approx(known["snr_db"], abs=1e-6)
        np.testing.assert_array_equal(front_end(replay(clean, recording, facts, add)), frames)
