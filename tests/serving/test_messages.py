"""The client's own messages against those of the package that defines them."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2

from kerasser.serving.client import messages


def test_a_request_is_read_as_it_was_meant():
    spec = messages.ModelSpec(name="demo", signature_name="audio")
    spec.version.value = 7
    request = messages.PredictRequest(model_spec=spec)
    request.inputs["audio"].CopyFrom(messages.of_strings([b"one", b"", b"\x00three"]))
    found = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    spec = found.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("demo", 7, "audio")
    assert tf.make_ndarray(found.inputs["audio"]).tolist() == [b"one", b"", b"\x00three"]
    request = messages.GetModelMetadataRequest(
        model_spec=messages.ModelSpec(name="x"), metadata_field=["signature_def"]
    )
    found = get_model_metadata_pb2.GetModelMetadataRequest.FromString(request.SerializeToString())
    assert (found.model_spec.name, found.model_spec.HasField("version")) == ("x", False)
    assert list(found.metadata_field) == [messages.SIGNATURES]


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0.25, 0.75], [1.0, 0.0]], np.float32),
        np.zeros((2, 3), np.float32),
        np.float32(0.5),
        np.zeros((0, 2), np.float32),
        np.array([[b"negative", b"positive"], [b"negative", b"positive"]], object),
        np.array([b"one", b"", b"two"], object),
        np.zeros((0, 2), object),
    ],
    ids=str,
)
def test_tensors_are_read_as_tensorflow_writes_them(values):
    response = predict_pb2.PredictResponse()
    response.outputs["x"].CopyFrom(tf.make_tensor_proto(values, dtype=tf.as_dtype(np.asarray(values).dtype)))
    found = messages.PredictResponse.FromString(response.SerializeToString())
    assert messages.to_lists(found.outputs["x"]) == np.asarray(values).tolist()


def test_a_tensor_whose_last_value_stands_for_many():
    tensor = tf.compat.v1.make_tensor_proto(np.array([1.0, 2.0], np.float32))
    tensor.tensor_content, tensor.float_val[:] = b"", [1.0, 2.0]
    tensor.tensor_shape.dim[0].size = 4
    found = messages.TensorProto.FromString(tensor.SerializeToString())
    assert messages.to_lists(found) == [1.0, 2.0, 2.0, 2.0] == tf.make_ndarray(tensor).tolist()


@pytest.mark.parametrize("values", [np.array([1, 2]), np.array([True])], ids=str)
def test_other_tensors_are_refused(values):
    found = messages.TensorProto.FromString(tf.make_tensor_proto(values).SerializeToString())
    with pytest.raises(ValueError, match="expected a tensor of strings or float32. Received: type"):
        messages.to_lists(found)


def test_the_states_of_a_version_have_the_servers_names():
    real = get_model_status_pb2.ModelVersionStatus.State
    assert messages.STATES == {number: name for name, number in real.items() if name != "UNKNOWN"}
