"""Feature frames and their provenance as TFRecord SequenceExamples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.util.arrays import Array
from kerasser.util.files import whole

#: Name of the list that holds the frames.
FEATURE_LIST = "features"


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
    features: Array
    provenance: Mapping[str, Any] = field(default_factory=dict)


def write(path: Path, examples: Iterable[Example]) -> int:
    """Writes a TFRecord file whole or not at all; returns how many examples it holds."""
    count = 0
    with whole(path) as part, tf.io.TFRecordWriter(str(part)) as writer:
        for example in examples:
            writer.write(_serialize(example))
            count += 1
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
    return _sequence(example.features, context)


def serialize_frames(features: Array) -> bytes:
    """Returns a SequenceExample of frames `[frames, features]` and nothing else: what a server is asked."""
    return _sequence(features, {})


def _sequence(features: Array, context: Mapping[str, tf.train.Feature]) -> bytes:
    frames = [tf.train.Feature(float_list=tf.train.FloatList(value=frame)) for frame in features]
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(feature_list={FEATURE_LIST: tf.train.FeatureList(feature=frames)}),
    )
    serialized: bytes = example.SerializeToString(deterministic=True)
    return serialized


def parse_frames(serialized: Any, dimension: int) -> tuple[Any, Any]:
    """Reads the frames of SequenceExamples of any lengths, in a graph.

    Args:
        serialized: string `[batch]`.
        dimension: Features per frame.

    Returns:
        `features [batch, frames, dimension]`, padded with zeros, and int32 `lengths [batch]`.
    """
    _, sequences, lengths = tf.io.parse_sequence_example(serialized, sequence_features=_frames_of(dimension))
    return sequences[FEATURE_LIST], tf.cast(lengths[FEATURE_LIST], tf.int32)


def _frames_of(dimension: int) -> dict[str, tf.io.FixedLenSequenceFeature]:
    return {FEATURE_LIST: tf.io.FixedLenSequenceFeature([dimension], tf.float32)}


def contexts(paths: Sequence[Path]) -> list[Example]:
    """Reads whose examples some files hold, and how they were made; frames are left out, which is fast."""
    texts = ("id", "speaker", "emotion", "provenance")
    wanted = {name: tf.io.FixedLenFeature([], tf.string) for name in texts}
    wanted["label"] = tf.io.FixedLenFeature([], tf.int64)
    found = []
    batches = tf.data.TFRecordDataset([str(path) for path in paths]).batch(256) if paths else ()
    for serialized in batches:
        context, _, _ = tf.io.parse_sequence_example(serialized, context_features=wanted)
        columns = [[value.decode() for value in context[name].numpy()] for name in texts]
        for id, speaker, emotion, provenance, label in zip(*columns, context["label"].numpy(), strict=True):
            none = np.zeros((0, 0), np.float32)
            found.append(Example(id, speaker, emotion, int(label), none, json.loads(provenance)))
    return found


def read(paths: Sequence[Path], dimension: int, wanted: Sequence[int]) -> list[Example]:
    """Reads single examples.

    Args:
        paths: Files written by `write`.
        dimension: Features per frame.
        wanted: Their places in the order of the files, of which `contexts` tells.

    Returns:
        They, in the order wanted.
    """
    if not wanted:
        return []
    places = tf.constant(sorted(set(wanted)), tf.int64)
    chosen = dataset(paths, dimension).enumerate().filter(lambda place, _: tf.reduce_any(places == place))
    found = {}
    for place, row in chosen.as_numpy_iterator():
        id, speaker, emotion = (row[name].decode() for name in ("id", "speaker", "emotion"))
        provenance = json.loads(row["provenance"])
        found[int(place)] = Example(id, speaker, emotion, int(row["label"]), row["features"], provenance)
    return [found[place] for place in wanted]


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
            sequence_features=_frames_of(dimension),
        )
        return {**context, **sequences, "lengths": tf.shape(sequences[FEATURE_LIST])[0]}

    files = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    return files.flat_map(tf.data.TFRecordDataset).map(parse, num_parallel_calls=2, deterministic=True)
