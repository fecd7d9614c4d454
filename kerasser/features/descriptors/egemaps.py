"""The 25 descriptors of a batch of waveforms, assembled."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from kerasser.features.base import EGEMAPS_NAMES
from kerasser.features.descriptors import formants, framing, harmonics, packing, periods, pitch, smoothing, spectral


def egemaps(waveform: Any, lengths: Any, compiled: bool = False) -> tuple[Any, Any]:
    """Computes the eGeMAPSv02 low-level descriptors (Eyben et al. 2016) as opensmile does.

    Derivatives reach the waveform through 16-bit rounding as if there were none. What lies beyond an utterance's
    length has no influence.

    Args:
        waveform: float32 `[batch, samples]`, 16 kHz mono, in [−1, 1 − 2⁻¹⁵].
        lengths: int32 `[batch]`, samples of each utterance, at least 960.
        compiled: Keep every shape static, as XLA needs, instead of computing for the frames alone that count.

    Returns:
        float32 `[batch, frames, 25]`, 0 beyond each utterance's end, and int32 `[batch]`, its frames: 100 a second
        less 4; none where there are fewer than 960 samples.
    """
    lengths = tf.cast(lengths, tf.int32)
    counts = framing.frame_counts(lengths)
    sound = _whole_frames(waveform, lengths)
    short = framing.frames(sound, framing.SHORT) * framing.hamming()
    long = framing.frames(sound, framing.LONG) * framing.gauss()
    most = tf.shape(long)[1]
    spectrum = smoothing.plain(spectral.descriptors(*framing.spectra(short, framing.SHORT_FFT)), most + 1)
    voice = smoothing.non_zero(*_of_voice(sound, short, long, counts, not compiled))
    features = tf.concat([spectrum, voice], axis=2)
    output = tf.where(counts > 0, counts + 1, 0)
    there = tf.sequence_mask(output, most + 1)[..., None]
    return tf.where(there, features, 0.0), output


def _whole_frames(waveform: Any, lengths: Any) -> Any:
    """Returns the samples as read from 16 bits, 0 beyond the end, up to the last complete 60-ms frame."""
    shape = tf.shape(waveform)
    whole = tf.maximum(shape[1] // framing.HOP * framing.HOP, framing.LONG)
    padded = tf.pad(waveform, [[0, 0], [0, tf.maximum(whole - shape[1], 0)]])[:, :whole]
    inside = tf.sequence_mask(lengths, whole)
    return framing.quantised(tf.where(inside, padded, 0.0))


def _of_voice(sound: Any, short: Any, long: Any, counts: Any, pack: bool) -> tuple[Any, Any, Any]:
    """Returns descriptors 10–24 before smoothing, `[batch, most frames, 15]`, the frames and those settled."""
    most = tf.shape(long)[1]
    power, magnitude = framing.spectra(long, framing.LONG_FFT)
    level = framing.root(tf.reduce_mean(tf.square(long), axis=2))
    f0, settled = pitch.pitch(magnitude, level, counts, pack)
    jitter, shimmer = periods.jitter_and_shimmer(sound, f0, counts, compiled=not pack)
    rows = packing.Rows(tf.sequence_mask(counts, most), pack)
    frequencies, bandwidths = (rows.back(each) for each in formants.formants(rows.of(short[:, :most])))
    to_noise, first_second, first_third, levels = harmonics.describe(power, magnitude, f0, frequencies, pack)
    voiced = f0 > 0.0
    semitones = tf.where(voiced, 12.0 / tf.math.log(2.0) * tf.math.log(tf.where(voiced, f0, 27.5) / 27.5), 0.0)
    singles = tf.stack([semitones, jitter, shimmer, to_noise, first_second, first_third], axis=2)
    of_formants = tf.reshape(tf.stack([frequencies, bandwidths, levels], axis=3), [-1, most, 9])
    return tf.concat([singles, of_formants], axis=2), counts, settled


@keras.saving.register_keras_serializable(package="kerasser")
class Egemaps(keras.layers.Layer):
    """`egemaps` as a layer: called with `[waveform, lengths]`, it returns features and their frames."""

    def call(self, inputs: Any) -> Any:
        """Returns float32 `[batch, frames, 25]` and int32 `[batch]`."""
        waveform, lengths = inputs
        return egemaps(waveform, lengths)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shapes of features and frames."""
        batch = input_shape[0][0]
        return (batch, None, len(EGEMAPS_NAMES)), (batch,)
