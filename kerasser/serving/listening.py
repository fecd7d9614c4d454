"""From sound to eGeMAPS frames inside a served graph: samples or WAV files, checked in words that reach the client."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from kerasser.audio import FULL_SCALE, SAMPLE_RATE_HZ, SHORTEST_S
from kerasser.features.graph import egemaps
from kerasser.models.layers import valid_frames
from kerasser.serving.export import Input
from kerasser.util.checks import expect

#: Front ends whose frames `egemaps` gives, by the names in model cards.
FRONT_ENDS = frozenset({"opensmile", "graph"})
WAVEFORM = (
    tf.TensorSpec((None, None), tf.float32, name="waveform"),
    tf.TensorSpec((None,), tf.int32, name="lengths"),
)
AUDIO = (tf.TensorSpec((None,), tf.string, name="audio"),)
_SHORTEST = round(SHORTEST_S * SAMPLE_RATE_HZ)


@tf.function(input_signature=WAVEFORM, autograph=False)
def described(waveform: Any, lengths: Any) -> tuple[Any, Any]:
    """Returns the eGeMAPS frames of sound, `[batch, frames, 25]`, and how many there are, int32 `[batch]`.

    Args:
        waveform: float32 `[batch, samples]`, 16 kHz, in [−1, 1 − 2⁻¹⁵]; what lies beyond `lengths` has no influence.
        lengths: Samples of each, int32 `[batch]`.

    Raises:
        tf.errors.InvalidArgumentError: If there is not one length for each utterance, a length is below 100 ms or
            beyond the samples, or a valid sample is not finite or beyond full scale.
    """
    features, frames = egemaps(*checked(waveform, lengths))
    return features, frames


def checked(waveform: Any, lengths: Any) -> tuple[Any, Any]:
    """Returns both, zeros beyond the lengths, once they can be described; see `described`."""
    batch, samples = tf.shape(waveform)[0], tf.shape(waveform)[1]
    whole = tf.equal(tf.shape(lengths)[0], batch)
    long = tf.reduce_all(lengths >= _SHORTEST)
    inside = tf.reduce_all(lengths <= samples)
    shortest = f"lengths: expected at least {SHORTEST_S} s of audio, {_SHORTEST} samples. Received: {{}}"
    with tf.control_dependencies(
        [
            expect(whole, "lengths: expected one for each of {} utterances. Received: {}", batch, lengths),
            expect(long, shortest, lengths),
            expect(inside, "lengths: expected at most {} samples, as in waveform. Received: {}", samples, lengths),
        ]
    ):
        # A number for each sample that is none of the utterance's, whatever the client left there.
        heard = tf.where(valid_frames(lengths, samples), waveform, 0.0)
    finite = tf.reduce_all(tf.math.is_finite(heard))
    with tf.control_dependencies(
        [expect(finite, "waveform: expected finite samples in all of {} utterances. Received: NaN or infinity", batch)]
    ):
        # A batch of none has no peak.
        low, high = tf.reduce_min(tf.minimum(heard, 0.0)), tf.reduce_max(tf.maximum(heard, 0.0))
    words = "waveform: expected samples in [-1, 1 - 2**-15]; clip them first. Received: {} to {}"
    with tf.control_dependencies([expect(tf.logical_and(low >= -1.0, high <= FULL_SCALE), words, low, high)]):
        return tf.identity(heard), tf.identity(lengths)


def decoded(audio: Any) -> tuple[Any, Any]:
    """Decodes WAV files.

    Args:
        audio: The bytes of 16-bit PCM at 16 kHz, mono, string `[batch]`; of any lengths.

    Returns:
        Samples, float32 `[batch, samples]`, zeros behind each, and their numbers, int32 `[batch]`.

    Raises:
        tf.errors.InvalidArgumentError: If one is no such file.
    """
    ragged = tf.RaggedTensorSpec((None,), tf.float32, ragged_rank=0)
    found = tf.map_fn(_samples, audio, fn_output_signature=ragged)
    return found.to_tensor(), tf.cast(found.row_lengths(), tf.int32)


def _samples(file: Any) -> Any:
    wanted = f"audio: expected a WAV file of 16-bit PCM at {SAMPLE_RATE_HZ} Hz, mono. Received: "
    kind = tf.strings.substr(file, 0, 4)
    length = tf.strings.length(file)
    with tf.control_dependencies([expect(tf.equal(kind, "RIFF"), wanted + "{} bytes of something else", length)]):
        # Other chunks are passed over; another coding is refused in the operation's own words.
        samples, rate = tf.audio.decode_wav(file)
    channels = tf.shape(samples)[1]
    right = tf.logical_and(tf.equal(rate, SAMPLE_RATE_HZ), tf.equal(channels, 1))
    with tf.control_dependencies([expect(right, wanted + "{} Hz, {} channels", rate, channels)]):
        return tf.identity(samples[:, 0])


#: What a SavedModel takes beside frames: samples → as `serving_default`, and WAV files → as `serialized`.
INPUTS = (
    Input("waveform", WAVEFORM, described, named=False),
    Input("audio", AUDIO, lambda audio: described(*decoded(audio)), named=True),
)
