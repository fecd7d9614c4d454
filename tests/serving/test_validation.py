import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from kerasser.serving import export, validation, warmup
from kerasser.util.errors import InputError
from tests.serving.small import CLASSES, networks


@pytest.fixture
def copy(saved_model, tmp_path):
    return shutil.copytree(saved_model, tmp_path / "copy")


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 0xFF
    path.write_bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_fresh_process_with_tensorflow_alone_answers_as_the_networks_did(saved_model):
    found = validation.validate(saved_model)
    # Six signatures, one utterance of 1, 4 and 16 s each, and a batch of two.
    assert found.records == 24
    assert found.difference <= 1e-5


def test_the_perturbation_answers_elsewhere_as_the_library_does_here(models_dir):
    found = validation.validate(models_dir / "perturbation" / "1")
    assert found.records == 3
    assert found.difference <= 1e-6


def test_the_records_are_those_of_tf_serving(saved_model):
    place = saved_model / "assets.extra" / "tf_serving_warmup_requests"
    durations, signatures = set(), set()
    for serialized in tf.data.TFRecordDataset(str(place)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(serialized)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        signatures.add(request.model_spec.signature_name)
        if "lengths" in request.inputs:
            durations |= {(frames + 4) // 100 for frames in tf.make_ndarray(request.inputs["lengths"])}
    assert durations == {1, 4, 16}
    assert signatures == set(tf.saved_model.load(str(saved_model)).signatures)


@pytest.mark.parametrize(
    "damage",
    [
        lambda place: (place / "saved_model.pb").unlink(),
        lambda place: cut(place / "saved_model.pb"),
        lambda place: shutil.rmtree(place / "variables"),
        lambda place: cut(place / "variables" / "variables.data-00000-of-00001"),
        lambda place: flip(place / "variables" / "variables.data-00000-of-00001", 0.5),
        lambda place: (place / "variables" / "variables.index").write_bytes(b""),
        lambda place: shutil.rmtree(place / "assets.extra"),
        lambda place: cut(place / warmup.FILE),
        lambda place: flip(place / warmup.FILE, 0.3),
        lambda place: (place / warmup.FILE).write_bytes(b""),
    ],
    ids=[
        "no graph",
        "half a graph",
        "no weights",
        "half the weights",
        "a flipped bit in the weights",
        "no index",
        "no records",
        "half the records",
        "a flipped bit in the records",
        "empty records",
    ],
)
def test_a_damaged_directory_is_refused_in_one_line(copy, damage):
    damage(copy)
    with pytest.raises(InputError, match="expected") as refused:
        validation.validate(copy)
    assert str(copy) in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_other_weights_are_refused_with_the_difference(copy, tmp_path):
    other = tmp_path / "other"
    model, cleaner = networks(seed=2)
    export.write(other, model, CLASSES, cleaner)
    shutil.copytree(copy / "assets.extra", other / "assets.extra")
    with pytest.raises(InputError, match=r"differ by up to \d.* \(\w+, \w+, record \d+\)"):
        validation.validate(other)


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"logits": np.array([[1.0, 2.0001]])}, "differ by up to 5e-05"),
        ({"logits": np.array([[1.0, np.nan]])}, "differ by up to inf"),
        ({"logits": np.array([1.0, 2.0])}, r"Received: shape \[2\]"),
        ({}, "Received: nothing"),
        ({"logits": np.array([[1.0, 2.0]]), "label": np.array([b"positive"], object)}, "positive"),
    ],
    ids=str,
)
def test_what_counts_as_different(outputs, words, tmp_path):
    wanted = {"logits": np.array([[1.0, 2.0]]), "label": np.array([b"negative"], object)}
    record = warmup.Record("serving_default", {}, wanted)
    answered = {f"0/serving_default/{name}": value for name, value in ({"label": wanted["label"]} | outputs).items()}
    with pytest.raises(InputError, match=words):
        validation.compare(tmp_path, [record], answered, 1e-5)
    same = {f"0/serving_default/{name}": value for name, value in wanted.items()}
    same["0/serving_default/logits"] = wanted["logits"] + 5e-6
    assert validation.compare(tmp_path, [record], same, 1e-5) == pytest.approx(5e-6, rel=0.1)
