"""SavedModels of the classifier, with and without the generator before it, for TF Serving.

They take raw eGeMAPS frames, or sound, and hold TensorFlow operations alone. What lies beyond `lengths` changes no
answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from kerasser.features.records import parse_frames
from kerasser.models.layers import valid_frames
from kerasser.util.checks import expect


@dataclass(frozen=True)
class Input:
    """Something that frames are made of inside the graph.

    Attributes:
        name: Of the signature that takes it.
        specs: Its tensors.
        frames: Makes `features` and `lengths` of them.
        named: Whether `classes` are among the outputs, for clients that know nothing of the model.
    """

    name: str
    specs: tuple[tf.TensorSpec, ...]
    frames: Callable[..., tuple[Any, Any]]
    named: bool


def write(
    directory: Path,
    classifier: keras.Model,
    classes: Sequence[str],
    cleaner: keras.Model | None = None,
    inputs: Sequence[Input] = (),
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

    and for each of `inputs` one of its name, and with a generator one of its name and `_undefended`.

    A length of 0, below or beyond the frames, a label that is no class, and NaN or infinity in a valid frame are
    errors; so is what an input refuses.

    Args:
        directory: Where to; made.
        classifier: From `classifier.build`.
        classes: Class names, in the order of the logits.
        cleaner: G on raw features, from `gan.cleaner`; None writes the classifier alone.
        inputs: What it takes beside frames, such as `listening.INPUTS`.
    """
    classifier = cpu_copy(classifier)
    cleaner = cpu_copy(cleaner) if cleaner is not None else None
    dimension = classifier.input["features"].shape[-1]
    frames = [
        tf.TensorSpec((None, None, dimension), tf.float32, name="features"),
        tf.TensorSpec((None,), tf.int32, name="lengths"),
    ]
    labels = tf.TensorSpec((None,), tf.int32, name="labels")
    strings = (tf.TensorSpec((None,), tf.string, name="serialized"),)
    serialized = Input("serialized", strings, lambda given: parse_frames(given, dimension), named=True)
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

    def on_input(each: Input, answer: Any) -> Any:
        def answered(*given: Any) -> dict[str, Any]:
            found: dict[str, Any] = on_frames(answer)(*each.frames(*given))
            if not each.named:
                return found
            return {**found, "classes": tf.tile(names[None], [tf.shape(found["logits"])[0], 1])}

        return answered

    def add(name: str, suffix: str, answer: Any) -> None:
        archive.add_endpoint(name, on_frames(answer), frames)
        for each in (serialized, *inputs):
            archive.add_endpoint(each.name + suffix, on_input(each, answer), list(each.specs))

    archive = keras.export.ExportArchive()
    archive.track(classifier)
    systems = {"": defended}
    add("serving_default", "", defended)
    if cleaner is not None:
        archive.track(cleaner)
        systems["undefended_"] = undefended
        add("undefended", "_undefended", undefended)
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
