"""Warm-up records: requests that a server answers before it says that it is ready, with the answers it should give.

TF Serving replays `assets.extra/tf_serving_warmup_requests` when it loads a model, so that the first user does not
wait for what TensorFlow builds lazily.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from kerasser.features import records
from kerasser.serving import export
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

FILE = Path("assets.extra", "tf_serving_warmup_requests")
#: Seconds of the speech that a record asks about.
DURATIONS_S = (1, 4, 16)


@dataclass(frozen=True)
class Record:
    """One request and the answer to it.

    Attributes:
        signature: Which signature is asked.
        inputs: Arrays by name.
        outputs: Arrays by name, as the process that made the model answered.
    """

    signature: str
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]


def write(saved_model: Path, wanted: Iterable[Record]) -> None:
    """Writes records beside a SavedModel, whole or not at all."""
    place = saved_model / FILE
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    with tf.io.TFRecordWriter(str(part)) as writer:
        for record in wanted:
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = record.signature
            response = predict_pb2.PredictResponse(model_spec=request.model_spec)
            for name, value in record.inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            for name, value in record.outputs.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictLog(request=request, response=response)
            writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString(deterministic=True))
    os.replace(part, place)


def read(saved_model: Path) -> list[Record]:
    """Reads the records beside a SavedModel.

    Raises:
        InputError: If there are none, or the file is damaged.
    """
    place = saved_model / FILE
    if not place.is_file():
        raise InputError(f"{place}: expected warm-up records. Received: nothing")
    found = []
    try:
        for serialized in tf.data.TFRecordDataset(str(place)).as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(serialized).predict_log
            inputs, outputs = (
                {name: tf.make_ndarray(tensor) for name, tensor in sorted(tensors.items())}
                for tensors in (log.request.inputs, log.response.outputs)
            )
            found.append(Record(log.request.model_spec.signature_name, inputs, outputs))
    except (tf.errors.DataLossError, ValueError, DecodeError) as error:
        raise InputError(f"{place}: expected warm-up records. Received: a damaged file") from error
    if not found:
        raise InputError(f"{place}: expected warm-up records. Received: an empty file")
    return found


def of_models(
    classifier: keras.Model,
    classes: Sequence[str],
    cleaner: keras.Model | None,
    mean: Array,
    variance: Array,
    seed: int = 0,
) -> Iterator[Record]:
    """Yields records for every signature of `export.write`, answered by the Keras models themselves.

    The frames are drawn, not taken from a corpus, whose licence would have to allow it.

    Args:
        classifier: As given to `export.write`.
        classes: Class names.
        cleaner: As given to `export.write`; None for the classifier alone.
        mean: Of raw training frames, `[dimension]`.
        variance: The same.
        seed: Seed of the frames.
    """
    generator = np.random.default_rng(seed)
    deviation = np.sqrt(variance)

    def speech(frames: int) -> Array:
        result: Array = (mean + deviation * generator.standard_normal((frames, mean.size))).astype(np.float32)
        return result

    utterances = [speech(100 * duration_s - 4) for duration_s in DURATIONS_S]
    names = np.array([name.encode() for name in classes], object)
    ask, clean = asked(classifier), asked(cleaner) if cleaner is not None else None

    def answer(inputs: Mapping[str, Array]) -> dict[str, Array]:
        made = ask(inputs)
        return {**made, "label": names[made["logits"].argmax(axis=-1)]}

    for batch in [[utterance] for utterance in utterances] + [utterances[:2]]:
        lengths = np.array([len(utterance) for utterance in batch], np.int32)
        features = np.zeros((len(batch), lengths.max(), mean.size), np.float32)
        for row, utterance in zip(features, batch, strict=True):
            row[: len(utterance)] = utterance
        frames = {"features": features, "lengths": lengths}
        cleaned = clean(frames) if clean is not None else features
        systems = {"": answer({**frames, "features": cleaned})}
        strings = {"serialized": np.array([records.serialize_frames(utterance) for utterance in batch], object)}
        named = {"classes": np.tile(names, (len(batch), 1))}
        yield Record("serving_default", frames, systems[""])
        if clean is not None:
            systems["undefended_"] = answer(frames)
            yield Record("undefended", frames, systems["undefended_"])
            yield Record("clean", frames, {"features": cleaned})
        yield Record("serialized", strings, {**systems[""], **named})
        if clean is not None:
            yield Record("serialized_undefended", strings, {**systems["undefended_"], **named})
        labels = np.arange(len(batch), dtype=np.int32) % len(classes)
        scored = {
            prefix + name: np.asarray(value)
            for prefix, answered in systems.items()
            for name, value in export.score(answered, tf.constant(labels)).items()
        }
        yield Record("evaluate", {**frames, "labels": labels}, scored)


def asked(model: keras.Model) -> Callable[[Mapping[str, Array]], Any]:
    """Returns what asks a model for arrays in a graph, which is faster than step by step."""
    traced = tf.function(lambda inputs: model(inputs, training=False), reduce_retracing=True)

    def ask(inputs: Mapping[str, Array]) -> Any:
        answer = traced({name: tf.constant(value) for name, value in inputs.items()})
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), answer)

    return ask
