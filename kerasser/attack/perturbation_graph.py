"""The perturbation as a SavedModel: x + ε·δ in TensorFlow's own operations (paper, section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasser.attack.perturbation import Add, Perturbed, add
from kerasser.audio import FULL_SCALE, SAMPLE_RATE_HZ
from kerasser.serving.warmup import DURATIONS_S, Record
from kerasser.util.checks import expect

_BATCH_OF_SOUND = (None, None)
#: Samples that are summed at a time.
_BLOCK = 1024
SIGNATURE = (
    tf.TensorSpec(_BATCH_OF_SOUND, tf.float32, name="waveform"),
    tf.TensorSpec(_BATCH_OF_SOUND, tf.float32, name="noise"),
    tf.TensorSpec((None,), tf.float64, name="reference_mean"),
    tf.TensorSpec((None,), tf.float64, name="reference_variance"),
    tf.TensorSpec((None,), tf.float64, name="epsilon"),
)


def perturb(waveform: Any, noise: Any, reference_mean: Any, reference_variance: Any, epsilon: Any) -> dict[str, Any]:
    """Matches noise to the reference noise and adds ε times as much, as `kerasser.attack.perturbation.add` does.

    Args:
        waveform: float32 `[batch, samples]` in [−1, 1 − 2⁻¹⁵], 16 kHz.
        noise: float32 of the same shape, no row constant.
        reference_mean: float64 `[batch]`, mean of the reference noise; 0 where an SNR is to be reached.
        reference_variance: float64 `[batch]`, its variance.
        epsilon: float64 `[batch]`, the perturbation factor.

    Returns:
        `adversarial` float32 `[batch, samples]`, `clipped` int64 `[batch]` samples beyond full scale, and
        `snr_db` float64 `[batch]`, the waveform's variance over the mean square of all that was added, infinite where
        nothing was added.

    Raises:
        tf.errors.InvalidArgumentError: If shapes differ, or a value is out of range.
    """
    clean, wide = tf.cast(waveform, tf.float64), tf.cast(noise, tf.float64)
    rows = [tf.shape(each)[0] for each in (reference_mean, reference_variance, epsilon)]
    same_rows = tf.reduce_all(tf.equal(rows, tf.shape(waveform)[0]))
    shapes = [tf.shape(waveform), tf.shape(noise)]
    with tf.control_dependencies(
        [
            expect(
                tf.reduce_all(tf.equal(*shapes)), "noise: expected the shape of the waveform. Received: {}", shapes[1]
            ),
            expect(
                same_rows, "expected a mean, a variance and an epsilon for each waveform. Received: {}", tf.stack(rows)
            ),
            expect(_finite(reference_mean), "reference_mean: expected finite numbers. Received: {}", reference_mean),
            expect(
                _not_negative(reference_variance),
                "reference_variance: expected finite numbers, not negative. Received: {}",
                reference_variance,
            ),
            expect(_not_negative(epsilon), "epsilon: expected finite numbers, not negative. Received: {}", epsilon),
        ]
    ):
        centred = wide - _mean(wide)
    power = _mean(tf.square(centred))
    with tf.control_dependencies(
        [expect(tf.reduce_all(power > 0), "noise: expected sound. Received: a constant; its variance is {}", power)]
    ):
        scaled = centred * tf.sqrt(reference_variance[:, None] / power)
    delta = reference_mean[:, None] + scaled - _mean(scaled)
    exact = clean + epsilon[:, None] * delta
    adversarial = tf.cast(tf.clip_by_value(exact, -1.0, FULL_SCALE), tf.float32)
    added = _mean(tf.square(tf.cast(adversarial, tf.float64) - clean))[:, 0]
    beyond = tf.logical_or(exact < -1.0, exact > FULL_SCALE)
    ratio = _mean(tf.square(clean - _mean(clean)))[:, 0] / added
    return {
        "adversarial": adversarial,
        "clipped": tf.math.count_nonzero(beyond, axis=1),
        "snr_db": tf.where(added > 0, 10.0 * tf.math.log(ratio) / np.log(10.0), np.inf),
    }


def _mean(values: Any) -> Any:
    """Returns the mean of each row, `[batch, 1]`, in an order of summation that the number of threads does not change.

    TensorFlow shares a long sum out between its threads, and the last bit of the result depends on how many there are.
    A sum of few numbers is left to one thread, so this sums blocks, and then their sums.
    """
    samples = tf.shape(values)[1]
    blocks = tf.reshape(
        tf.pad(values, [[0, 0], [0, -samples % _BLOCK]]), [tf.shape(values)[0], -(-samples // _BLOCK), _BLOCK]
    )
    total = tf.reduce_sum(tf.reduce_sum(blocks, axis=2), axis=1, keepdims=True)
    return total / tf.cast(samples, values.dtype)


def _finite(values: Any) -> Any:
    return tf.reduce_all(tf.math.is_finite(values))


def _not_negative(values: Any) -> Any:
    return tf.logical_and(_finite(values), tf.reduce_all(values >= 0))


def write(directory: Path) -> None:
    """Writes the SavedModel; its `serving_default` is `perturb`."""
    module = tf.Module()
    module.perturb = tf.function(perturb, input_signature=SIGNATURE, autograph=False)
    tf.saved_model.save(module, str(directory), signatures=module.perturb)


def load(directory: Path) -> Add:
    """Returns what adds noise to one utterance by way of the SavedModel; threads may share it."""
    loaded = tf.saved_model.load(str(directory))
    served = loaded.signatures["serving_default"]

    def served_add(waveform: np.ndarray, noise: np.ndarray, mean: float, variance: float, epsilon: float) -> Perturbed:
        # A signature lives no longer than what was loaded: this keeps it.
        assert loaded is not None
        numbers = {"reference_mean": mean, "reference_variance": variance, "epsilon": epsilon}
        made = served(
            waveform=tf.constant(waveform[None], tf.float32),
            noise=tf.constant(noise[None], tf.float32),
            **{name: tf.constant([value], tf.float64) for name, value in numbers.items()},
        )
        return Perturbed(
            made["adversarial"].numpy()[0], float(epsilon), float(made["snr_db"][0]), int(made["clipped"][0])
        )

    return served_add


def warm_up_records(seed: int = 0) -> Iterator[Record]:
    """Yields a record for each of the warm-up's durations, answered by the library, not by the graph."""
    generator = np.random.default_rng(seed)
    for duration_s in DURATIONS_S:
        samples = duration_s * SAMPLE_RATE_HZ
        waveform, noise = (generator.uniform(-1, FULL_SCALE, (2, samples)) * np.array([[0.9], [0.1]])).astype(
            np.float32
        )
        numbers = {"reference_mean": 1e-4, "reference_variance": 1e-4, "epsilon": 2.0}
        made = add(waveform, noise, *numbers.values())
        yield Record(
            "serving_default",
            {
                "waveform": waveform[None],
                "noise": noise[None],
                **{name: np.array([value]) for name, value in numbers.items()},
            },
            {
                "adversarial": made.waveform[None],
                "clipped": np.array([made.clipped]),
                "snr_db": np.array([made.snr_db]),
            },
        )
