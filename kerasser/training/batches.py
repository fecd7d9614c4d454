"""tf.data pipelines from TFRecords to padded batches of utterances of like length."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.training.memory import Examples, Memory, class_weights, planned
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError


class TrainingBatches:
    """Shuffled batches whose order depends on the seed and the epoch alone, so a resumed run sees the same.

    All frames are held in memory: IEMOCAP takes about 250 MB, and as much again for each adversarial version.

    Args:
        paths: TFRecord files of the training part.
        dimension: Features per frame.
        batch_size: Utterances in a batch.
        seed: Seed of the order, and of the choice of adversarial examples.
        balance_classes: Weigh every class alike, however rare.
        adversarial: TFRecord files with the same utterances under noise, any number of versions of each.
        share: Share of the utterances that is adversarial, in [0, 1] (paper, section 5.1). The same ones in every
            epoch, and those of a smaller share among those of a larger; their version is drawn anew every epoch.
        without: Environments whose noise is not heard.

    Attributes:
        dataset: Elements `({"features" [batch, frames, dimension], "lengths" [batch]}, labels [batch],
            weights [batch])`; iterate it once an epoch, after setting `epoch`.
        epoch: Integer variable that chooses the order.
        speakers: Everyone who was read.
        noises: The environments that are heard.
        labels: int `[utterances]`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        dimension: int,
        *,
        batch_size: int,
        seed: int,
        balance_classes: bool = False,
        adversarial: Sequence[Path] = (),
        share: float = 0.0,
        without: Collection[str] = (),
    ) -> None:
        clean = Examples(paths, dimension)
        attacked = Examples(adversarial if share else (), dimension, without)
        self.labels, count = clean.labels, clean.lengths.size
        self.speakers, self.noises = clean.speakers | attacked.speakers, attacked.noises
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")
        self._statistics = clean.statistics()
        versions, first = attacked.versions_of(clean)
        chosen = _chosen(versions, share, seed)
        memory = Memory(clean, attacked)
        weights = tf.constant(class_weights(self.labels, balance_classes)[self.labels], tf.float32)
        labels = tf.constant(self.labels)

        def batch(members: tf.Tensor) -> tuple[Any, ...]:
            members = tf.boolean_mask(members, members >= 0)
            # The variable is read anew whenever an iterator is made.
            drawn = tf.random.stateless_uniform([count], [seed, self.epoch.read_value()])
            version = tf.cast(drawn * tf.constant(versions, tf.float32), tf.int32)
            rows = tf.where(chosen, count + first + tf.minimum(version, versions - 1), tf.range(count))
            features, lengths = memory.gather(tf.gather(rows, members))
            return {"features": features, "lengths": lengths}, tf.gather(labels, members), tf.gather(weights, members)

        self.dataset = planned(clean.lengths, batch_size, 1, seed, self.epoch, wrap=False).map(
            lambda group: batch(group[0])
        )
        self.dataset = self.dataset.prefetch(2)

    def frame_statistics(self) -> tuple[Array, Array]:
        """Returns mean and variance of every feature over the clean frames, each float64 `[dimension]`."""
        return self._statistics


