"""Gradients to the sound: the margin of a recogniser by the samples that it hears, and descent along it.

The feature front end as a graph joins both: what the paper holds for impracticable, since opensmile has no derivative.
Where the derivative means nothing, it is stopped: jitter and shimmer, whose periods are found by a walk; decisions,
such as voicing, which candidate is the pitch, which pole is which formant. Rounding to 16 bits is passed over. Formants
near double roots move faster than any step follows, and logarithms of near silence too: a step takes the derivative's
sign alone, the descent keeps the worst point that it sees, and whoever judges asks the real front end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from kerasser.attack import masking
from kerasser.attack.white_box import Logits, margin_of
from kerasser.audio import FULL_SCALE
from kerasser.features.graph import egemaps
from kerasser.util.arrays import Array

#: From waveforms `[batch, samples]` in [−1, 1 − 2⁻¹⁵], zero beyond `lengths [batch]`, to logits `[batch, classes]`.
WaveformLogits = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
#: From a waveform to an enhanced one of its length, both float32 `[samples]`.
Enhance = Callable[[Array], Array]
#: Samples that a random shift takes off at most: one step of the frames.
LARGEST_SHIFT = 159
#: Louder than any bound: full scale.
_LOUD = 1.0


def through_features(logits: Logits, enhance: Enhance | None = None) -> WaveformLogits:
    """Returns the logits of a model of eGeMAPS frames by the waveform.

    Args:
        logits: From frames and their numbers.
        enhance: What is done to the waveform before its features are taken; its derivative is taken for 1, since it
            gives back about what it gets (Athalye, Carlini and Wagner 2018, "Obfuscated Gradients", section 4.1).
    """

    def of_waveform(waveform: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        heard = waveform if enhance is None else waveform + tf.stop_gradient(_enhanced(enhance, waveform, lengths))
        return logits(*egemaps(heard, lengths))

    return of_waveform


def _enhanced(enhance: Enhance, waveform: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Returns what enhancement adds to waveforms."""

    def added(waveforms: Array, sizes: Array) -> Array:
        found = np.zeros_like(waveforms)
        for row, heard, size in zip(found, waveforms, sizes, strict=True):
            row[:size] = enhance(heard[:size]) - heard[:size]
        return found

    change = tf.numpy_function(added, [waveform, lengths], tf.float32)
    return tf.ensure_shape(change, waveform.shape)


