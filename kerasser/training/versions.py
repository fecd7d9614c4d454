"""Several versions of each utterance in one step, for a classifier that is to answer them alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from kerasser.training.batches import batches
from kerasser.training.memory import Examples, Memory, class_weights, planned
from kerasser.util.arrays import Array

# `planned` takes the seed and the two after it.
_DRAW = 3


class VersionBatches:
    """Shuffled batches of utterances, each clean and in several noisy versions; a resumed run sees the same.

    The noisy ones are drawn anew every epoch, by the seed and the epoch alone; no version comes twice in a step unless
    there are fewer than are wanted.

    Args:
        paths: TFRecord files of the training part.
        adversarial: TFRecord files with the same utterances under noise, any number of versions of each.
        dimension: Features per frame.
        versions: Noisy versions of an utterance in a step, beside the clean one.
        batch_size: Utterances in a batch.
        seed: Seed of the order and of the draws.
        balance_classes: Weigh every class alike, however rare.
        without: Environments whose noise is not heard.

    Attributes:
        dataset: Elements `{"features" [batch, 1 + versions, frames, dimension], "lengths" [batch], "labels" [batch],
            "weights" [batch]}`, the clean version first; iterate it once an epoch, after setting `epoch`.
        epoch: Integer variable that chooses order and draws.
        speakers: Everyone who was read.
        noises: The environments that are heard.
        labels: int `[utterances]`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        adversarial: Sequence[Path],
        dimension: int,
        *,
        versions: int,
        batch_size: int,
        seed: int,
        balance_classes: bool = False,
        without: Collection[str] = (),
    ) -> None:
        clean, attacked = Examples(paths, dimension), Examples(adversarial, dimension, without)
        self.labels, count = clean.labels, clean.lengths.size
        self.speakers, self.noises = clean.speakers | attacked.speakers, attacked.noises
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")
        self._statistics = clean.statistics()
        there, first = attacked.versions_of(clean)
        if not there.all():
            raise ValueError("expected an adversarial version of every utterance. Received: none of some")
        memory, most = Memory(clean, attacked), max(int(there.max()), versions)
        weights = tf.constant(class_weights(self.labels, balance_classes)[self.labels], tf.float32)
        labels, there, first = tf.constant(self.labels), tf.constant(there), tf.constant(first)

        def batch(members: tf.Tensor) -> dict[str, tf.Tensor]:
            members = tf.boolean_mask(members, members >= 0)
            # The variable is read anew whenever an iterator is made.
            scores = tf.random.stateless_uniform([count, most], [seed + _DRAW, self.epoch.read_value()])
            own = tf.gather(there, members)[:, None]
            # Those that do not exist come last, and stand for others.
            scores = tf.where(tf.range(most) < own, tf.gather(scores, members), -1.0)
            drawn = tf.math.top_k(scores, versions).indices % own
            rows = tf.concat([members[:, None], count + tf.gather(first, members)[:, None] + drawn], 1)
            features, lengths = memory.gather(tf.reshape(rows, [-1]))
            shape = tf.concat([tf.shape(rows), tf.shape(features)[1:]], 0)
            features = tf.ensure_shape(tf.reshape(features, shape), [None, 1 + versions, None, dimension])
            return {
                "features": features,
                "lengths": lengths[:: 1 + versions],
                "labels": tf.gather(labels, members),
                "weights": tf.gather(weights, members),
            }

        order = planned(clean.lengths, batch_size, 1, seed, self.epoch, wrap=False)
        self.dataset = order.map(lambda group: batch(group[0])).prefetch(2)

    def frame_statistics(self) -> tuple[Array, Array]:
        """Returns mean and variance of every feature over the clean frames, each float64 `[dimension]`."""
        return self._statistics


def development(
    paths: Sequence[Path],
    adversarial: Sequence[Path],
    dimension: int,
    *,
    batch_size: int,
    rounds: int = 4,
    without: Collection[str] = (),
) -> tf.data.Dataset:
    """Returns batches `({"features", "lengths", "adversarial" [batch]}, labels)`: clean speech, then the attacked.

    Args:
        paths: TFRecord files of the development speakers.
        adversarial: TFRecord files with the same utterances under noise.
        dimension: Features per frame.
        batch_size: Utterances in a batch.
        rounds: How many times each comes under noise, each time in another version while there are some.
        without: Environments whose noise is not heard.
    """
    clean = batches(paths, dimension, batch_size=batch_size)
    attacked = batches(
        paths,
        dimension,
        batch_size=batch_size,
        adversarial=adversarial,
        share=1.0,
        rounds=rounds,
        without=without,
    )

    def told(noisy: bool) -> Any:
        def tell(inputs: dict[str, tf.Tensor], labels: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            return {**inputs, "adversarial": tf.fill(tf.shape(labels), noisy)}, labels

        return tell

    return clean.map(told(False)).concatenate(attacked.map(told(True)))
