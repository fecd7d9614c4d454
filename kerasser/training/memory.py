"""Examples in memory: who they are, batches gathered from their frames, and who meets whom in an epoch."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.features import records
from kerasser.util.arrays import Array

_MOST_BUCKETS = 9


class Examples:
    """Examples read from files, as arrays, in the order of the files.

    Args:
        paths: TFRecord files.
        dimension: Features per frame.
        without: Environments whose noise is not heard.

    Attributes:
        lengths: Frames of each, int32 `[examples]`.
        labels: int64 `[examples]`.
        ids: Of which utterance each is.
        speakers: Everyone who was read.
        noises: The environments that are heard.
        frames: Of all examples end to end, float32 `[frames, dimension]`.
    """

    def __init__(self, paths: Sequence[Path], dimension: int, without: Collection[str] = ()) -> None:
        read: list[dict[str, Any]] = list(records.dataset(paths, dimension).as_numpy_iterator()) if paths else []
        noises = [json.loads(example["provenance"]).get("noise", "") for example in read]
        kept = [number for number, noise in enumerate(noises) if noise not in without]
        read, self.noises = [read[number] for number in kept], frozenset(noises[number] for number in kept) - {""}
        self.lengths = np.array([example["lengths"] for example in read], np.int32)
        self.labels = np.array([example["label"] for example in read], np.int64)
        self.ids = np.array([example["id"].decode() for example in read], str)
        self.speakers = frozenset(example["speaker"].decode() for example in read)
        self.frames = np.concatenate([np.zeros((0, dimension), np.float32), *(e["features"] for e in read)])

    def statistics(self) -> tuple[Array, Array]:
        """Returns mean and variance of every feature over all frames, each float64 `[dimension]`."""
        return self.frames.mean(axis=0, dtype=np.float64), self.frames.var(axis=0, dtype=np.float64)

    def partners(self, clean: Examples) -> Array:
        """Returns for each example the index of the clean one of the same utterance."""
        index = {key: number for number, key in enumerate(clean.ids)}
        if unknown := [key for key in self.ids if key not in index]:
            raise ValueError(f"expected clean speech for every adversarial example. Received: none for {unknown[0]}")
        own = np.array([index[key] for key in self.ids], np.int32)
        if np.any(self.lengths != clean.lengths[own]):
            raise ValueError("expected adversarial examples as long as their clean speech. Received: other lengths")
        return own

    def versions_of(self, clean: Examples) -> tuple[Array, Array]:
        """Returns for each clean example how many versions there are, and the index of the first.

        The examples are put into the clean ones' order.
        """
        own = self.partners(clean)
        order = np.argsort(own, kind="stable")
        ends = np.cumsum(self.lengths)
        pieces = [self.frames[ends[row] - self.lengths[row] : ends[row]] for row in order]
        self.frames = np.concatenate(pieces) if pieces else self.frames
        self.lengths, self.ids, self.labels = self.lengths[order], self.ids[order], self.labels[order]
        versions = np.bincount(own, minlength=clean.lengths.size).astype(np.int32)
        return versions, (np.cumsum(versions) - versions).astype(np.int32)


class Memory:
    """Frames of many examples end to end, from which batches are gathered.

    Args:
        parts: Whose frames; a row is an example's place in all of them together.
    """

    def __init__(self, *parts: Examples) -> None:
        lengths = np.concatenate([part.lengths for part in parts])
        self._frames = tf.constant(np.concatenate([part.frames for part in parts]))
        self._lengths, self._starts = tf.constant(lengths), tf.constant(np.cumsum(lengths) - lengths)

    def gather(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns `[rows, longest, dimension]`, zero beyond the lengths, and `lengths [rows]`."""
        lengths = tf.gather(self._lengths, rows)
        clock = tf.range(tf.reduce_max(lengths))[None, :]
        valid = clock < lengths[:, None]
        starts = tf.gather(self._starts, rows)[:, None]
        places = tf.where(valid, starts + tf.cast(clock, starts.dtype), 0)
        return tf.where(valid[:, :, None], tf.gather(self._frames, places), 0.0), lengths


def planned(
    lengths: Array, batch_size: int, group: int, seed: int, epoch: tf.Variable, *, wrap: bool
) -> tf.data.Dataset:
    """Returns who meets whom in an epoch: elements int `[group, batch_size]`.

    Utterances of like length come together, as random batches would be mostly padding. What is missing to whole groups
    are utterances a second time, drawn anew for each epoch from all alike, or −1.

    Args:
        lengths: Frames of each utterance, `[utterances]`.
        batch_size: Utterances in a batch.
        group: Batches in a group.
        seed: Seed of the order.
        epoch: Integer variable that chooses the order too.
        wrap: Fill the last group with utterances; else with −1.
    """
    buckets = int(np.clip(lengths.size // (2 * batch_size), 1, _MOST_BUCKETS))
    edges: Any = np.quantile(lengths, np.arange(1, buckets) / buckets, method="higher") if buckets > 1 else []
    bucket = tf.constant(np.searchsorted(sorted(set(edges)), lengths, side="right"))
    size = group * batch_size
    groups = -(-lengths.size // size)
    missing = groups * size - lengths.size

    def plan(_: tf.Tensor) -> tf.Tensor:
        # The variable is read anew whenever an iterator is made.
        now = epoch.read_value()
        order = tf.random.experimental.stateless_shuffle(tf.range(lengths.size), [seed, now])
        rest = tf.fill([missing], -1)
        if wrap:
            # Before they are sorted by length: afterwards the first are always the shortest.
            again = tf.random.experimental.stateless_shuffle(tf.range(lengths.size), [seed + 2, now])
            order, rest = tf.concat([order, tf.gather(again, tf.range(missing) % lengths.size)], 0), rest[:0]
        order = tf.gather(order, tf.argsort(tf.gather(bucket, order), stable=True))
        together = tf.reshape(tf.concat([order, rest], 0), [groups, group, batch_size])
        return tf.random.experimental.stateless_shuffle(together, [seed + 1, now])

    order = tf.data.Dataset.from_tensors(0).map(plan).unbatch()
    # Keras starts an epoch's iterator too early, before the order is chosen, if it has to guess this number.
    return order.apply(tf.data.experimental.assert_cardinality(groups))


def class_weights(labels: Array, balance: bool) -> Array:
    """Returns one weight a class; inverse to its frequency, with mean 1 over the examples, when balanced."""
    counts = np.bincount(labels)
    return labels.size / (np.count_nonzero(counts) * np.maximum(counts, 1)) if balance else np.ones(counts.size)