class Margin:
    """The margin of the truth by what is added to speech, and its derivative.

    Args:
        logits: The recogniser.
        shifts: How many versions of the sum, each some samples later, the derivative is averaged over; the first is the
            sum as it is.
    """

    def __init__(self, logits: WaveformLogits, shifts: int = 1) -> None:
        self._shifts = shifts
        batch, whole = tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([None], tf.int32)

        @tf.function(input_signature=[batch, batch, whole, whole, tf.TensorSpec([], tf.int32)])
        def evaluated(
            added: tf.Tensor, speech: tf.Tensor, lengths: tf.Tensor, labels: tf.Tensor, shift: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(added)
                heard = tf.clip_by_value(speech + added, -1.0, FULL_SCALE)
                heard = tf.pad(heard[:, shift:], [[0, 0], [0, shift]])
                margin = margin_of(logits(heard, lengths - shift), labels)
            gradient = tape.gradient(margin, added, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            # One sample that cannot be followed must not stop all others.
            return margin, tf.where(tf.math.is_finite(gradient), gradient, 0.0)

        self._evaluated = evaluated

    def __call__(
        self, added: tf.Tensor, speech: tf.Tensor, lengths: tf.Tensor, labels: tf.Tensor, shifts: Sequence[int] = ()
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the margin `[batch]` of the sum as it is, and the mean derivative `[batch, samples]` over all shifts.

        Args:
            added: What is added, float32 `[batch, samples]`, zero beyond `lengths`.
            speech: The utterances, float32 of the same shape.
            lengths: Their samples, int32 `[batch]`.
            labels: The truth, int32 `[batch]`.
            shifts: Samples that are taken off the beginning of further versions.
        """
        margin, total = self._evaluated(added, speech, lengths, labels, 0)
        for shift in shifts:
            total += self._evaluated(added, speech, lengths, labels, shift)[1]
        return margin, total / (1.0 + len(shifts))

    def drawn(self, generator: np.random.Generator) -> list[int]:
        """Returns as many random shifts as are wanted beside the sum as it is."""
        return [int(each) for each in generator.integers(1, LARGEST_SHIFT + 1, self._shifts - 1)]


class Found(NamedTuple):
    """What one run of a descent found for each utterance.

    Attributes:
        added: What is to be added, float32 `[batch, samples]`, at the worst point.
        margin: The graph's margin there, `[batch]`.
        gradient_norm: Norm of the margin's derivative by the samples of clean speech, `[batch]`.
    """

    added: Array
    margin: Array
    gradient_norm: Array


class WaveformDescent:
    """Projected gradient descent on the sound that is added (Madry et al. 2018), at a given power.

    Args:
        logits: The recogniser.
        steps: Steps of a run.
        restarts: Runs, each from another beginning: the first from speech as it is, the others from white noise.
        shifts: As for `Margin`.
    """

    def __init__(self, logits: WaveformLogits, *, steps: int = 20, restarts: int = 1, shifts: int = 1) -> None:
        self._margin, self._steps, self._restarts = Margin(logits, shifts), steps, restarts

    def __call__(
        self, speech: Array, lengths: Array, labels: Array, power: Array, limit: Array | None = None, seed: int = 0
    ) -> list[Found]:
        """Attacks a batch.

        Args:
            speech: The utterances, float32 `[batch, samples]`, zero beyond `lengths`.
            lengths: Their samples, int32 `[batch]`.
            labels: The truth, int `[batch]`.
            power: Mean square of what is added over an utterance's own samples, `[batch]`, not negative.
            limit: Masking thresholds, `[batch, frames, bands]`, from `kerasser.attack.masking.threshold`; what is added
                then stays below both. None sets none, and all of the power is spent.
            seed: Of the beginnings and the shifts.

        Returns:
            What each run found.
        """
        x, length, truth = tf.constant(speech), tf.constant(lengths, tf.int32), tf.constant(labels, tf.int32)
        valid = tf.sequence_mask(length, x.shape[1], tf.float32)
        radius = tf.constant(np.sqrt(np.asarray(power, np.float64) * lengths)[:, None], tf.float32)
        bounded = _Bound(radius, valid, length, limit)
        clean, gradient = self._margin(tf.zeros_like(x), x, length, truth)
        norm = tf.norm(gradient, axis=1).numpy()
        generator, runs = np.random.default_rng(seed), []
        # What fits below both bounds: white noise fills every band where it is too loud.
        filled = bounded(tf.constant(_LOUD * generator.standard_normal(x.shape), tf.float32))
        reach = tf.norm(filled, axis=1)[:, None]
        for restart in range(self._restarts):
            added = tf.zeros_like(x)
            if restart:
                added = bounded(tf.constant(_LOUD * generator.standard_normal(x.shape), tf.float32))
            worst, kept = np.full(len(speech), np.inf), np.zeros_like(speech)
            for step in range(self._steps + 1):
                margin, gradient = self._margin(added, x, length, truth, self._margin.drawn(generator))
                # Nothing added is no attack: it spends nothing.
                if step or restart:
                    better = margin.numpy() < worst
                    worst, kept = np.where(better, margin, worst), np.where(better[:, None], added, kept)
                # By its signs: its size is that of the softest frames, whose logarithms are steep, and a step along it
                # spends all power there. Reaches the far side of what is allowed, with some steps to spare.
                sign = tf.sign(gradient) * valid
                away = sign * tf.math.divide_no_nan(2.5 * reach / self._steps, tf.norm(sign, axis=1)[:, None])
                added = bounded(added - away)
            runs.append(Found(kept.astype(np.float32), worst, norm))
        return runs


class _Bound:
    """Holds what is added to its power, and below the masking threshold where there is one."""

    def __init__(self, radius: tf.Tensor, valid: tf.Tensor, lengths: tf.Tensor, limit: Array | None) -> None:
        self._radius, self._valid = radius, valid
        self._limit = None if limit is None else tf.constant(limit, tf.float32)
        place = tf.cast(tf.range(valid.shape[1])[None, :], tf.float32)
        end = tf.cast(lengths, tf.float32)[:, None]
        # What ends in the middle of a frame is heard in all of its bands.
        self._fade = tf.clip_by_value(tf.minimum(place, end - 1.0 - place) / masking.FRAME, 0.0, 1.0)

    def __call__(self, added: tf.Tensor) -> tf.Tensor:
        added = added * self._valid
        if self._limit is not None:
            added = masking.held(masking.project(added, self._limit) * self._fade, self._limit)
        scale = tf.math.divide_no_nan(self._radius, tf.norm(added, axis=1)[:, None])
        return added * (scale if self._limit is None else tf.minimum(scale, 1.0))


def rounded(waveform: Array) -> tuple[Array, int]:
    """Returns a waveform as 16 bits hold it, and how many samples were beyond full scale.

    Args:
        waveform: float `[samples]`, any range.

    Returns:
        float32 `[samples]`, whole multiples of 2⁻¹⁵ in [−1, 1 − 2⁻¹⁵].
    """
    steps: Any = np.rint(np.asarray(waveform, np.float64) * 2.0**15)
    beyond = int(np.count_nonzero((steps < -(2**15)) | (steps > 2**15 - 1)))
    return (np.clip(steps, -(2**15), 2**15 - 1) / 2.0**15).astype(np.float32), beyond