class PairedBatches:
    """Adversarial utterances beside the same utterances clean, shuffled as `TrainingBatches` are.

    An epoch holds every adversarial example once, and clean ones as their own targets, so that cleaning is taught
    to leave clean speech alone.

    Args:
        sources: For each corpus, TFRecord files of clean examples and of the same utterances under noise.
        dimension: Features per frame.
        batch_size: Utterances in a batch.
        seed: Seed of the order.
        clean_share: Share of the pairs that are clean speech on both sides, in [0, 1).
        without: Environments whose noise is not heard.

    Attributes:
        epoch: Integer variable that chooses the order.
        speakers: Everyone who was read, one set a source.
        noises: The environments that are heard.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Sequence[Path], Sequence[Path]]],
        dimension: int,
        *,
        batch_size: int,
        seed: int,
        clean_share: float = 0.125,
        without: Collection[str] = (),
    ) -> None:
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")
        self.speakers: list[frozenset[str]] = []
        self.noises: frozenset[str] = frozenset()
        parts, inputs, targets, offset = [], [], [], 0
        for clean_paths, adversarial_paths in sources:
            clean, attacked = Examples(clean_paths, dimension), Examples(adversarial_paths, dimension, without)
            self.speakers.append(clean.speakers | attacked.speakers)
            self.noises |= attacked.noises
            count, own = clean.lengths.size, attacked.partners(clean)
            repeats = round(clean_share / (1.0 - clean_share) * own.size / count) if clean_share else 0
            same = np.tile(np.arange(count), max(repeats, 1) if clean_share else 0)
            inputs.append(offset + np.concatenate([count + np.arange(own.size), same]))
            targets.append(offset + np.concatenate([own, same]))
            parts += [clean, attacked]
            offset += count + own.size
        self._memory = Memory(*parts)
        self._inputs, self._targets = np.concatenate(inputs), np.concatenate(targets)
        self._lengths = np.concatenate([part.lengths for part in parts])[self._inputs]
        self._batch_size, self._seed = batch_size, seed
        frames = np.concatenate([part.frames for part in parts[::2]])
        self._statistics = frames.mean(axis=0, dtype=np.float64), frames.var(axis=0, dtype=np.float64)

    def dataset(self, group: int = 1) -> tf.data.Dataset:
        """Returns groups of batches; iterate it once an epoch, after setting `epoch`.

        Args:
            group: Batches in a group, of utterances of like length; all are full.

        Returns:
            Elements `{"features", "clean"}`, each `[group, batch, frames, dimension]`, `"lengths" [group, batch]`.
        """
        inputs, targets = tf.constant(self._inputs, tf.int32), tf.constant(self._targets, tf.int32)

        def pairs(members: tf.Tensor) -> dict[str, tf.Tensor]:
            shape, flat = tf.shape(members), tf.reshape(members, [-1])
            features, lengths = self._memory.gather(tf.gather(inputs, flat))
            clean, _ = self._memory.gather(tf.gather(targets, flat))
            whole = tf.concat([shape, tf.shape(features)[1:]], 0)
            return {
                "features": tf.ensure_shape(tf.reshape(features, whole), [group, None, None, features.shape[-1]]),
                "clean": tf.ensure_shape(tf.reshape(clean, whole), [group, None, None, clean.shape[-1]]),
                "lengths": tf.ensure_shape(tf.reshape(lengths, shape), [group, None]),
            }

        groups = planned(self._lengths, self._batch_size, group, self._seed, self.epoch, wrap=True)
        return groups.map(pairs).prefetch(2)

    def frame_statistics(self) -> tuple[Array, Array]:
        """Returns mean and variance of every feature over the clean frames, each float64 `[dimension]`."""
        return self._statistics


def batches(
    paths: Sequence[Path],
    dimension: int,
    *,
    batch_size: int,
    adversarial: Sequence[Path] = (),
    share: float = 0.0,
    rounds: int = 4,
    seed: int = 0,
    without: Collection[str] = (),
) -> tf.data.Dataset:
    """Returns batches `({"features", "lengths"}, labels)` in the order of the files, for evaluation.

    Args:
        paths: TFRecord files.
        dimension: Features per frame.
        batch_size: Utterances in a batch.
        adversarial: TFRecord files with the same utterances under noise.
        share: Share of the utterances that is adversarial, as in `TrainingBatches`.
        rounds: How many times the utterances come, where some are adversarial: each time under other noise.
        seed: Chooses which are adversarial.
        without: Environments whose noise is not heard.
    """
    clean, attacked = Examples(paths, dimension, without), Examples(adversarial if share else (), dimension, without)
    versions, first = attacked.versions_of(clean)
    chosen, count = _chosen(versions, share, seed), clean.lengths.size
    numbers = np.arange(count, dtype=np.int32)
    times = np.arange(rounds if share else 1)[:, None]
    rows = np.where(chosen, count + first + times % np.maximum(versions, 1), numbers).reshape(-1).astype(np.int32)
    memory, labels = Memory(clean, attacked), np.tile(clean.labels, times.size)

    def batch(members: tf.Tensor, truth: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        features, lengths = memory.gather(members)
        return {"features": features, "lengths": lengths}, truth

    return tf.data.Dataset.from_tensor_slices((rows, labels)).batch(batch_size).map(batch).prefetch(2)


def refuse_absent_classes(development: tf.data.Dataset, classes: int) -> None:
    """Makes sure that the figure which steers a training exists.

    Args:
        development: Batches of the development speakers, `(inputs, labels [batch])`.
        classes: Number of classes.

    Raises:
        InputError: If a class has no utterance.
    """
    counts = np.zeros(classes, int)
    for _, labels in development:
        counts += np.bincount(labels, minlength=classes)
    if not counts.all():
        raise InputError(
            "development speakers: expected utterances of every class, as their unweighted average recall steers the "
            f"training. Received: none of class {int(np.argmin(counts))}"
        )


def _chosen(versions: Array, share: float, seed: int) -> Array:
    """Returns bool `[utterances]`: who is adversarial, a smaller share being part of a larger one."""
    chosen = np.zeros(versions.size, bool)
    chosen[np.random.default_rng(seed).permutation(versions.size)[: round(share * versions.size)]] = True
    if np.any(chosen & (versions == 0)):
        raise ValueError("expected an adversarial version of every utterance. Received: none of some")
    return chosen
