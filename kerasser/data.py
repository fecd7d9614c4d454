"""tf.data pipelines from TFRecords to padded batches, bucketed by length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasser import records

_MOST_BUCKETS = 9


class TrainingBatches:
    """Shuffled batches whose order depends on the seed and the epoch alone, so a resumed run sees the same.

    All frames are held in memory: IEMOCAP takes about 250 MB.

    Args:
        paths: TFRecord files of the training part.
        dimension: Features per frame.
        batch_size: Utterances in a batch.
        seed: Seed of the order.
        balance_classes: Weigh every class alike, however rare.

    Attributes:
        dataset: Elements `({"features" [batch, frames, dimension], "lengths" [batch]}, labels [batch],
            weights [batch])`; iterate it once an epoch, after setting `epoch`.
        epoch: Integer variable that chooses the order.
        speakers: Everyone who was read.
        labels: int `[examples]`.
    """

    def __init__(
        self, paths: Sequence[Path], dimension: int, *, batch_size: int, seed: int, balance_classes: bool = False
    ) -> None:
        examples = list(records.dataset(paths, dimension).as_numpy_iterator())
        lengths = np.array([example["lengths"] for example in examples])
        self.labels = np.array([example["label"] for example in examples])
        self.speakers = frozenset(example["speaker"].decode() for example in examples)
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")
        self._frames = np.concatenate([example["features"] for example in examples])
        frames, starts = tf.constant(self._frames), tf.constant(np.cumsum(lengths) - lengths)
        weights = tf.constant(_class_weights(self.labels, balance_classes)[self.labels], tf.float32)
        sizes, labels = tf.constant(lengths), tf.constant(self.labels)

        def shuffled(_: tf.Tensor) -> tf.Tensor:
            # The variable is read anew whenever an iterator is made.
            return tf.random.experimental.stateless_shuffle(tf.range(len(examples)), [seed, self.epoch.read_value()])

        def example(index: tf.Tensor) -> tuple:
            utterance = frames[starts[index] : starts[index] + tf.cast(sizes[index], starts.dtype)]
            inputs = {"features": utterance, "lengths": sizes[index]}
            return inputs, labels[index], weights[index]

        order = tf.data.Dataset.from_tensors(0).map(shuffled).unbatch()
        self.dataset = _bucketed(order.map(example), lengths, batch_size).prefetch(2)

    def frame_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns mean and variance of every feature over all frames, each float64 `[dimension]`."""
        return self._frames.mean(axis=0, dtype=np.float64), self._frames.var(axis=0, dtype=np.float64)


def batches(paths: Sequence[Path], dimension: int, *, batch_size: int) -> tf.data.Dataset:
    """Returns batches `({"features", "lengths"}, labels)` in the order of the files, for evaluation.

    They are read once and then kept in memory.
    """

    def pair(example: dict[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        return {"features": example["features"], "lengths": example["lengths"]}, example["label"]

    kept = records.dataset(paths, dimension).map(pair).padded_batch(batch_size).cache()
    return kept.apply(tf.data.experimental.assert_cardinality(sum(1 for _ in kept)))


def _bucketed(examples: tf.data.Dataset, lengths: np.ndarray, batch_size: int) -> tf.data.Dataset:
    """Batches utterances of like length together, as random batches would be mostly padding."""
    buckets = int(np.clip(lengths.size // (2 * batch_size), 1, _MOST_BUCKETS))
    edges = np.quantile(lengths, np.arange(1, buckets) / buckets, method="higher") if buckets > 1 else []
    boundaries = sorted({int(edge) for edge in edges})
    in_bucket = np.bincount(np.searchsorted(boundaries, lengths, side="right"))
    bucketed = examples.bucket_by_sequence_length(
        lambda inputs, label, weight: inputs["lengths"],
        bucket_boundaries=boundaries,
        bucket_batch_sizes=[batch_size] * (len(boundaries) + 1),
    )
    # Keras starts an epoch's iterator too early, before the order is chosen, if it has to guess this number.
    return bucketed.apply(tf.data.experimental.assert_cardinality(int(np.ceil(in_bucket / batch_size).sum())))


def _class_weights(labels: np.ndarray, balance: bool) -> np.ndarray:
    """One weight a class; inverse to its frequency, with mean 1 over the examples, when balanced."""
    counts = np.bincount(labels)
    return labels.size / (np.count_nonzero(counts) * np.maximum(counts, 1)) if balance else np.ones(counts.size)
