"""Adapters answer as the model itself does when it is asked directly."""

import sys
from contextlib import contextmanager

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasser.audio import SAMPLE_RATE_HZ
from kerasser.features.opensmile import Egemaps, Functionals
from kerasser.models import classifier
from kerasser.serving import configuration, export, versions
from kerasser.util.errors import InputError, UnfinishedError
from kerasser.victims import adapters
from kerasser.victims.adapters import Target, victim
from tests.serving import server
from tests.serving.small import CLASSES, networks, padded

FOUR = ("anger", "happiness", "neutral", "sadness")


def speech(samples, seed):
    clock = np.arange(samples) / SAMPLE_RATE_HZ
    noise = np.random.default_rng(seed).normal(size=samples)
    return (0.3 * np.sin(2 * np.pi * (100 + 40 * seed) * clock) + 0.05 * noise).clip(-0.9, 0.9).astype(np.float32)


# Two of one length, which may be asked about together, and one of another.
SPEECH = [speech(4000, 1), speech(8000, 2), speech(4000, 3)]


def recurrent(with_lengths=False, frames=None):
    """A network whose answer depends on padding if it hears any."""
    keras.utils.set_random_seed(3)
    features = keras.Input((frames, 25), name="features")
    hidden = keras.layers.GRU(6)(keras.layers.Rescaling(0.01)(features))
    inputs = features
    if with_lengths:
        lengths = keras.Input((), dtype="int32", name="lengths")
        inputs = {"features": features, "lengths": lengths}
        scaled = keras.layers.Rescaling(0.01)(keras.layers.Reshape((1,))(lengths))
        hidden = keras.layers.Concatenate()([hidden, scaled])
    return keras.Model(inputs, keras.layers.Dense(4, "softmax")(hidden))


def dense():
    keras.utils.set_random_seed(4)
    return keras.Sequential([keras.Input((88,)), keras.layers.Rescaling(0.01), keras.layers.Dense(4, "softmax")])


def convolution():
    keras.utils.set_random_seed(5)
    waveform = keras.Input((None,))
    hidden = keras.layers.Conv1D(4, 400, 160, activation="relu")(keras.layers.Reshape((-1, 1))(waveform))
    return keras.Model(waveform, keras.layers.Dense(4, "softmax")(keras.layers.GlobalMaxPooling1D()(hidden)))


def saved(model, place, form):
    if form == "keras":
        model.save(place / "mine.keras")
        return str(place / "mine.keras")
    model.export(place / "mine", verbose=False)
    return str(place / "mine")


def one_by_one(model, items):
    return np.concatenate([np.asarray(model(item[None], training=False)) for item in items])


@pytest.mark.parametrize("form", ["keras", "saved_model"])
@pytest.mark.parametrize(
    ("input_kind", "make", "describe"),
    [
        ("frames", recurrent, Egemaps),
        ("functionals", dense, Functionals),
        ("waveform", convolution, lambda: np.asarray),
    ],
)
def test_a_network_answers_as_if_asked_about_each_alone(tmp_path, form, input_kind, make, describe):
    model, front_end = make(), describe()
    asked = victim(Target(saved(model, tmp_path, form), input_kind, FOUR))
    assert asked.classes == FOUR
    direct = one_by_one(model, [front_end(each) for each in SPEECH])
    np.testing.assert_allclose(asked(SPEECH, SAMPLE_RATE_HZ), direct, atol=1e-6)
    assert np.ptp(direct, axis=0).max() > 1e-4


@pytest.mark.parametrize("form", ["keras", "saved_model"])
def test_a_network_that_takes_lengths_gets_them_with_padded_frames(tmp_path, form):
    model, frames = recurrent(with_lengths=True), [Egemaps()(each) for each in SPEECH]
    asked = victim(Target(saved(model, tmp_path, form), "frames", FOUR))
    np.testing.assert_allclose(asked(SPEECH, SAMPLE_RATE_HZ), np.asarray(model(padded(frames))), atol=1e-6)


def test_a_fixed_length_is_filled_with_zeros_or_cut(tmp_path):
    model, frames = recurrent(frames=30), [Egemaps()(each) for each in SPEECH]
    assert [len(each) for each in frames] == [21, 46, 21]
    fixed = np.stack([np.pad(each[:30], ((0, max(30 - len(each), 0)), (0, 0))) for each in frames])
    asked = victim(Target(saved(model, tmp_path, "keras"), None, FOUR))
    np.testing.assert_allclose(asked(SPEECH, SAMPLE_RATE_HZ), np.asarray(model(fixed)), atol=1e-6)


