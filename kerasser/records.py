"""Feature frames and their provenance as TFRecord SequenceExamples."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Example:
    """The features of one utterance under one condition.

    Attributes:
        id: The utterance's id.
        speaker: Who speaks.
        emotion: The corpus' label.
        label: Index into the class list.
        features: float32 `[frames, features]`, raw, not normalised.
        provenance: JSON-able facts that make the example again: noise, recording, offset, seed,
            ε, realised SNR, clipped samples; empty noise means clean speech.
    """

    id: str
    speaker: str
    emotion: str
    label: int
    features: np.ndarray
    provenance: Mapping[str, Any] = field(default_factory=dict)


def write(path: Path, examples: Iterable[Example]) -> int:
    """Writes a TFRecord file whole or not at all; returns how many examples it holds."""
    part = path.with_name(path.name + ".part")
    count = 0
    with tf.io.TFRecordWriter(str(part)) as writer:
        for example in examples:
            writer.write(_serialize(example))
            count += 1
    os.replace(part, path)
    return count


def _serialize(example: Example) -> bytes:
    def text(value: str) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))

    context = {
        "id": text(example.id),
        "speaker": text(example.speaker),
        "emotion": text(example.emotion),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[example.label])),
        "provenance": text(json.dumps(example.provenance, sort_keys=True, allow_nan=False)),
    }
    frames = [tf.train.Feature(float_list=tf.train.FloatList(value=frame)) for frame in example.features]
    return tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(feature_list={"features": tf.train.FeatureList(feature=frames)}),
    ).SerializeToString(deterministic=True)


def dataset(paths: Sequence[Path], dimension: int) -> tf.data.Dataset:
    """Reads TFRecord files in the order given.

    Args:
        paths: Files written by `write`.
        dimension: Features per frame.

    Returns:
        Elements with `features [frames, dimension]` float32, `lengths` int32, `label` int64, and
        `id`, `speaker`, `emotion`, `provenance` strings.
    """

    def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        context, sequences = tf.io.parse_single_sequence_example(
            serialized,
            context_features={
                "id": tf.io.FixedLenFeature([], tf.string),
                "speaker": tf.io.FixedLenFeature([], tf.string),
                "emotion": tf.io.FixedLenFeature([], tf.string),
                "label": tf.io.FixedLenFeature([], tf.int64),
                "provenance": tf.io.FixedLenFeature([], tf.string),
            },
            sequence_features={"features": tf.io.FixedLenSequenceFeature([dimension], tf.float32)},
        )
        return {**context, **sequences, "lengths": tf.shape(sequences["features"])[0]}

    files = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    return files.flat_map(tf.data.TFRecordDataset).map(parse, num_parallel_calls=2, deterministic=True)
