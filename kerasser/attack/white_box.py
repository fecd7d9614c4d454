"""White-box attack on the features: projected gradient descent through the generator and the classifier.

Nobody who plays noise in a café can do it: it moves every frame of every descriptor as it likes, and sees the gradients
of the whole model. It bounds from above what an attack of that size could do (Madry et al. 2018, "Towards Deep Learning
Models Resistant to Adversarial Attacks").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from kerasser.models.layers import valid_frames

#: From raw frames `[batch, frames, features]` and `lengths [batch]` to logits `[batch, classes]`, differentiable.
Logits = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class Attacked(NamedTuple):
    """What the attack found for each utterance.

    Attributes:
        margin: Logit of the truth less the largest other at the worst point, float `[batch]`; below 0 where it is
            answered wrongly.
        predicted: The answer there, int `[batch]`.
        gradient_norm: Norm of the margin's gradient by the features, in their deviations, at clean speech; `[batch]`.
    """

    margin: np.ndarray
    predicted: np.ndarray
    gradient_norm: np.ndarray


class ProjectedGradientDescent:
    """PGD in a box around an utterance's frames.

    Args:
        logits: The model.
        deviation: Standard deviation of each feature over the training frames, float `[features]`: the unit of the
            radius, and of the gradient.
        steps: Steps of a run.
        restarts: Runs; the first begins at the utterance, the others at a random point of the box.
    """

    def __init__(self, logits: Logits, deviation: np.ndarray, *, steps: int = 20, restarts: int = 3) -> None:
        self._deviation = tf.constant(deviation, tf.float32)
        self._steps, self._restarts = steps, restarts

        @tf.function(reduce_retracing=True)
        def evaluated(
            moved: tf.Tensor, features: tf.Tensor, lengths: tf.Tensor, labels: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(moved)
                answer = logits(features + moved * self._deviation, lengths)
                # On the margin, not on probabilities: a confident softmax has no gradient left (Carlini & Wagner 2017).
                margin = margin_of(answer, labels)
                total = tf.reduce_sum(margin)
            # A model that rounds has none, not even zeros; the alarms want to hear of it.
            gradient = tape.gradient(total, moved, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return margin, tf.argmax(answer, axis=-1), gradient

        self._evaluated = evaluated

    def __call__(
        self, features: np.ndarray, lengths: np.ndarray, labels: np.ndarray, radius: np.ndarray | float, seed: int = 0
    ) -> Attacked:
        """Attacks a batch.

        Args:
            features: Raw frames, float32 `[batch, frames, features]`, zero beyond `lengths`.
            lengths: Valid frames, int32 `[batch]`.
            labels: The truth, int `[batch]`.
            radius: Largest change of each feature in each frame, in standard deviations of the feature; of the shape
                of `features`, or one number for all.
            seed: Of the random beginnings.

        Raises:
            ValueError: If a radius is no number or below 0.
        """
        if not (np.asarray(radius) >= 0).all():
            raise ValueError("radius: expected numbers of at least 0. Received: others")
        bound = tf.constant(np.broadcast_to(np.asarray(radius, np.float32), features.shape))
        x, length = tf.constant(features, tf.float32), tf.constant(lengths, tf.int32)
        truth = tf.constant(labels, tf.int32)
        valid = tf.cast(valid_frames(length, x.shape[1]), tf.float32)[:, :, None]
        margin, predicted, gradient = self._evaluated(tf.zeros_like(x), x, length, truth)
        norm = tf.sqrt(tf.reduce_sum(tf.square(gradient * valid), axis=[1, 2])).numpy()
        worst, answer = margin.numpy(), predicted.numpy()
        # Reaches the far side of the box from anywhere in it, with some steps to spare.
        step = 2.5 * bound / self._steps
        for restart in range(self._restarts):
            moved = tf.zeros_like(x)
            if restart:
                moved = bound * tf.random.stateless_uniform(x.shape, [seed, restart], -1.0, 1.0) * valid
            margin, predicted, gradient = self._evaluated(moved, x, length, truth)
            better = margin.numpy() < worst
            worst, answer = np.where(better, margin, worst), np.where(better, predicted, answer)
            for _ in range(self._steps):
                moved = tf.clip_by_value(moved - step * tf.sign(gradient), -bound, bound) * valid
                margin, predicted, gradient = self._evaluated(moved, x, length, truth)
                better = margin.numpy() < worst
                worst, answer = np.where(better, margin, worst), np.where(better, predicted, answer)
        return Attacked(worst, answer, norm)


def margin_of(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns by how much the truth wins, `[batch]`."""
    truth = tf.one_hot(labels, tf.shape(logits)[-1], on_value=True, off_value=False)
    of_truth = tf.reduce_max(tf.where(truth, logits, -np.inf), axis=-1)
    return of_truth - tf.reduce_max(tf.where(truth, -np.inf, logits), axis=-1)


def change(
    clean: np.ndarray, adversarial: np.ndarray, mean: np.ndarray, deviation: np.ndarray, clip_value: float
) -> np.ndarray:
    """Returns how far an attack moves each feature of each frame, in standard deviations.

    The largest changes over some draws are the smallest box around the utterance that holds them all, so whoever may
    move within it can do at least what these draws did. One radius for all features, such as the root mean square,
    holds none of them: some descriptors move ten times as far as others, and most frames hardly at all.

    Args:
        clean: Raw frames, float `[frames, features]`.
        adversarial: The same under attack.
        mean: Mean of each feature over the training frames, float `[features]`.
        deviation: As for `ProjectedGradientDescent`.
        clip_value: Beyond so many deviations from the mean a model looks no further, and what lies there counts as if
            it lay at that bound.

    Returns:
        Radii, float32 `[frames, features]`, not negative.
    """
    bounded = np.clip((adversarial - mean) / deviation, -clip_value, clip_value)
    moved = np.abs(bounded - (clean - mean) / deviation).astype(np.float32)
    # What did not move may lie beyond the bound itself.
    return np.where(adversarial == clean, np.float32(0), moved)


def logits_of(classifier: Any, cleaner: Any | None = None) -> Logits:
    """Returns the logits of a Keras classifier, behind a generator or not.

    Args:
        classifier: From `kerasser.models.classifier.build`.
        cleaner: From `kerasser.models.gan.cleaner`.
    """

    def logits(features: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        heard = features if cleaner is None else cleaner({"features": features, "lengths": lengths}, training=False)
        return classifier({"features": heard, "lengths": lengths}, training=False)["logits"]

    return logits