@pytest.mark.parametrize("form", ["keras", "saved_model"])
@pytest.mark.parametrize(("input_kind", "make"), [("functionals", recurrent), ("frames", dense), ("waveform", dense)])
def test_a_network_that_hears_something_else_is_refused(tmp_path, form, input_kind, make):
    if (input_kind, make) == ("waveform", dense):
        expected = pytest.raises(InputError, match=r"mine.*: .*")
        asked = victim(Target(saved(make(), tmp_path, form), input_kind, ("a", "b")))
        with expected:
            asked(SPEECH, SAMPLE_RATE_HZ)
        return
    with pytest.raises(InputError, match=rf"expected an input \[…, .* for {input_kind}"):
        victim(Target(saved(make(), tmp_path, form), input_kind, FOUR))


def test_our_own_keras_file_answers_as_the_model(tmp_path):
    keras.utils.set_random_seed(1)
    model = classifier.build(units=8, frames_per_step=4)
    model.save(tmp_path / "mine.keras")
    asked = victim(Target(str(tmp_path / "mine.keras"), None, CLASSES))
    direct = model(padded([Egemaps()(each) for each in SPEECH]))["probabilities"]
    np.testing.assert_allclose(asked(SPEECH, SAMPLE_RATE_HZ), direct, atol=1e-6)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    model, cleaner = networks()
    place = tmp_path_factory.mktemp("published")
    export.write(place / "made", model, CLASSES, cleaner)
    versions.publish(place / "made", place / "models/tiny")
    configuration.write(place / "models")
    return place, model, cleaner


def direct(model, cleaner=None):
    batch = {name: tf.constant(each) for name, each in padded([Egemaps()(each) for each in SPEECH]).items()}
    features = batch["features"] if cleaner is None else cleaner(batch)
    return model({**batch, "features": features})["probabilities"]


def test_a_saved_model_of_ours_says_its_classes_and_answers_with_or_without_the_generator(published):
    place, model, cleaner = published
    for target, expected in (
        (Target(str(place / "made")), direct(model, cleaner)),
        (Target(str(place / "made"), signature="undefended"), direct(model)),
    ):
        asked = victim(target)
        assert asked.classes == CLASSES
        np.testing.assert_allclose(asked(SPEECH, SAMPLE_RATE_HZ), expected, atol=1e-6)
    with pytest.raises(InputError, match="expected the signature another"):
        victim(Target(str(place / "made"), signature="another"))
    with pytest.raises(InputError, match="victim.input: expected frames"):
        victim(Target(str(place / "made"), "waveform"))


def test_a_server_answers_as_the_model_over_rest_and_grpc(published):
    place, model, cleaner = published
    with server.loopback(place / "models") as served:
        for url in (served.rest, f"grpc://{served.grpc}"):
            target = Target(url, served="tiny")
            assert adapters.newest_version(target) == int(served.saved_model.name)
            np.testing.assert_allclose(victim(target)(SPEECH, SAMPLE_RATE_HZ), direct(model, cleaner), atol=1e-5)
            bare = victim(Target(url, served="tiny", signature="undefended"))
            np.testing.assert_allclose(bare(SPEECH, SAMPLE_RATE_HZ), direct(model), atol=1e-5)
            with pytest.raises(InputError, match="Could not find any versions of model nobody"):
                adapters.newest_version(Target(url, served="nobody"))
            with pytest.raises(InputError, match="victim.served: expected the name"):
                victim(Target(url))


def test_a_server_that_goes_away_leaves_what_was_answered(published):
    with server.loopback(published[0] / "models") as served:
        asked = victim(Target(served.rest, served="tiny", deadline_s=5.0))
        served.trouble = 10**6
        with pytest.raises(UnfinishedError, match="no answer within 5 s"):
            asked(SPEECH, SAMPLE_RATE_HZ)


@contextmanager
def module(place, name, source, monkeypatch):
    (place / f"{name}.py").write_text(source)
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield


COUNTING = """
import numpy as np

def waveforms(heard, sample_rate_hz):
    assert sample_rate_hz == 16000
    return [[len(each) / 10000, 1 - len(each) / 10000] for each in heard]

def frames(heard):
    return [[len(each) / 100, 1 - len(each) / 100] for each in heard]

def functionals(heard):
    share = 1 / (1 + np.exp(-heard[:, 0] / 100))
    return np.stack([share, 1 - share], axis=1)

def classed(heard, sample_rate_hz):
    return waveforms(heard, sample_rate_hz)

classed.classes = ("long", "short")
number = 3

def broken(heard, sample_rate_hz):
    raise RuntimeError("no\\nquota")
"""


