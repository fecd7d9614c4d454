"""SavedModels of the classifier, with and without the generator before it, for TF Serving.

They take raw eGeMAPS frames, or sound, and hold TensorFlow operations alone. What lies beyond `lengths` changes no
answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from kerasser.features.records import parse_frames
from kerasser.models.layers import valid_frames
from kerasser.serving import listening
from kerasser.util.checks import expect


def write(
    directory: Path,
    classifier: keras.Model,
    classes: Sequence[str],
    cleaner: keras.Model | None = None,
    sound: bool = False,
) -> None:
    """Writes a SavedModel with these signatures.

    With C the classifier, G the generator and x raw frames, `features float32 [batch, frames, dimension]` and
    `lengths int32 [batch]`:

    - `serving_default`: C(G(x)), or C(x) without a generator → `probabilities`, `logits [batch, classes]` and
      `label`, a string `[batch]`;
    - `undefended`: C(x), and `clean`: G(x) → `features`, zero beyond `lengths`; both with a generator only;
    - `evaluate`: with `labels int32 [batch]` → for each utterance `correct`, `cross_entropy`, `margin` (the logit of
      the truth less the largest other), `predicted` and `probabilities`; with a generator, `undefended_…` as well;
    - `serialized`: SequenceExamples, `serialized string [batch]`, of any length each, with a
      feature list "features" → as `serving_default`, and
      `classes [batch, classes]`; with a generator, `serialized_undefended` as well.

    With `sound`, whose eGeMAPS the graph computes:

    - `waveform`: `waveform float32 [batch, samples]` at 16 kHz and `lengths int32 [batch]`, in samples → as
      `serving_default`;
    - `audio`: WAV files, `audio string [batch]`, of any length each → as `serialized`; with a generator,
      `waveform_undefended` and `audio_undefended` as well.

    A length of 0, below or beyond the frames, a label that is no class, and NaN or infinity in a valid frame are
    errors; so is what `listening.described` and `listening.decoded` refuse of sound.

    Args:
        directory: Where to; made.
        classifier: From `classifier.build`.
        classes: Class names, in the order of the logits.
        cleaner: G on raw features, from `gan.cleaner`; None writes the classifier alone.
        sound: Whether it takes sound too: right for networks that learnt from a front end of `listening.FRONT_ENDS`.
    """
    classifier = cpu_copy(classifier)
    cleaner = cpu_copy(cleaner) if cleaner is not None else None
    dimension = classifier.input["features"].shape[-1]
    frames = [
        tf.TensorSpec((None, None, dimension), tf.float32, name="features"),
        tf.TensorSpec((None,), tf.int32, name="lengths"),
    ]
    labels = tf.TensorSpec((None,), tf.int32, name="labels")
    strings = tf.TensorSpec((None,), tf.string, name="serialized")
    names = tf.constant(list(classes))

    # Each network is traced once, and shared by the signatures.
    @tf.function(input_signature=frames, autograph=False)
    def undefended(features: Any, lengths: Any) -> dict[str, Any]:
        answer = classifier({"features": features, "lengths": lengths}, training=False)
        return {**answer, "label": tf.gather(names, tf.argmax(answer["logits"], axis=-1))}

    @tf.function(input_signature=frames, autograph=False)
    def clean(features: Any, lengths: Any) -> Any:
        return cleaner({"features": features, "lengths": lengths}, training=False)  # type: ignore[misc]

    def defended(features: Any, lengths: Any) -> dict[str, Any]:
        result: dict[str, Any] = undefended(clean(features, lengths) if cleaner is not None else features, lengths)
        return result

    def evaluate(features: Any, lengths: Any, labels: Any) -> dict[str, Any]:
        features, lengths = checked(features, lengths)
        labels = _known(labels, features, len(classes))
        scores = {prefix: score(answer(features, lengths), labels) for prefix, answer in systems.items()}
        return {prefix + name: value for prefix, figures in scores.items() for name, value in figures.items()}

    def on_frames(answer: Any) -> Any:
        return lambda features, lengths: answer(*checked(features, lengths))

    def named(answer: Any, strings: Any) -> dict[str, Any]:
        return {**answer, "classes": tf.tile(names[None], [tf.shape(strings)[0], 1])}

    def on_strings(answer: Any) -> Any:
        frames = on_frames(answer)
        return lambda serialized: named(frames(*parse_frames(serialized, dimension)), serialized)

    def on_waveforms(answer: Any) -> Any:
        frames = on_frames(answer)
        return lambda waveform, lengths: frames(*listening.described(waveform, lengths))

    def on_audio(answer: Any) -> Any:
        waveforms = on_waveforms(answer)
        return lambda audio: named(waveforms(*listening.decoded(audio)), audio)

    def add(suffix: str, on_frames_name: str, answer: Any) -> None:
        archive.add_endpoint(on_frames_name, on_frames(answer), frames)
        archive.add_endpoint(f"serialized{suffix}", on_strings(answer), [strings])
        if sound:
            archive.add_endpoint(f"waveform{suffix}", on_waveforms(answer), list(listening.WAVEFORM))
            archive.add_endpoint(f"audio{suffix}", on_audio(answer), list(listening.AUDIO))

    archive = keras.export.ExportArchive()
    archive.track(classifier)
    systems = {"": defended}
    add("", "serving_default", defended)
    if cleaner is not None:
        archive.track(cleaner)
        systems["undefended_"] = undefended
        add("_undefended", "undefended", undefended)
        archive.add_endpoint("clean", on_frames(lambda *x: {"features": clean(*x)}), frames)
    archive.add_endpoint("evaluate", evaluate, [*frames, labels])
    archive.write_out(directory, verbose=False)


def cpu_copy(model: keras.Model) -> keras.Model:
    """Returns the same model without cuDNN: a graph traced with it on a GPU does not load on a CPU."""

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        # Keras leaves it out of the configuration, and "auto" asks cuDNN wherever there is a GPU.
        without = {"use_cudnn": False} if hasattr(layer, "use_cudnn") else {}
        return type(layer).from_config({**layer.get_config(), **without})

    with tf.device("CPU:0"):
        copy = keras.models.clone_model(model, clone_function=plain, recursive=True)
        copy.set_weights(model.get_weights())
    return copy


def checked(features: Any, lengths: Any) -> tuple[Any, Any]:
    """Returns both as they are, once they can be answered; a wrong answer would look like any other.

    Raises:
        tf.errors.InvalidArgumentError: If there is not one length for each utterance, a length is below 1 or beyond
            the frames, or a valid frame is not finite.
    """
    batch, frames = tf.shape(features)[0], tf.shape(features)[1]
    whole = tf.equal(tf.shape(lengths)[0], batch)
    inside = tf.logical_and(lengths >= 1, lengths <= frames)
    with tf.control_dependencies(
        [
            expect(whole, "lengths: expected one for each of {} utterances. Received: {}", batch, lengths),
            expect(tf.reduce_all(inside), "lengths: expected 1 to {} frames. Received: {}", frames, lengths),
        ]
    ):
        valid = valid_frames(lengths, frames)[:, :, None]
    finite = tf.reduce_all(tf.logical_or(tf.math.is_finite(features), tf.logical_not(valid)))
    words = "features: expected finite numbers in the valid frames of {} utterances. Received: NaN or infinity"
    with tf.control_dependencies([expect(finite, words, batch)]):
        return tf.identity(features), tf.identity(lengths)


def _known(labels: Any, features: Any, classes: int) -> Any:
    whole = tf.equal(tf.shape(labels)[0], tf.shape(features)[0])
    known = tf.reduce_all(tf.logical_and(labels >= 0, labels < classes))
    with tf.control_dependencies(
        [
            expect(whole, "labels: expected one for each utterance. Received: {}", labels),
            expect(known, f"labels: expected 0 to {classes - 1}. Received: {{}}", labels),
        ]
    ):
        return tf.identity(labels)


def score(answer: dict[str, Any], labels: Any) -> dict[str, Any]:
    """Returns what an evaluation needs of each utterance.

    Args:
        answer: `logits` and `probabilities`, `[batch, classes]`.
        labels: The truth, int32 `[batch]`.
    """
    logits = answer["logits"]
    truth = tf.one_hot(labels, tf.shape(logits)[-1], on_value=True, off_value=False)
    of_truth = tf.reduce_max(tf.where(truth, logits, -math.inf), axis=-1)
    of_others = tf.reduce_max(tf.where(truth, -math.inf, logits), axis=-1)
    predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return {
        "correct": tf.equal(predicted, labels),
        "cross_entropy": tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits),
        "margin": of_truth - of_others,
        "predicted": predicted,
        "probabilities": answer["probabilities"],
    }
