"""tf.data pipelines from TFRecords to padded batches of utterances of like length."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.features import records
from kerasser.util.arrays import Array
from kerasser.util.errors import InputError

_MOST_BUCKETS = 9


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
        clean = _Examples(paths, dimension)
        attacked = _Examples(adversarial if share else (), dimension, without)
        self.labels, count = clean.labels, clean.lengths.size
        self.speakers, self.noises = clean.speakers | attacked.speakers, attacked.noises
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False, name="epoch")
        self._statistics = clean.statistics()
        versions, first = attacked.versions_of(clean)
        chosen = _chosen(versions, share, seed)
        memory = _Memory(clean, attacked)
        weights = tf.constant(_class_weights(self.labels, balance_classes)[self.labels], tf.float32)
        labels = tf.constant(self.labels)

        def batch(members: tf.Tensor) -> tuple[Any, ...]:
            members = tf.boolean_mask(members, members >= 0)
            # The variable is read anew whenever an iterator is made.
            drawn = tf.random.stateless_uniform([count], [seed, self.epoch.read_value()])
            version = tf.cast(drawn * tf.constant(versions, tf.float32), tf.int32)
            rows = tf.where(chosen, count + first + tf.minimum(version, versions - 1), tf.range(count))
            features, lengths = memory.gather(tf.gather(rows, members))
            return {"features": features, "lengths": lengths}, tf.gather(labels, members), tf.gather(weights, members)

        self.dataset = _planned(clean.lengths, batch_size, 1, seed, self.epoch, wrap=False).map(
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
            clean, attacked = _Examples(clean_paths, dimension), _Examples(adversarial_paths, dimension, without)
            self.speakers.append(clean.speakers | attacked.speakers)
            self.noises |= attacked.noises
            count, own = clean.lengths.size, attacked.partners(clean)
            repeats = round(clean_share / (1.0 - clean_share) * own.size / count) if clean_share else 0
            same = np.tile(np.arange(count), max(repeats, 1) if clean_share else 0)
            inputs.append(offset + np.concatenate([count + np.arange(own.size), same]))
            targets.append(offset + np.concatenate([own, same]))
            parts += [clean, attacked]
            offset += count + own.size
        self._memory = _Memory(*parts)
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

        groups = _planned(self._lengths, self._batch_size, group, self._seed, self.epoch, wrap=True)
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
    clean, attacked = _Examples(paths, dimension, without), _Examples(adversarial if share else (), dimension, without)
    versions, first = attacked.versions_of(clean)
    chosen, count = _chosen(versions, share, seed), clean.lengths.size
    numbers = np.arange(count, dtype=np.int32)
    times = np.arange(rounds if share else 1)[:, None]
    rows = np.where(chosen, count + first + times % np.maximum(versions, 1), numbers).reshape(-1).astype(np.int32)
    memory, labels = _Memory(clean, attacked), np.tile(clean.labels, times.size)

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


class _Examples:
    """Examples read from files, as arrays, in the order of the files."""

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
        return self.frames.mean(axis=0, dtype=np.float64), self.frames.var(axis=0, dtype=np.float64)

    def partners(self, clean: _Examples) -> Array:
        """Returns for each example the index of the clean one of the same utterance."""
        index = {key: number for number, key in enumerate(clean.ids)}
        if unknown := [key for key in self.ids if key not in index]:
            raise ValueError(f"expected clean speech for every adversarial example. Received: none for {unknown[0]}")
        own = np.array([index[key] for key in self.ids], np.int32)
        if np.any(self.lengths != clean.lengths[own]):
            raise ValueError("expected adversarial examples as long as their clean speech. Received: other lengths")
        return own

    def versions_of(self, clean: _Examples) -> tuple[Array, Array]:
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


class _Memory:
    """Frames of many examples end to end, from which batches are gathered."""

    def __init__(self, *parts: _Examples) -> None:
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


def _planned(
    lengths: Array, batch_size: int, group: int, seed: int, epoch: tf.Variable, *, wrap: bool
) -> tf.data.Dataset:
    """Returns who meets whom in an epoch: elements int `[group, batch_size]`.

    Utterances of like length come together, as random batches would be mostly padding. What is missing to whole groups
    are utterances a second time, drawn anew for each epoch from all alike, or −1.
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

    planned = tf.data.Dataset.from_tensors(0).map(plan).unbatch()
    # Keras starts an epoch's iterator too early, before the order is chosen, if it has to guess this number.
    return planned.apply(tf.data.experimental.assert_cardinality(groups))


def _class_weights(labels: Array, balance: bool) -> Array:
    """One weight a class; inverse to its frequency, with mean 1 over the examples, when balanced."""
    counts = np.bincount(labels)
    return labels.size / (np.count_nonzero(counts) * np.maximum(counts, 1)) if balance else np.ones(counts.size)