def test_a_function_is_given_what_it_asks_for(tmp_path, monkeypatch):
    with module(tmp_path, "counting", COUNTING, monkeypatch):
        found = victim(Target("counting:waveforms", None, ("a", "b")))(SPEECH, SAMPLE_RATE_HZ)
        np.testing.assert_allclose(found[:, 0], [0.4, 0.8, 0.4])
        found = victim(Target("counting:frames", "frames", ("a", "b")))(SPEECH, SAMPLE_RATE_HZ)
        np.testing.assert_allclose(found[:, 0], [0.21, 0.46, 0.21])
        found = victim(Target("counting:functionals", "functionals", ("a", "b")))(SPEECH, SAMPLE_RATE_HZ)
        first = np.array([Functionals()(each)[0] for each in SPEECH])
        np.testing.assert_allclose(found[:, 0], 1 / (1 + np.exp(-first / 100)), rtol=1e-6)


def test_classes_come_from_the_model_or_from_the_user_and_must_not_differ(tmp_path, monkeypatch):
    with module(tmp_path, "counting", COUNTING, monkeypatch):
        assert victim(Target("counting:classed")).classes == ("long", "short")
        assert victim(Target("counting:classed", None, ("long", "short"))).classes == ("long", "short")
        with pytest.raises(InputError, match="victim.classes: expected .*'long', 'short'.*says"):
            victim(Target("counting:classed", None, ("short", "long")))
        with pytest.raises(InputError, match="victim.classes: expected class names"):
            victim(Target("counting:waveforms"))


def test_what_goes_wrong_in_a_function_is_one_line_with_its_name(tmp_path, monkeypatch):
    with module(tmp_path, "counting", COUNTING, monkeypatch):
        with pytest.raises(UnfinishedError, match="^counting:broken raised RuntimeError: no quota$"):
            victim(Target("counting:broken", None, ("a", "b")))(SPEECH, SAMPLE_RATE_HZ)
        with pytest.raises(InputError, match="counting:absent: expected a function. Received: nothing of that name"):
            victim(Target("counting:absent", None, ("a", "b")))
        with pytest.raises(InputError, match="counting:number: expected a function. Received: int"):
            victim(Target("counting:number", None, ("a", "b")))
    with module(tmp_path, "wrong", "import nothing_of_the_kind", monkeypatch):
        with pytest.raises(InputError, match="importing wrong raised ModuleNotFoundError: No module named"):
            victim(Target("wrong:f", None, ("a", "b")))
    for name in ("nobody_here:f", "nobody.here:f"):
        with pytest.raises(InputError, match="victim.model: .*nobody"):
            victim(Target(name, None, ("a", "b")))


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "mine.keras").write_bytes(b"no archive")
    (tmp_path / "empty").mkdir()
    for name, words in (
        (str(tmp_path / "mine.keras"), "expected a Keras model"),
        (str(tmp_path / "empty"), "expected a SavedModel"),
        (str(tmp_path / "absent"), "victim.model: expected a SavedModel, a .keras file"),
        ("", "Received: none"),
        ("ftp://host", "expected http"),
    ):
        with pytest.raises(InputError, match=words) as error:
            victim(Target(name, None, ("a", "b"), served="x"))
        assert "\n" not in str(error.value)


def test_a_keras_file_that_would_run_code_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((88,)), keras.layers.Lambda(lambda x: x[:, :2])])
    model.save(tmp_path / "mine.keras")
    with pytest.raises(InputError, match="expected a Keras model. Received: .*[Ll]ambda"):
        victim(Target(str(tmp_path / "mine.keras"), "functionals", ("a", "b")))


def test_a_signature_without_probabilities_is_refused(tmp_path):
    made = tf.Module()
    spec = tf.TensorSpec((None, 88), tf.float32, name="x")
    made.two = tf.function(lambda x: {"a": x, "b": x}, input_signature=[spec])
    tf.saved_model.save(made, str(tmp_path / "mine"), signatures={"serving_default": made.two})
    asked = victim(Target(str(tmp_path / "mine"), "functionals", ("a", "b")))
    with pytest.raises(InputError, match="expected an output named probabilities, or a single one. Received: a, b"):
        asked(SPEECH, SAMPLE_RATE_HZ)
    with pytest.raises(InputError, match="victim.signature: expected one of serving_default"):
        victim(Target(str(tmp_path / "mine"), "functionals", ("a", "b"), signature="other"))


def test_the_fingerprint_follows_the_files_and_not_their_place(tmp_path, monkeypatch):
    for place in ("one", "two"):
        (tmp_path / place / "variables").mkdir(parents=True)
        (tmp_path / place / "variables/a").write_bytes(b"weights")
    one, two = (Target(str(tmp_path / place)) for place in ("one", "two"))
    assert one.fingerprint() == two.fingerprint()
    (tmp_path / "two/variables/a").write_bytes(b"Weights")
    assert one.fingerprint() != two.fingerprint()
    with module(tmp_path, "counting", COUNTING, monkeypatch):
        before = Target("counting:frames").fingerprint()
        (tmp_path / "counting.py").write_text(COUNTING + "\n# another\n")
        assert Target("counting:frames").fingerprint() != before
