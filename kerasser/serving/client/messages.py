"""The part of TF Serving's messages that the client sends and reads, without the package tensorflow.

`tensorflow_serving.apis` imports TensorFlow for its tensors. On the wire a message is no more than numbered fields:
those of tensorflow/core/framework/{tensor,tensor_shape}.proto and tensorflow_serving/apis/{model,predict,
get_model_status,get_model_metadata}.proto, under another package's name, so that both may be loaded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf import any_pb2, wrappers_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_PACKAGE = "kerasser.serving"
_FLOAT, _INT64, _INT32, _BOOL, _STRING, _MESSAGE, _BYTES = 2, 3, 5, 8, 9, 11, 12
#: Message → field → its number and type; a type in brackets is repeated, one behind "map " is a map's from strings.
_FIELDS: dict[str, dict[str, tuple[int, int | str | list[int | str]]]] = {
    "Dim": {"size": (1, _INT64)},
    "TensorShapeProto": {"dim": (2, ["Dim"])},
    "TensorProto": {
        "dtype": (1, _INT32),
        "tensor_shape": (2, "TensorShapeProto"),
        "tensor_content": (4, _BYTES),
        "float_val": (5, [_FLOAT]),
        "string_val": (8, [_BYTES]),
    },
    "ModelSpec": {"name": (1, _STRING), "version": (2, ".google.protobuf.Int64Value"), "signature_name": (3, _STRING)},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "map TensorProto")},
    "PredictResponse": {"outputs": (1, "map TensorProto")},
    "GetModelStatusRequest": {"model_spec": (1, "ModelSpec")},
    "ModelVersionStatus": {"version": (1, _INT64), "state": (2, _INT32)},
    "GetModelStatusResponse": {"model_version_status": (1, ["ModelVersionStatus"])},
    "GetModelMetadataRequest": {"model_spec": (1, "ModelSpec"), "metadata_field": (2, [_STRING])},
    "GetModelMetadataResponse": {"metadata": (2, "map .google.protobuf.Any")},
    # Of a signature the name is all that is read.
    "SignatureDef": {},
    "SignatureDefMap": {"signature_def": (1, "map SignatureDef")},
}
#: The metadata that name the signatures, and the states of a version.
SIGNATURES = "signature_def"
STATES = {10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
_DT_FLOAT, _DT_STRING = 1, 7


def _described() -> FileDescriptorProto:
    file = FileDescriptorProto(name="kerasser/serving/client/messages.proto", package=_PACKAGE, syntax="proto3")
    file.dependency.extend(("google/protobuf/any.proto", "google/protobuf/wrappers.proto"))
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(message, field, number, kind)
    return file


def _add(message: DescriptorProto, name: str, number: int, kind: int | str | list[int | str]) -> None:
    repeated = isinstance(kind, list) or (isinstance(kind, str) and kind.startswith("map "))
    (kind,) = kind if isinstance(kind, list) else (kind,)
    field = message.field.add(name=name, number=number)
    field.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    if isinstance(kind, int):
        field.type = kind
        return
    field.type = FieldDescriptorProto.TYPE_MESSAGE
    if kind.startswith("map "):
        entry = message.nested_type.add(name="".join(part.title() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        _add(entry, "key", 1, _STRING)
        _add(entry, "value", 2, kind.removeprefix("map "))
        field.type_name = f".{_PACKAGE}.{message.name}.{entry.name}"
    else:
        field.type_name = kind if kind.startswith(".") else f".{_PACKAGE}.{kind}"


_POOL = DescriptorPool()
for _imported in (any_pb2, wrappers_pb2):
    _POOL.AddSerializedFile(_imported.DESCRIPTOR.serialized_pb)
_POOL.AddSerializedFile(_described().SerializeToString())


def _class(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


TensorProto = _class("TensorProto")
ModelSpec = _class("ModelSpec")
PredictRequest, PredictResponse = _class("PredictRequest"), _class("PredictResponse")
GetModelStatusRequest, GetModelStatusResponse = _class("GetModelStatusRequest"), _class("GetModelStatusResponse")
GetModelMetadataRequest = _class("GetModelMetadataRequest")
GetModelMetadataResponse = _class("GetModelMetadataResponse")
SignatureDefMap = _class("SignatureDefMap")


def of_strings(values: Sequence[bytes]) -> Any:
    """Returns a tensor of strings, `[values]`."""
    tensor = TensorProto(dtype=_DT_STRING, string_val=values)
    tensor.tensor_shape.dim.add(size=len(values))
    return tensor


def to_lists(tensor: Any) -> Any:
    """Returns what a tensor of strings or float32 holds, as lists.

    Raises:
        ValueError: If it is of another type, or its shape and content differ.
    """
    shape = [each.size for each in tensor.tensor_shape.dim]
    if tensor.dtype == _DT_STRING:
        flat = np.array([*tensor.string_val, None], object)[:-1]
    elif tensor.dtype == _DT_FLOAT and tensor.tensor_content:
        flat = np.frombuffer(tensor.tensor_content, "<f4")
    elif tensor.dtype == _DT_FLOAT:
        flat = np.array(tensor.float_val, np.float32)
    else:
        raise ValueError(f"expected a tensor of strings or float32. Received: type {tensor.dtype}")
    missing = math.prod(shape) - flat.size
    if missing > 0 and flat.size:
        # The last value stands for all that follow it.
        flat = np.append(flat, np.repeat(flat[-1:], missing))
    return flat.reshape(shape).tolist()
